/* The whole report: intervals, memory, JSON, text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "alloc_fault.h"
#include "base/rng.h"
#include "data/labels.h"
#include "dms/metrics.h"
#include "eval/spread.h"

enum { PATIENTS = 120 };

typedef struct sample {
    uint8_t labels[PATIENTS * DMS_ODIR_LABELS];
    double probabilities[PATIENTS * DMS_ODIR_LABELS];
} sample;

/* Predictions that know something; H never occurs. */
static sample make_sample(dms_task task)
{
    dms_rng rng = dms_rng_seeded(4);
    sample s = {0};

    for (size_t i = 0; i < PATIENTS; i++) {
        uint8_t *y = s.labels + i * DMS_ODIR_LABELS;
        uint64_t class = dms_rng_below(&rng, 5);

        y[class] = 1;
        if (task == DMS_TASK_MULTI_LABEL)
            y[dms_rng_below(&rng, 5)] = 1;
        for (size_t k = 0; k < DMS_ODIR_LABELS; k++)
            s.probabilities[i * DMS_ODIR_LABELS + k] =
                0.4 * y[k] + 0.6 * dms_rng_uniform(&rng);
    }
    return s;
}

static dms_status measure(dms_report **report, dms_task task,
                          const dms_report_options *options, dms_error *err)
{
    sample s = make_sample(task);
    dms_label_set *set = NULL;
    dms_status st = dms_label_set_asked(&set, dms_label_set_odir(), task, err);

    if (st == DMS_OK)
        st = dms_report_measure(
            report, &(dms_answers){set, s.labels, s.probabilities, PATIENTS},
            options, err);
    dms_label_set_destroy(set);
    return st;
}

