/* Comparisons of predictions. tests/parity/test_compare.py has the oracles of
 * the statistics on random cases. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fault.h"
#include "base/rng.h"
#include "dms/compare.h"
#include "eval/bootstrap.h"
#include "eval/holm.h"
#include "eval/mcnemar.h"

enum { PATIENTS = 60, LABELS = 8, SETS = 3 };

/* Three sets of predictions of random labels, the later the better. */
typedef struct cohort {
    uint8_t labels[PATIENTS * LABELS];
    double probabilities[SETS][PATIENTS * LABELS];
    dms_compared sets[SETS];
    dms_compare_input input;
} cohort;

static void make_cohort(cohort *c)
{
    static const char *const names[SETS] = {"one", "two", "three"};
    dms_rng rng = dms_rng_seeded(5);

    for (size_t i = 0; i < PATIENTS * LABELS; i++) {
        c->labels[i] = dms_rng_uniform(&rng) < 0.3;
        for (int s = 0; s < SETS; s++)
            c->probabilities[s][i] =
                0.1 * (1 + s) * c->labels[i] + 0.7 * dms_rng_uniform(&rng);
    }
    for (int s = 0; s < SETS; s++)
        c->sets[s] = (dms_compared){.name = names[s],
                                    .probabilities = c->probabilities[s]};
    c->input = (dms_compare_input){.labels = c->labels,
                                   .patients = PATIENTS,
                                   .sets = c->sets,
                                   .set_count = SETS};
}

static dms_comparison *compare(const cohort *c, int threads, uint64_t seed,
                               bool all_pairs)
{
    dms_compare_options options;
    dms_comparison *comparison = NULL;
    dms_error err = {0};

    dms_compare_options_init(&options, sizeof options);
    options.threads = threads;
    options.seed = seed;
    options.resamples = 200;
    options.all_pairs = all_pairs;
    assert_int_equal(dms_compare(&comparison, &c->input, &options, &err),
                     DMS_OK);
    return comparison;
}

static void a_set_does_not_differ_from_itself(void **state)
{
    cohort c;
    dms_comparison *self;

    (void)state;
    make_cohort(&c);
    c.sets[1].probabilities = c.probabilities[0];
    c.input.set_count = 2;
    self = compare(&c, 0, 1, false);
    assert_int_equal(dms_comparison_pair_count(self), 1);
    for (int m = 0; m < DMS_METRICS; m++) {
        const dms_difference *d = dms_comparison_metric(self, 0, (dms_metric)m);

        if (d)
            assert_true(d->value == 0 && d->low == 0 && d->high == 0 &&
                        d->p == 1 && d->p_holm == 1);
    }
    for (int k = 0; k < LABELS; k++) {
        const dms_difference *auc = dms_comparison_auc(self, 0, k);
        const dms_discordance *d = dms_comparison_decisions(self, 0, k);

        assert_true(auc->value == 0 && auc->low == 0 && auc->p == 1);
        assert_true(d->first_only == 0 && d->second_only == 0 && d->p == 1);
    }
    dms_comparison_destroy(self);
}

static char *json_of(const dms_comparison *comparison)
{
    char *text = NULL;

    assert_int_equal(dms_comparison_json(&text, comparison, NULL), DMS_OK);
    return text;
}

static void the_seed_alone_decides_every_bit(void **state)
{
    static const struct {
        int threads;
        uint64_t seed;
    } cases[] = {{1, 1}, {2, 1}, {7, 1}, {1, 2}};
    cohort c;
    char *texts[4];

    (void)state;
    make_cohort(&c);
    for (int i = 0; i < 4; i++) {
        dms_comparison *comparison =
            compare(&c, cases[i].threads, cases[i].seed, true);

        texts[i] = json_of(comparison);
        dms_comparison_destroy(comparison);
    }
    assert_string_equal(texts[0], texts[1]);
    assert_string_equal(texts[0], texts[2]);
    assert_string_not_equal(texts[0], texts[3]);
    for (int i = 0; i < 4; i++)
        dms_text_free(texts[i]);
}

