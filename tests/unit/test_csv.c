#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc_fault.h"
#include "formats/csv.h"

/* rows as "a|b/c|d": cells parted by '|', rows by '/'. */
static void describe(char *out, size_t size, const dms_table *table)
{
    out[0] = '\0';
    for (size_t i = 0; i < table->count; i++) {
        if (i > 0)
            strncat(out, "/", size - strlen(out) - 1);
        for (size_t j = 0; j < table->rows[i].count; j++) {
            if (j > 0)
                strncat(out, "|", size - strlen(out) - 1);
            strncat(out, dms_table_cell(table, i, j), size - strlen(out) - 1);
        }
    }
}

static void cells_are_parted_as_spreadsheets_write_them(void **state)
{
    static const char *const cases[][2] = {
        {"a,b\n1,2\n", "a|b/1|2"},
        {"a,b\r\n1,2", "a|b/1|2"},
        {"a,b\r1,2\r", "a|b/1|2"},
        {"\xef\xbb\xbf"
         "a,b\n",
         "a|b"},
        {"a;b;c\n1,5;2;3\n", "a|b|c/1,5|2|3"},
        {"a\tb\n1\t\n", "a|b/1|"},
        {"a|b\n1|2,5\n", "a|b/1|2,5"},
        {"sep=;\r\na,x;b\r\n1,5;2\r\n", "a,x|b/1,5|2"},
        {"\xef\xbb\xbfSEP=\t\na\tb\n", "a|b"},
        {"\"sep=,\"\n\na,b;c;d\n", "a|b;c;d"},
        {"sep=a,b\n", "sep=a|b"},
        {"sep=", "sep="},
        {"\"a,b\",c\n", "a,b|c"},
        {"\"a\nb\",\"c\"\"d\"\n", "a\nb|c\"d"},
        {"\"a\r\nb\"\n", "a\nb"},
        {"a\"b,c\n", "a\"b|c"},
        {"\"\",x\n", "|x"},
        {"\"a;b;c\",d\n", "a;b;c|d"},
        {"\n\na,b\n\n,\n1,2\n\n", "a|b/1|2"},
        {"a,b,c\n1\n", "a|b|c/1"},
        {"Title, of 2\na;b;c\n1;2;3\n", "Title, of 2/a|b|c/1|2|3"},
        {"Title\na\tb\n1\t2,3\n", "Title/a|b/1|2,3"},
        {"a;b\n1,5;2,5\n3,5;4,5\n", "a|b/1,5|2,5/3,5|4,5"},
        {"a;b\n \t;\xc2\xa0\n1;2\n", "a|b/1|2"},
        {"", ""},
        {"a", "a"},
        {"\xe8\xbf\x91\xe8\xa7\x86,b\n", "\xe8\xbf\x91\xe8\xa7\x86|b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_table *table = NULL;
        dms_error err = {0};
        char got[256];

        if (dms_csv_parse(&table, cases[i][0], strlen(cases[i][0]), "x.csv",
                          &err) != DMS_OK)
            fail_msg("%s: %s", cases[i][0], err.message);
        describe(got, sizeof got, table);
        assert_string_equal(got, cases[i][1]);
        dms_table_destroy(table);
    }
}

static void rows_know_their_lines(void **state)
{
    static const char text[] = "a,b\r\n\r\n\"1\n\n\",2\n3,4\n";
    static const int lines[] = {1, 3, 6};
    dms_table *table = NULL;

    (void)state;
    assert_int_equal(
        dms_csv_parse(&table, text, sizeof text - 1, "x.csv", NULL), DMS_OK);
    assert_int_equal(table->count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(table->rows[i].line, lines[i]);
    dms_table_destroy(table);
}

static void broken_text_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *message;
    } cases[] = {
        {"a\n\"b\nc", 6, "x.csv:2: a quote is opened here and never closed"},
        {"a\n\"b\"c\n", 7,
         "x.csv:2: text follows a closing quote; a quote within a quoted cell "
         "is written twice"},
        {"a,b\n\xfc,c", 7, "x.csv: is not UTF-8 text (byte 5 is invalid)"},
        {"a\0,\0b\0", 6, "x.csv: is not UTF-8 text (it holds NUL bytes)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_table *table = NULL;
        dms_error err = {0};

        assert_int_equal(
            dms_csv_parse(&table, cases[i].text, cases[i].size, "x.csv", &err),
            DMS_EFORMAT);
        assert_string_equal(err.message, cases[i].message);
    }
}

static void too_many_columns_are_refused(void **state)
{
    size_t size = DMS_TABLE_COLUMNS_MAX + 1;
    char *text = malloc(size);
    dms_table *table = NULL;
    dms_error err = {0};

    (void)state;
    assert_non_null(text);
    memset(text, ',', size);
    assert_int_equal(dms_csv_parse(&table, text, size, "x.csv", &err),
                     DMS_ELIMIT);
    assert_int_equal(
        dms_csv_parse(&table, text, DMS_TABLE_COLUMNS_MAX - 1, "x.csv", &err),
        DMS_OK);
    dms_table_destroy(table);
    free(text);
}

static void columns_are_found_whatever_case_and_blanks(void **state)
{
    static const char text[] = "ID, Normal ,left_  fundus,ID\n";
    dms_table *table = NULL;

    (void)state;
    assert_int_equal(
        dms_csv_parse(&table, text, sizeof text - 1, "x.csv", NULL), DMS_OK);
    assert_int_equal(dms_table_find_column(table, "id", 0), 0);
    assert_int_equal(dms_table_find_column(table, "id", 1), 3);
    assert_int_equal(dms_table_find_column(table, "NORMAL", 0), 1);
    assert_int_equal(dms_table_find_column(table, "Left-Fundus", 0), 2);
    assert_true(dms_table_find_column(table, "Left", 0) == DMS_TABLE_NONE);
    assert_string_equal(dms_table_cell(table, 0, 99), "");
    dms_table_destroy(table);
}

static void a_failed_allocation_leaks_nothing(void **state)
{
    static const char text[] = "a,\"b\"\n1,2\n";
    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        dms_table *table = NULL;

        alloc_fault_end(&fault, dms_csv_parse(&table, text, sizeof text - 1,
                                              "x.csv", NULL));
        dms_table_destroy(table);
    }
    assert_true(fault.count > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_parted_as_spreadsheets_write_them),
        cmocka_unit_test(rows_know_their_lines),
        cmocka_unit_test(broken_text_is_refused_with_its_line),
        cmocka_unit_test(too_many_columns_are_refused),
        cmocka_unit_test(columns_are_found_whatever_case_and_blanks),
        cmocka_unit_test(a_failed_allocation_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