static dms_report *report_of(dms_task task, dms_report_options options)
{
    dms_error err = {0};
    dms_report *report = NULL;

    if (measure(&report, task, &options, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return report;
}

static dms_report_options options_of_300(void)
{
    dms_report_options options;

    dms_report_options_init(&options, sizeof options);
    options.resamples = 300;
    return options;
}

static void figures_are_bit_equal_for_any_number_of_threads(void **state)
{
    dms_report_options options = options_of_300();
    dms_report *one = NULL;

    (void)state;
    options.threads = 1;
    one = report_of(DMS_TASK_MULTI_LABEL, options);
    for (int threads = 0; threads < 6; threads++) {
        dms_report *other = NULL;

        options.threads = threads;
        other = report_of(DMS_TASK_MULTI_LABEL, options);
        assert_memory_equal(one->metrics, other->metrics,
                            DMS_METRICS * sizeof *one->metrics);
        assert_memory_equal(one->labels, other->labels,
                            DMS_ODIR_LABELS * sizeof *one->labels);
        for (int f = 0; f < DMS_FLOORS; f++)
            assert_memory_equal(one->floors[f], other->floors[f],
                                DMS_METRICS * sizeof *one->floors[f]);
        dms_report_destroy(other);
    }
    dms_report_destroy(one);
}

static void another_seed_gives_other_intervals_and_the_same_values(void **state)
{
    dms_report_options options = options_of_300();
    dms_report *a = report_of(DMS_TASK_MULTI_LABEL, options);
    dms_report *b = NULL;

    (void)state;
    options.seed = 1;
    b = report_of(DMS_TASK_MULTI_LABEL, options);
    assert_true(a->metrics[0].value == b->metrics[0].value);
    assert_true(a->metrics[0].low != b->metrics[0].low);
    dms_report_destroy(a);
    dms_report_destroy(b);
}

static void intervals_hold_their_values(void **state)
{
    dms_report *report = report_of(DMS_TASK_MULTI_LABEL, options_of_300());

    (void)state;
    for (size_t m = 0; m < DMS_METRIC_TOP1_ACCURACY; m++) {
        const dms_figure *f = &report->metrics[m];

        assert_true(f->low <= f->value && f->value <= f->high);
    }
    assert_true(report->metrics[0].low < report->metrics[0].high);
    dms_report_destroy(report);
}

static void a_floor_is_beaten_by_the_lower_end(void **state)
{
    dms_report *report = report_of(DMS_TASK_MULTI_LABEL, options_of_300());
    dms_figure *kappa = &report->metrics[DMS_METRIC_ODIR_KAPPA];

    (void)state;
    assert_true(dms_report_beats(report, DMS_METRIC_ODIR_KAPPA,
                                 DMS_FLOOR_CLASS_PRIORS));
    kappa->low =
        report->floors[DMS_FLOOR_CLASS_PRIORS][DMS_METRIC_ODIR_KAPPA].value;
    assert_false(dms_report_beats(report, DMS_METRIC_ODIR_KAPPA,
                                  DMS_FLOOR_CLASS_PRIORS));
    kappa->low = NAN;
    assert_false(dms_report_beats(report, DMS_METRIC_ODIR_KAPPA,
                                  DMS_FLOOR_CLASS_PRIORS));
    dms_report_destroy(report);
}

static void a_floor_of_errors_is_beaten_by_the_upper_end(void **state)
{
    dms_report *report = report_of(DMS_TASK_MULTI_LABEL, options_of_300());
    dms_figure *brier = &report->metrics[DMS_METRIC_BRIER];
    double floor =
        report->floors[DMS_FLOOR_CLASS_PRIORS][DMS_METRIC_BRIER].value;

    (void)state;
    brier->low = floor / 3, brier->high = floor / 2;
    assert_true(
        dms_report_beats(report, DMS_METRIC_BRIER, DMS_FLOOR_CLASS_PRIORS));
    brier->high = floor;
    assert_false(
        dms_report_beats(report, DMS_METRIC_BRIER, DMS_FLOOR_CLASS_PRIORS));
    brier->high = NAN;
    assert_false(
        dms_report_beats(report, DMS_METRIC_BRIER, DMS_FLOOR_CLASS_PRIORS));
    dms_report_destroy(report);
}

static json_t *load(const dms_report *report)
{
    json_error_t where;
    char *text = NULL;
    json_t *json;

    assert_int_equal(dms_report_json(&text, report, NULL), DMS_OK);
    json = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    if (!json)
        fail_msg("%d: %s", where.line, where.text);
    dms_text_free(text);
    return json;
}

/* null stands for NaN. */
static void assert_same(const json_t *figure, const char *key, double want)
{
    const json_t *got = json_object_get(figure, key);

    assert_non_null(got);
    if (isnan(want))
        assert_true(json_is_null(got));
    else
        assert_true(json_number_value(got) == want);
}

static void assert_same_figure(const json_t *object, const char *name,
                               dms_figure want)
{
    const json_t *figure = json_object_get(object, name);

    if (!figure)
        fail_msg("%s is missing", name);
    assert_int_equal(json_object_size(figure), 3);
    assert_same(figure, "value", want.value);
    assert_same(figure, "low", want.low);
    assert_same(figure, "high", want.high);
}

/* The object has the figures that the labels have, and no others. */
static void assert_same_figures(const json_t *object, const dms_report *r,
                                const dms_figure *figures)
{
    size_t count = 0;

    for (size_t m = 0; m < DMS_METRICS; m++)
        if (dms_metric_applies((dms_metric)m, r->label_set)) {
            assert_same_figure(object, dms_metric_name((dms_metric)m),
                               figures[m]);
            count++;
        }
    assert_int_equal(json_object_size(object), count);
}

static void check_json(const dms_report *r)
{
    json_t *json = load(r);
    json_t *object = json_object_get(json, "metrics");

    assert_same_figures(object, r, r->metrics);
    for (size_t k = 0; k < DMS_ODIR_LABELS; k++) {
        const char letter[] = {"NDGCAHMO"[k], '\0'};

        object = json_object_get(json_object_get(json, "labels"), letter);
        for (size_t m = 0; m < DMS_LABEL_METRICS; m++)
            assert_same_figure(object,
                               dms_label_metric_name((dms_label_metric)m),
                               r->labels[k].metrics[m]);
    }
    for (size_t f = 0; f < DMS_FLOORS; f++) {
        object = json_object_get(json_object_get(json, "floors"),
                                 dms_floor_name((dms_floor)f));
        assert_same_figures(object, r, r->floors[f]);
    }
    json_decref(json);
}

static void json_reads_back_bit_equal_with_null_for_undefined(void **state)
{
    dms_report *report = report_of(DMS_TASK_MULTI_LABEL, options_of_300());

    (void)state;
    assert_true(isnan(report->labels[5].metrics[DMS_LABEL_METRIC_AUC].value));
    check_json(report);
    dms_report_destroy(report);
    report = report_of(DMS_TASK_SINGLE_LABEL, options_of_300());
    check_json(report);
    dms_report_destroy(report);
}

static void tuned_thresholds_are_said_to_be_tuned_here(void **state)
{
    dms_report_options options = options_of_300();

    (void)state;
    for (int tuned = 0; tuned < 2; tuned++) {
        char *text = NULL;
        dms_report *report = NULL;
        json_t *json;

        options.tuned_here = tuned;
        report = report_of(DMS_TASK_MULTI_LABEL, options);
        assert_int_equal(dms_report_text(&text, report, NULL), DMS_OK);
        assert_int_equal(strstr(text, "TUNED ON THESE SAME") != NULL, tuned);
        dms_text_free(text);
        json = load(report);
        assert_int_equal(json_is_true(json_object_get(
                             json, "thresholds_tuned_on_same_split")),
                         tuned);
        json_decref(json);
        dms_report_destroy(report);
    }
}

static void text_fits_eighty_columns(void **state)
{
    dms_report *report = report_of(DMS_TASK_SINGLE_LABEL, options_of_300());
    size_t width = 0;
    char *text = NULL;

    (void)state;
    report->left_out = 586;
    assert_int_equal(dms_report_text(&text, report, NULL), DMS_OK);
    for (const char *c = text; *c; c++) {
        width = *c == '\n' ? 0 : width + 1;
        assert_in_range(*c, '\n', '~');
        assert_in_range(width, 0, 80);
    }
    assert_non_null(strstr(text, "class_kappa_quadratic"));
    assert_non_null(strstr(text, "586 patients"));
    dms_text_free(text);
    dms_report_destroy(report);
}

static void what_a_library_lacks_is_null(void **state)
{
    dms_report *r = report_of(DMS_TASK_MULTI_LABEL, options_of_300());

    (void)state;
    assert_ptr_equal(dms_report_metric(r, DMS_METRIC_MICRO_AUC),
                     &r->metrics[DMS_METRIC_MICRO_AUC]);
    assert_null(dms_report_metric(r, DMS_METRICS));
    assert_ptr_equal(dms_report_floor(r, DMS_FLOOR_CLASS_PRIORS, DMS_METRIC_F1),
                     &r->floors[DMS_FLOOR_CLASS_PRIORS][DMS_METRIC_F1]);
    assert_null(dms_report_floor(r, DMS_FLOORS, DMS_METRIC_F1));
    assert_null(dms_report_floor(r, DMS_FLOOR_ALL_ZERO, DMS_METRICS));
    assert_ptr_equal(dms_report_label(r, DMS_ODIR_O), &r->labels[DMS_ODIR_O]);
    assert_null(dms_report_label(r, DMS_ODIR_LABELS));
    assert_null(dms_report_label(r, -1));
    dms_report_destroy(r);
}

static void names_are_found_again(void **state)
{
    (void)state;
    for (int m = 0; m < DMS_METRICS; m++) {
        dms_metric found = DMS_METRICS;

        assert_true(dms_metric_find(&found, dms_metric_name((dms_metric)m)));
        assert_int_equal(found, m);
    }
    assert_null(dms_metric_name(DMS_METRICS));
    assert_false(dms_metric_find(&(dms_metric){0}, "loss"));
    assert_false(dms_criterion_find(&(dms_criterion){0}, "macro"));
}

static void every_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
    dms_report_options options = options_of_300();
    alloc_fault fault = {0};

    (void)state;
    options.resamples = 2;
    while (alloc_fault_next(&fault)) {
        dms_report *report = NULL;
        dms_error err = {0};

        alloc_fault_end(
            &fault, measure(&report, DMS_TASK_SINGLE_LABEL, &options, &err));
        dms_report_destroy(report);
        assert_true(!fault.fired || strstr(err.message, "out of memory"));
    }
    assert_true(fault.count > 20);
}

static void a_spread_leaves_out_what_is_undefined(void **state)
{
    static const double values[] = {1, 7, NAN, 7, 2, 7, 3, 7, NAN, 7};
    dms_spread all = dms_spread_of(values, 5, 2);
    dms_spread one = dms_spread_of(values, 2, 2);
    dms_spread none = dms_spread_of(values + 2, 1, 2);

    (void)state;
    assert_true(all.mean == 2 && all.deviation == 1);
    assert_true(one.mean == 1 && isnan(one.deviation));
    assert_true(isnan(none.mean) && isnan(none.deviation));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_bit_equal_for_any_number_of_threads),
        cmocka_unit_test(
            another_seed_gives_other_intervals_and_the_same_values),
        cmocka_unit_test(intervals_hold_their_values),
        cmocka_unit_test(a_floor_is_beaten_by_the_lower_end),
        cmocka_unit_test(a_floor_of_errors_is_beaten_by_the_upper_end),
        cmocka_unit_test(json_reads_back_bit_equal_with_null_for_undefined),
        cmocka_unit_test(tuned_thresholds_are_said_to_be_tuned_here),
        cmocka_unit_test(text_fits_eighty_columns),
        cmocka_unit_test(what_a_library_lacks_is_null),
        cmocka_unit_test(names_are_found_again),
        cmocka_unit_test(every_failed_allocation_is_reported_and_nothing_leaks),
        cmocka_unit_test(a_spread_leaves_out_what_is_undefined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