static void exchanged_sets_have_opposite_differences(void **state)
{
    cohort c;
    dms_comparison *there, *back;

    (void)state;
    make_cohort(&c);
    c.input.set_count = 2;
    there = compare(&c, 0, 1, false);
    c.sets[0].probabilities = c.probabilities[1];
    c.sets[1].probabilities = c.probabilities[0];
    back = compare(&c, 0, 1, false);
    for (int k = 0; k < LABELS; k++) {
        const dms_difference *a = dms_comparison_auc(there, 0, k);
        const dms_difference *b = dms_comparison_auc(back, 0, k);
        const dms_discordance *x = dms_comparison_decisions(there, 0, k);
        const dms_discordance *y = dms_comparison_decisions(back, 0, k);

        assert_float_equal(a->value, -b->value, 1e-12);
        assert_float_equal(a->low, -b->high, 1e-12);
        assert_float_equal(a->p, b->p, 1e-12);
        assert_int_equal(x->first_only, y->second_only);
        assert_true(x->p == y->p);
    }
    assert_float_equal(
        dms_comparison_metric(there, 0, DMS_METRIC_MACRO_AUC)->low,
        -dms_comparison_metric(back, 0, DMS_METRIC_MACRO_AUC)->high, 1e-12);
    dms_comparison_destroy(there);
    dms_comparison_destroy(back);
}

static void pairs_are_with_the_first_or_all(void **state)
{
    static const size_t expected[3][2] = {{0, 1}, {0, 2}, {1, 2}};
    cohort c;

    (void)state;
    make_cohort(&c);
    for (int all = 0; all < 2; all++) {
        dms_comparison *comparison = compare(&c, 0, 1, all);
        size_t count = all ? 3 : 2, first, second;

        assert_int_equal(dms_comparison_pair_count(comparison), count);
        for (size_t p = 0; p < count; p++) {
            assert_true(dms_comparison_pair(comparison, p, &first, &second));
            assert_int_equal(first, expected[p][0]);
            assert_int_equal(second, expected[p][1]);
        }
        assert_false(dms_comparison_pair(comparison, count, &first, &second));
        assert_null(dms_comparison_auc(comparison, count, 0));
        dms_comparison_destroy(comparison);
    }
}

static void figures_are_those_of_a_report_with_the_same_seed(void **state)
{
    cohort c;
    dms_comparison *comparison;
    dms_report_options options;

    (void)state;
    make_cohort(&c);
    comparison = compare(&c, 0, 3, false);
    dms_report_options_init(&options, sizeof options);
    options.resamples = 200;
    options.seed = 3;
    for (size_t s = 0; s < SETS; s++) {
        const dms_answers answers = {NULL, c.labels, c.probabilities[s],
                                     PATIENTS};
        dms_report *report = NULL;

        assert_int_equal(dms_report_measure(&report, &answers, &options, NULL),
                         DMS_OK);
        assert_memory_equal(
            dms_comparison_figure(comparison, s, DMS_METRIC_ODIR_FINAL),
            dms_report_metric(report, DMS_METRIC_ODIR_FINAL),
            sizeof(dms_figure));
        assert_memory_equal(
            dms_comparison_label_figure(comparison, s, 4, DMS_LABEL_METRIC_AP),
            &dms_report_label(report, 4)->metrics[DMS_LABEL_METRIC_AP],
            sizeof(dms_figure));
        dms_report_destroy(report);
    }
    dms_comparison_destroy(comparison);
}

