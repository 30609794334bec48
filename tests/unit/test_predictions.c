#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fault.h"
#include "base/rng.h"
#include "data/labels.h"
#include "data/predictions.h"

#define HEADER "ID,N,D,G,C,A,H,M,O\n"

static dms_status parse(dms_prediction_rows *p, const char *text,
                        dms_error *err)
{
    return dms_prediction_rows_parse(p, text, strlen(text), "p.csv",
                                     dms_label_set_odir(), err);
}

static void assert_refused(const char *text, const char *message)
{
    dms_prediction_rows p = {0};
    dms_error err = {0};

    assert_int_equal(parse(&p, text, &err), DMS_EFORMAT);
    if (!strstr(err.message, message))
        fail_msg("\"%s\" does not say \"%s\"", err.message, message);
    assert_null(p.ids);
}

static void columns_may_stand_in_any_order(void **state)
{
    dms_prediction_rows p = {0};
    dms_error err = {0};

    (void)state;
    if (parse(&p, "O,M,H,A,C,G,note,D,N,ID\n1,.7,.6,.5,.4,.3,?,.2,0, 7 \n",
              &err) != DMS_OK)
        fail_msg("%s", err.message);
    assert_int_equal(p.count, 1);
    assert_string_equal(p.ids[0], "7");
    assert_true(p.probabilities[0] == 0 && p.probabilities[1] == 0.2);
    assert_true(p.probabilities[6] == 0.7 && p.probabilities[7] == 1);
    dms_prediction_rows_release(&p);
}

static void a_spreadsheets_own_text_is_read(void **state)
{
    static const char text[] = "sep=;\n\"ID\";N;D;G;C;A;H;M;O\n"
                               "7;.1;.2;.3;.4;.5;.6;.7;.8\n";
    char wide[2 * sizeof text] = "\xff\xfe"; /* UTF-16, little end first */
    dms_prediction_rows p = {0};
    dms_error err = {0};

    (void)state;
    for (size_t i = 0; i + 1 < sizeof text; i++)
        wide[2 + 2 * i] = text[i];
    if (dms_prediction_rows_parse(&p, wide, 2 * sizeof text, "p.csv",
                                  dms_label_set_odir(), &err) != DMS_OK)
        fail_msg("%s", err.message);
    assert_int_equal(p.count, 1);
    assert_string_equal(p.ids[0], "7");
    assert_true(p.probabilities[7] == 0.8);
    dms_prediction_rows_release(&p);
}

static void ids_are_read_as_the_bytes_that_were_written(void **state)
{
    static const char *const ids[] = {"M\xfcller", "back\\x41", "a,\"b\";\n",
                                      "\xc3\xa4"};
    char path[] = "/tmp/test_predictions.XXXXXX";
    double probabilities[4 * DMS_ODIR_LABELS] = {0};
    dms_prediction_rows p = {0};
    dms_error err = {0};

    (void)state;
    close(mkstemp(path));
    assert_int_equal(dms_prediction_rows_write(path, ids, probabilities, 4,
                                               dms_label_set_odir(), &err),
                     DMS_OK);
    if (dms_prediction_rows_read(&p, path, dms_label_set_odir(), &err) !=
        DMS_OK)
        fail_msg("%s", err.message);
    assert_int_equal(p.count, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(p.ids[i], ids[i]);
    dms_prediction_rows_release(&p);
    unlink(path);
}

static void errors_name_file_line_and_column(void **state)
{
    (void)state;
    assert_refused("", "p.csv: the file is empty");
    assert_refused("ID,N,D,G,C,A,H,M\n", "p.csv:1: column 'O' is missing");
    assert_refused("ID,N,D,G,C,A,H,M,O,O\n", "p.csv:1: duplicate column 'O'");
    assert_refused(HEADER "1,0,0,0,0,0,0,0,0\n,0,0,0,0,0,0,0,0\n",
                   "p.csv:3:1: the ID is empty");
    assert_refused(HEADER "1,0,0,0,0,0,0,0\n", "p.csv:2:9: '' is no");
    assert_refused(HEADER "1,0,x,0,0,0,0,0,0\n", "p.csv:2:3: 'x' is no");
    assert_refused(HEADER "1,0,0.5y,0,0,0,0,0,0\n", "p.csv:2:3: '0.5y'");
}

static void what_lies_outside_zero_to_one_is_refused(void **state)
{
    static const char *const wrong[] = {"nan",  "-0.1", "1.01", "inf",
                                        "-nan", "1e9",  "-1e-9"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[100];

        snprintf(text, sizeof text, HEADER "1,0,0,%s,0,0,0,0,0\n", wrong[i]);
        assert_refused(text, "p.csv:2:4: '");
    }
}

static void an_id_twice_is_refused_with_both_lines(void **state)
{
    (void)state;
    assert_refused(HEADER "8,0,0,0,0,0,0,0,0\n7,0,0,0,0,0,0,0,0\n"
                          "8,0,0,0,0,0,0,0,0\n",
                   "p.csv:4:1: duplicate ID '8', first in line 2");
}

static void every_probability_reads_back_bit_equal(void **state)
{
    static const char *const ids[] = {"12", "a \"b\", c", "z;\tz"};
    enum { COUNT = sizeof ids / sizeof *ids };
    double probabilities[COUNT * DMS_ODIR_LABELS] = {0, 1, 1.0 / 3, 0x1p-1074};
    char path[] = "/tmp/dms-predictions-XXXXXX";
    int file = mkstemp(path);
    dms_rng rng = dms_rng_seeded(1);
    dms_prediction_rows p = {0};
    dms_error err = {0};

    (void)state;
    assert_true(file >= 0);
    close(file);
    for (size_t i = 4; i < COUNT * DMS_ODIR_LABELS; i++)
        probabilities[i] = i % 2 ? dms_rng_uniform(&rng)
                                 : (double)(float)dms_rng_uniform(&rng);
    if (dms_prediction_rows_write(path, ids, probabilities, COUNT,
                                  dms_label_set_odir(), &err) ||
        dms_prediction_rows_read(&p, path, dms_label_set_odir(), &err))
        fail_msg("%s", err.message);
    unlink(path);
    assert_int_equal(p.count, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_string_equal(p.ids[i], ids[i]);
    assert_memory_equal(p.probabilities, probabilities, sizeof probabilities);
    dms_prediction_rows_release(&p);
}

static void every_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        dms_prediction_rows p = {0};

        alloc_fault_end(
            &fault,
            parse(&p, HEADER "1,0,0,0,0,0,0,0,0\n2,0,0,0,0,0,0,0,0\n", NULL));
        dms_prediction_rows_release(&p);
    }
    assert_true(fault.count > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_may_stand_in_any_order),
        cmocka_unit_test(a_spreadsheets_own_text_is_read),
        cmocka_unit_test(ids_are_read_as_the_bytes_that_were_written),
        cmocka_unit_test(errors_name_file_line_and_column),
        cmocka_unit_test(what_lies_outside_zero_to_one_is_refused),
        cmocka_unit_test(an_id_twice_is_refused_with_both_lines),
        cmocka_unit_test(every_probability_reads_back_bit_equal),
        cmocka_unit_test(every_failed_allocation_is_reported_and_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
