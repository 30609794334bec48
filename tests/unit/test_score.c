/* Predictions files against tables of labels. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dms/metrics.h"

#define HEADER "ID,N,D,G,C,A,H,M,O\n"

typedef struct folder {
    char path[64], table[96], predictions[96];
} folder;

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    folder *f = calloc(1, sizeof *f);

    assert_non_null(f);
    strcpy(f->path, "/tmp/dms-score-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->table, sizeof f->table, "%s/labels.csv", f->path);
    snprintf(f->predictions, sizeof f->predictions, "%s/p.csv", f->path);
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    folder *f = *state;

    unlink(f->table);
    unlink(f->predictions);
    rmdir(f->path);
    free(f);
    return 0;
}

static dms_score_options without_bootstrap(void)
{
    static const dms_report_options no_resamples = {
        .struct_size = sizeof no_resamples, .threshold = 0.5};
    dms_score_options options;

    dms_score_options_init(&options, sizeof options);
    options.report = &no_resamples;
    return options;
}

static dms_status score(dms_report **report, const folder *f, const char *table,
                        const char *predictions,
                        const dms_score_options *options, dms_error *err)
{
    write_text(f->table, table);
    write_text(f->predictions, predictions);
    return dms_score_files(report, f->table, f->predictions, options, NULL,
                           err);
}

static void assert_scored(dms_report **report, const folder *f,
                          const char *table, const char *predictions,
                          const dms_score_options *options)
{
    dms_error err = {0};

    if (score(report, f, table, predictions, options, &err) != DMS_OK)
        fail_msg("%s", err.message);
}

static void assert_refused(const folder *f, const char *table,
                           const char *predictions,
                           const dms_score_options *options, dms_status status,
                           const char *message)
{
    dms_error err = {0};
    dms_report *report = NULL;

    assert_int_equal(score(&report, f, table, predictions, options, &err),
                     status);
    assert_null(report); /* untouched */
    if (!strstr(err.message, message))
        fail_msg("\"%s\" does not say \"%s\"", err.message, message);
}

static const char table_of_three[] = HEADER "1,1,0,0,0,0,0,0,0\n"
                                            "2,0,1,1,0,0,0,0,0\n"
                                            "3,0,0,0,1,0,0,0,0\n";
static const char predictions_of_three[] = HEADER "3,0,0,0,.9,0,0,0,0\n"
                                                  "1,.8,0,0,0,0,0,0,0\n"
                                                  "2,0,.7,.2,0,0,0,0,0\n";

static void patients_are_joined_by_id(void **state)
{
    dms_score_options options = without_bootstrap();
    dms_report *report = NULL;

    assert_scored(&report, *state, table_of_three, predictions_of_three,
                  &options);
    assert_int_equal(report->patients, 3);
    assert_true(report->metrics[DMS_METRIC_RECALL].value == 0.75);
    assert_true(report->metrics[DMS_METRIC_PRECISION].value == 1);
    assert_true(fabs(report->labels[1].prior - 1.0 / 3) < 1e-15);
    assert_true(isnan(report->metrics[DMS_METRIC_RECALL].low));
    dms_report_destroy(report);
}

static void missing_predictions_are_named(void **state)
{
    dms_score_options options = without_bootstrap();

    assert_refused(*state, table_of_three, HEADER "3,0,0,0,1,0,0,0,0\n",
                   &options, DMS_EMISMATCH, "the first: '1', '2'");
    options.allow_subset = true;
    assert_refused(*state, table_of_three, HEADER "3,0,0,0,1,0,0,0,0\n",
                   &options, DMS_EMISMATCH, "2 labelled patients");
}

static void extra_predictions_are_named_unless_allowed(void **state)
{
    static const char table[] = HEADER "3,0,0,0,1,0,0,0,0\n";
    dms_score_options options = without_bootstrap();
    dms_report *report = NULL;

    assert_refused(*state, table, predictions_of_three, &options, DMS_EMISMATCH,
                   "the first: '1', '2'");
    options.allow_subset = true;
    assert_scored(&report, *state, table, predictions_of_three, &options);
    assert_int_equal(report->patients, 1);
    dms_report_destroy(report);
}

static void a_split_is_the_tables_own(void **state)
{
    static const char table[] = "ID,N,D,G,C,A,H,M,O,split\n"
                                "1,1,0,0,0,0,0,0,0,train\n"
                                "2,0,1,1,0,0,0,0,0,val\n"
                                "3,0,0,0,1,0,0,0,0,val\n";
    dms_score_options options = without_bootstrap();
    dms_report *report = NULL;

    options.split = DMS_SPLIT_VAL;
    assert_scored(&report, *state, table,
                  HEADER "3,0,0,0,1,0,0,0,0\n2,0,1,0,0,0,0,0,0\n", &options);
    assert_int_equal(report->patients, 2);
    assert_refused(*state, table, predictions_of_three, &options, DMS_EMISMATCH,
                   "for split val; the first: '1'");
    options.split = DMS_SPLIT_TEST;
    assert_refused(*state, table, predictions_of_three, &options, DMS_EMISMATCH,
                   "nothing to score");
    assert_refused(*state, table_of_three, predictions_of_three, &options,
                   DMS_EMISMATCH, "no column 'split'");
    dms_report_destroy(report);
}

static void single_label_leaves_out_patients_of_several_labels(void **state)
{
    dms_score_options options = without_bootstrap();
    dms_report *report = NULL;

    options.task = DMS_TASK_SINGLE_LABEL;
    assert_scored(&report, *state, table_of_three, predictions_of_three,
                  &options);
    assert_int_equal(report->patients, 2);
    assert_int_equal(report->left_out, 1);
    assert_true(report->metrics[DMS_METRIC_TOP1_ACCURACY].value == 1);
    dms_report_destroy(report);
}

static void without_options_all_is_scored_with_the_default_report(void **state)
{
    dms_report *report = NULL;

    assert_scored(&report, *state, table_of_three, predictions_of_three, NULL);
    assert_int_equal(report->patients, 3);
    assert_int_equal(report->resamples, 2000);
    assert_true(report->labels[0].threshold == 0.5);
    dms_report_destroy(report);
}

static void report_options_that_were_not_initialised_are_refused(void **state)
{
    const dms_report_options report = {.resamples = 20};
    dms_score_options options = without_bootstrap();

    options.report = &report;
    assert_refused(*state, table_of_three, predictions_of_three, &options,
                   DMS_EINVAL, "dms_report_options: struct_size is 0");
}

static void errors_of_either_file_name_it(void **state)
{
    dms_score_options options = without_bootstrap();

    assert_refused(*state, table_of_three, HEADER "1,2,0,0,0,0,0,0,0\n",
                   &options, DMS_EFORMAT,
                   "p.csv:2:2: '2' is not a probability");
    assert_refused(*state, HEADER "1,x,0,0,0,0,0,0,0\n", predictions_of_three,
                   &options, DMS_EFORMAT, "labels.csv:2");
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(patients_are_joined_by_id),
        TEST(missing_predictions_are_named),
        TEST(extra_predictions_are_named_unless_allowed),
        TEST(a_split_is_the_tables_own),
        TEST(single_label_leaves_out_patients_of_several_labels),
        TEST(without_options_all_is_scored_with_the_default_report),
        TEST(report_options_that_were_not_initialised_are_refused),
        TEST(errors_of_either_file_name_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