/* Label 0: nobody has it. Label 1: one patient. Label 2: unknown for all. */
static void what_cannot_be_tested_is_undefined(void **state)
{
    cohort c;
    dms_comparison *comparison;

    (void)state;
    make_cohort(&c);
    for (size_t i = 0; i < PATIENTS; i++) {
        c.labels[i * LABELS] = 0;
        c.labels[i * LABELS + 1] = i == 7;
        c.labels[i * LABELS + 2] = DMS_LABEL_UNKNOWN;
    }
    comparison = compare(&c, 0, 1, false);
    assert_true(isnan(dms_comparison_auc(comparison, 0, 0)->value));
    assert_true(isnan(dms_comparison_auc(comparison, 0, 0)->p_holm));
    assert_false(isnan(dms_comparison_auc(comparison, 0, 1)->value));
    assert_true(isnan(dms_comparison_auc(comparison, 0, 1)->p));
    assert_false(isnan(dms_comparison_decisions(comparison, 0, 0)->p));
    assert_true(isnan(dms_comparison_decisions(comparison, 0, 2)->p));
    dms_comparison_destroy(comparison);
}

static void unknown_cells_are_left_out_of_the_tests(void **state)
{
    cohort c;
    dms_comparison *with, *without;

    (void)state;
    make_cohort(&c);
    for (size_t k = 0; k < LABELS; k++)
        c.labels[3 * LABELS + k] = k == 4 ? DMS_LABEL_UNKNOWN : 1;
    with = compare(&c, 0, 1, false);
    /* whatever is predicted of it */
    c.probabilities[0][3 * LABELS + 4] = 1;
    c.probabilities[1][3 * LABELS + 4] = 0;
    without = compare(&c, 0, 1, false);
    assert_memory_equal(dms_comparison_auc(with, 0, 4),
                        dms_comparison_auc(without, 0, 4),
                        sizeof(dms_difference));
    assert_memory_equal(dms_comparison_decisions(with, 0, 4),
                        dms_comparison_decisions(without, 0, 4),
                        sizeof(dms_discordance));
    dms_comparison_destroy(with);
    dms_comparison_destroy(without);
}

