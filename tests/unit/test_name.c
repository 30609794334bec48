/* Names as text: any bytes come back, and what is written is UTF-8 whose every
 * \xHH stands for one byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/name.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "formats/csv.h"
#include "formats/json.h"

static char *text_of(const char *name, bool line)
{
    dms_strbuf out;
    char *text;

    dms_strbuf_init(&out);
    if (line)
        dms_name_put_line(&out, name);
    else
        dms_name_put(&out, name);
    text = dms_strbuf_detach(&out);
    dms_strbuf_release(&out);
    assert_non_null(text);
    return text;
}

static void bytes_that_are_no_utf8_are_escaped_and_all_else_stays(void **state)
{
    static const struct {
        const char *name, *text, *line; /* line NULL: as text */
    } cases[] = {
        {"", "", NULL},
        {"plain name.jpg", "plain name.jpg", NULL},
        {"M\xc3\xbcller", "M\xc3\xbcller", NULL},
        {"M\xfcller", "M\\xFCller", NULL},
        {"\xff\xc3", "\\xFF\\xC3", NULL},
        {"\xed\xa0\x80", "\\xED\\xA0\\x80", NULL}, /* a surrogate */
        {"C:\\temp\\x", "C:\\temp\\x", NULL},
        {"\\x4", "\\x4", NULL},
        {"\\xZZ\\x4G\\X41", "\\xZZ\\x4G\\X41", NULL},
        {"\\x41", "\\x5Cx41", NULL},
        {"\\xe9", "\\x5Cxe9", NULL},
        {"\\\\x41", "\\\\x5Cx41", NULL},
        {"\\\xe9", "\\\\xE9", NULL},
        {"\\x4\xe9", "\\x4\\xE9", NULL},
        {"a\tb\n\x1b[31m\x7f", "a\tb\n\x1b[31m\x7f",
         "a\\x09b\\x0A\\x1B[31m\\x7F"},
        {"\xc2\x9b"
         "31m",
         "\xc2\x9b"
         "31m",
         "\\xC2\\x9B31m"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int line = 0; line < 2; line++) {
            char *text = text_of(cases[i].name, line);

            assert_string_equal(text, line && cases[i].line ? cases[i].line
                                                            : cases[i].text);
            dms_name_unescape(text);
            assert_string_equal(text, cases[i].name);
            dms_free(text);
        }
}

static void hex_digits_of_either_case_are_read_and_no_nul(void **state)
{
    char text[] = "\\xe9\\xE9\\x00\\x4";

    (void)state;
    dms_name_unescape(text);
    assert_string_equal(text, "\xe9\xe9\\x00\\x4");
}

/* Bytes of which a name is made to be awkward. */
static void random_name(char *name, size_t len, dms_rng *rng)
{
    static const char some[] = "\\\\\\xx4eEfF09aA\xc3\xa9\xe2\x82\xac\xf0\x9f"
                               "\xff\x80\n\x1b\"',;\x7f\xc2\x85";

    for (size_t i = 0; i < len; i++)
        name[i] = dms_rng_u64(rng) % 8
                      ? some[dms_rng_u64(rng) % (sizeof some - 1)]
                      : (char)(1 + dms_rng_u64(rng) % 255);
    name[len] = '\0';
}

static void any_name_comes_back_from_text_json_and_csv(void **state)
{
    dms_rng rng = dms_rng_seeded(5);

    (void)state;
    for (int i = 0; i < 50000; i++) {
        char name[24], back[128];
        char *text;
        json_t *json;
        dms_strbuf csv;
        dms_table *table;
        dms_error err = {0};

        random_name(name, 1 + dms_rng_u64(&rng) % 20, &rng);
        for (int line = 0; line < 2; line++) {
            text = text_of(name, line);
            assert_true(dms_utf8_is_valid(text));
            for (const char *c = text; line && *c; c++)
                assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
            dms_name_unescape(text);
            assert_string_equal(text, name);
            dms_free(text);
        }
        json = dms_json_name(name);
        snprintf(back, sizeof back, "%s", json_string_value(json));
        dms_name_unescape(back);
        assert_string_equal(back, name);
        json_decref(json);

        dms_strbuf_init(&csv);
        dms_strbuf_puts(&csv, "id,other\n");
        dms_csv_put_name(&csv, name);
        dms_strbuf_puts(&csv, ",x\n");
        if (dms_csv_parse(&table, csv.data, csv.len, "a.csv", &err) != DMS_OK)
            fail_msg("%s in %s", err.message, csv.data);
        assert_int_equal(table->count, 2);
        snprintf(back, sizeof back, "%s", dms_table_cell(table, 1, 0));
        dms_name_unescape(back);
        assert_string_equal(back, name);
        dms_table_destroy(table);
        dms_strbuf_release(&csv);
    }
}

static void a_tree_of_json_is_whole_or_null(void **state)
{
    json_t *object = json_object(), *list = json_array();

    (void)state;
    dms_json_set(&object, "a", json_true());
    dms_json_append(&list, json_true());
    assert_int_equal(json_object_size(object), 1);
    assert_int_equal(json_array_size(list), 1);
    dms_json_set(&object, "b", NULL); /* as without memory */
    dms_json_append(&list, NULL);
    assert_null(object);
    assert_null(list);
    dms_json_set(&object, "c", json_integer(1));
    dms_json_append(&list, json_integer(1));
    assert_null(object);
    assert_null(list);
    assert_null(dms_json_dump(object, (dms_json_style){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_are_no_utf8_are_escaped_and_all_else_stays),
        cmocka_unit_test(hex_digits_of_either_case_are_read_and_no_nul),
        cmocka_unit_test(any_name_comes_back_from_text_json_and_csv),
        cmocka_unit_test(a_tree_of_json_is_whole_or_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