static void mcnemar_is_the_binomial_test(void **state)
{
    static const struct {
        uint64_t first, second;
        double p;
    } cases[] = {
        {0, 0, 1},
        {7, 7, 1},
        {0, 5, 2. / 32},
        {1, 9, 2. * 11 / 1024},
        {9, 1, 2. * 11 / 1024},
        {3, 15, 2. * 988 / 262144},
        {0, 1, 1},
        {2, 3, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_float_equal(dms_mcnemar_p(cases[i].first, cases[i].second),
                           cases[i].p, 1e-12);
    assert_true(dms_mcnemar_p(0, UINT64_C(1) << 27) == 0);
}

static void holm_multiplies_by_how_many_tests_are_left(void **state)
{
    static const double p[] = {0.01, 0.04, NAN, 0.03, 0.005};
    static const double expected[] = {0.03, 0.06, NAN, 0.06, 0.02};
    double adjusted[5];

    (void)state;
    assert_int_equal(dms_holm_adjust(adjusted, p, 5, NULL), DMS_OK);
    for (int i = 0; i < 5; i++)
        if (isnan(expected[i]))
            assert_true(isnan(adjusted[i]));
        else
            assert_float_equal(adjusted[i], expected[i], 1e-12);
}

static void the_bootstraps_p_counts_both_sides(void **state)
{
    static const double above[] = {0.1, 0.2, 0.3}, both[] = {-0.1, 0, 0.3, 0.4};

    (void)state;
    assert_float_equal(dms_bootstrap_p(above, 3), 2. / 4, 1e-12);
    assert_float_equal(dms_bootstrap_p(both, 4), 1, 1e-12);
    assert_true(isnan(dms_bootstrap_p(NULL, 0)));
}

static void wrong_requests_are_refused(void **state)
{
    static const dms_metric count = DMS_METRIC_MACRO_AUC_LABELS,
                            classes = DMS_METRIC_CLASS_KAPPA;
    cohort c;
    dms_comparison *comparison = NULL;
    dms_compare_options options;
    dms_error err = {0};

    (void)state;
    make_cohort(&c);
    dms_compare_options_init(&options, sizeof options);
    options.metrics = &count, options.metric_count = 1;
    assert_int_equal(dms_compare(&comparison, &c.input, &options, &err),
                     DMS_EINVAL);
    assert_string_equal(err.message, "metric 'macro_auc_labels' cannot be "
                                     "compared for these labels");
    options.metrics = &classes;
    assert_int_equal(dms_compare(&comparison, &c.input, &options, NULL),
                     DMS_EINVAL);
    options.metrics = NULL, options.resamples = -1;
    assert_int_equal(dms_compare(&comparison, &c.input, &options, NULL),
                     DMS_EINVAL);
    c.input.set_count = 1;
    assert_int_equal(dms_compare(&comparison, &c.input, NULL, NULL),
                     DMS_EINVAL);
    c.input.set_count = 3;
    c.probabilities[2][9] = 1.5;
    assert_int_equal(dms_compare(&comparison, &c.input, NULL, NULL),
                     DMS_EINVAL);
    assert_null(comparison);
}

static void only_the_asked_metrics_are_one_family(void **state)
{
    static const dms_metric asked[] = {DMS_METRIC_MACRO_AUC};
    cohort c;
    dms_comparison *comparison = NULL;
    dms_compare_options options;
    const dms_difference *d;

    (void)state;
    make_cohort(&c);
    c.input.set_count = 2;
    dms_compare_options_init(&options, sizeof options);
    options.metrics = asked, options.metric_count = 1;
    options.resamples = 100;
    assert_int_equal(dms_compare(&comparison, &c.input, &options, NULL),
                     DMS_OK);
    d = dms_comparison_metric(comparison, 0, DMS_METRIC_MACRO_AUC);
    assert_true(d->p == d->p_holm);
    assert_null(dms_comparison_metric(comparison, 0, DMS_METRIC_KAPPA));
    dms_comparison_destroy(comparison);
}

static void memory_may_run_out_anywhere(void **state)
{
    cohort c;
    dms_compare_options options;
    alloc_fault fault = {0};

    (void)state;
    make_cohort(&c);
    dms_compare_options_init(&options, sizeof options);
    options.resamples = 3;
    while (alloc_fault_next(&fault)) {
        static dms_status (*const writers[])(char **, const dms_comparison *,
                                             dms_error *) = {
            dms_comparison_text, dms_comparison_markdown, dms_comparison_csv,
            dms_comparison_json};
        dms_comparison *comparison = NULL;
        char *text = NULL;
        dms_status st = dms_compare(&comparison, &c.input, &options, NULL);

        for (size_t i = 0; i < 4 && st == DMS_OK; i++) {
            st = writers[i](&text, comparison, NULL);
            dms_text_free(text), text = NULL;
        }
        alloc_fault_end(&fault, st);
        dms_comparison_destroy(comparison);
    }
    assert_true(fault.count > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_does_not_differ_from_itself),
        cmocka_unit_test(the_seed_alone_decides_every_bit),
        cmocka_unit_test(exchanged_sets_have_opposite_differences),
        cmocka_unit_test(pairs_are_with_the_first_or_all),
        cmocka_unit_test(figures_are_those_of_a_report_with_the_same_seed),
        cmocka_unit_test(what_cannot_be_tested_is_undefined),
        cmocka_unit_test(unknown_cells_are_left_out_of_the_tests),
        cmocka_unit_test(mcnemar_is_the_binomial_test),
        cmocka_unit_test(holm_multiplies_by_how_many_tests_are_left),
        cmocka_unit_test(the_bootstraps_p_counts_both_sides),
        cmocka_unit_test(wrong_requests_are_refused),
        cmocka_unit_test(only_the_asked_metrics_are_one_family),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };

    return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
