/* Figures of cases small enough to be worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/labels.h"
#include "dms/metrics.h"
#include "eval/auc.h"
#include "eval/bootstrap.h"
#include "eval/confusion.h"
#include "eval/kappa.h"

static void assert_near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12))
        fail_msg("got %.17g, want %.17g", got, want);
}

#define assert_nan(x) assert_true(isnan(x))

static dms_ranks ranks_of(const uint8_t *truth, const double *p, size_t count)
{
    static const uint32_t ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
    dms_ranking ranking = {0};
    dms_ranks ranks;

    assert_int_equal(dms_ranking_init(&ranking, truth, p, count, 1, NULL),
                     DMS_OK);
    ranks = dms_ranking_measure(&ranking, ones);
    if (isnan(ranks.auc))
        assert_nan(dms_ranking_auc(&ranking, ones));
    else
        assert_near(dms_ranking_auc(&ranking, ones), ranks.auc);
    dms_ranking_release(&ranking);
    return ranks;
}

static void auc_of_tied_scores_is_one_half(void **state)
{
    const uint8_t truth[] = {1, 0, 0, 1};
    const double p[] = {0.3, 0.3, 0.3, 0.3};

    (void)state;
    assert_near(ranks_of(truth, p, 4).auc, 0.5);
    assert_near(ranks_of(truth, p, 4).ap, 0.5);
}

static void auc_counts_ordered_pairs_and_half_of_the_ties(void **state)
{
    /* Pairs of 1 and 0: .8>.5, .8>.2, .5=.5, .5>.2: 3.5 of 4. */
    const uint8_t truth[] = {1, 1, 0, 0};
    const double p[] = {0.8, 0.5, 0.5, 0.2};

    (void)state;
    assert_near(ranks_of(truth, p, 4).auc, 3.5 / 4);
    /* Half the recall at precision 1, half at 2/3. */
    assert_near(ranks_of(truth, p, 4).ap, 0.5 + 0.5 * 2 / 3);
}

static void auc_of_one_class_is_undefined(void **state)
{
    const uint8_t none[] = {0, 0, 0};
    const uint8_t all[] = {1, 1, 1};
    const double p[] = {0.1, 0.9, 0.4};

    (void)state;
    assert_nan(ranks_of(none, p, 3).auc);
    assert_nan(ranks_of(all, p, 3).auc);
    assert_near(ranks_of(none, p, 3).ap, 0);
    assert_near(ranks_of(all, p, 3).ap, 1);
}

static void weights_count_as_repeated_patients(void **state)
{
    const uint8_t truth[] = {1, 0, 1, 0};
    const double p[] = {0.9, 0.6, 0.4, 0.1};
    const uint32_t weights[] = {0, 2, 1, 1};
    const uint8_t repeated_truth[] = {0, 0, 1, 0};
    const double repeated_p[] = {0.6, 0.6, 0.4, 0.1};
    dms_ranks want = ranks_of(repeated_truth, repeated_p, 4);
    dms_ranking ranking = {0};
    dms_ranks got;

    (void)state;
    assert_int_equal(dms_ranking_init(&ranking, truth, p, 4, 1, NULL), DMS_OK);
    got = dms_ranking_measure(&ranking, weights);
    assert_near(got.auc, want.auc);
    assert_near(got.ap, want.ap);
    dms_ranking_release(&ranking);
}

static void kappa_is_agreement_beyond_chance(void **state)
{
    /* Cohen's own reading: (0.7 - 0.5) / (1 - 0.5). */
    const dms_cells cells = {.tp = 20, .fp = 5, .fn = 10, .tn = 15};

    (void)state;
    assert_near(dms_kappa_binary(&cells), 0.4);
}

static void kappa_without_expected_disagreement_is_undefined(void **state)
{
    const dms_cells negatives = {.tn = 7};
    const dms_cells positives = {.tp = 7};
    const dms_cells empty = {0};

    (void)state;
    assert_nan(dms_kappa_binary(&negatives));
    assert_nan(dms_kappa_binary(&positives));
    assert_nan(dms_kappa_binary(&empty));
}

static void kappa_of_a_constant_against_mixed_labels_is_zero(void **state)
{
    const dms_cells cells = {.fn = 3, .tn = 17};

    (void)state;
    assert_near(dms_kappa_binary(&cells), 0);
}

static void quadratic_kappa_forgives_near_misses(void **state)
{
    const uint64_t near_misses[] = {2, 1, 0, 1, 2, 1, 0, 1, 2};
    const uint64_t far_misses[] = {2, 0, 2, 0, 4, 0, 2, 0, 2};

    (void)state;
    /* Observed 4; expected sum (i-j)^2 row column / n = 120 / 10. */
    assert_near(dms_kappa_classes(near_misses, 3, DMS_KAPPA_QUADRATIC),
                1 - 4 / 12.0);
    assert_true(dms_kappa_classes(far_misses, 3, DMS_KAPPA_QUADRATIC) <
                dms_kappa_classes(near_misses, 3, DMS_KAPPA_QUADRATIC));
}

static void ratios_without_a_denominator_are_zero(void **state)
{
    const dms_cells empty = {0};

    (void)state;
    assert_near(dms_cells_precision(&empty), 0);
    assert_near(dms_cells_recall(&empty), 0);
    assert_near(dms_cells_specificity(&empty), 0);
    assert_near(dms_cells_f1(&empty), 0);
}

static void percentiles_are_numpys_linear_ones(void **state)
{
    const double values[] = {1, 2, 4, 8, 16};

    (void)state;
    assert_near(dms_percentile(values, 5, 0.025), 1.1);
    assert_near(dms_percentile(values, 5, 0.975), 15.2);
    assert_near(dms_percentile(values, 1, 0.975), 1);
    assert_nan(dms_percentile(values, 0, 0.5));
}

/* Two patients: D and G; the first is called right, the second missed. */
static const uint8_t two_labels[] = {0, 1, 0, 0, 0, 0, 0, 0,
                                     0, 0, 1, 0, 0, 0, 0, 0};
static const double two_scores[] = {0, 0.9, 0.1, 0, 0, 0, 0, 0,
                                    0, 0.2, 0.5, 0, 0, 0, 0, 0.6};

/* ODIR's labels, one of which a patient has if task says so. */
static dms_status measure(dms_report **report, dms_task task,
                          const dms_answers *answers,
                          const dms_report_options *options, dms_error *err)
{
    dms_answers own = *answers;
    dms_label_set *set = NULL;
    dms_status st;

    assert_int_equal(
        dms_label_set_asked(&set, dms_label_set_odir(), task, NULL), DMS_OK);
    own.set = set;
    st = dms_report_measure(report, &own, options, err);
    dms_label_set_destroy(set);
    return st;
}

static const dms_answers two = {NULL, two_labels, two_scores, 2};

static dms_report *measure_two_as(dms_task task, dms_report_options options)
{
    dms_error err = {0};
    dms_report *report = NULL;

    if (measure(&report, task, &two, &options, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return report;
}

static dms_report *measure_two(dms_report_options options)
{
    return measure_two_as(DMS_TASK_MULTI_LABEL, options);
}

static dms_report_options without_bootstrap(void)
{
    dms_report_options options;

    dms_report_options_init(&options, sizeof options);
    options.resamples = 0;
    return options;
}

static void a_probability_at_the_threshold_is_negative(void **state)
{
    dms_report *report = measure_two(without_bootstrap());

    (void)state;
    /* G's 0.5 is no call; O's 0.6 is a false one. */
    assert_near(report->metrics[DMS_METRIC_RECALL].value, 0.5);
    assert_near(report->metrics[DMS_METRIC_PRECISION].value, 0.5);
    assert_near(report->metrics[DMS_METRIC_ACCURACY].value, 0.5);
    assert_near(report->metrics[DMS_METRIC_ODIR_F1].value, 14.0 / 16);
    assert_near(report->metrics[DMS_METRIC_KAPPA].value, 1 - 2 / 3.5);
    dms_report_destroy(report);
}

static void one_class_columns_are_left_out_of_the_mean_auc(void **state)
{
    dms_report *report = measure_two(without_bootstrap());

    (void)state;
    assert_near(report->metrics[DMS_METRIC_MACRO_AUC_LABELS].value, 2);
    assert_near(report->metrics[DMS_METRIC_MACRO_AUC].value, 1);
    assert_nan(report->labels[0].metrics[DMS_LABEL_METRIC_AUC].value);
    assert_near(report->labels[1].metrics[DMS_LABEL_METRIC_AUC].value, 1);
    dms_report_destroy(report);
}

static void final_is_the_mean_of_the_challenges_three(void **state)
{
    const dms_figure *m;
    dms_report *report = measure_two(without_bootstrap());

    (void)state;
    m = report->metrics;
    assert_near(m[DMS_METRIC_ODIR_FINAL].value,
                (m[DMS_METRIC_ODIR_KAPPA].value + m[DMS_METRIC_ODIR_F1].value +
                 m[DMS_METRIC_ODIR_AUC].value) /
                    3);
    dms_report_destroy(report);
}

static void floors_on_the_official_table_are_the_known_ones(void **state)
{
    /* ODIR-5K's 3,500 training patients; who has what does not matter here. */
    static const size_t support[] = {1140, 1128, 215, 212, 164, 103, 174, 979};
    enum { PATIENTS = 3500 };
    dms_report_options options = without_bootstrap();
    uint8_t *labels = calloc(PATIENTS, DMS_ODIR_LABELS);
    double *p = calloc(PATIENTS * DMS_ODIR_LABELS, sizeof *p);
    dms_report *r = NULL;

    (void)state;
    assert_true(labels && p);
    for (size_t k = 0; k < DMS_ODIR_LABELS; k++)
        for (size_t i = 0; i < support[k]; i++)
            labels[i * DMS_ODIR_LABELS + k] = 1;
    assert_int_equal(
        dms_report_measure(&r, &(dms_answers){NULL, labels, p, PATIENTS},
                           &options, NULL),
        DMS_OK);
    free(labels);
    free(p);
    assert_float_equal(r->floors[0][DMS_METRIC_ODIR_F1].value, 0.853, 5e-4);
    assert_float_equal(r->floors[0][DMS_METRIC_ODIR_FINAL].value, 0.451, 5e-4);
    assert_float_equal(r->floors[1][DMS_METRIC_ODIR_FINAL].value, 0.537, 5e-4);
    assert_near(r->floors[1][DMS_METRIC_MACRO_AUC].value, 0.5);
    assert_near(r->metrics[DMS_METRIC_ODIR_FINAL].value,
                r->floors[0][DMS_METRIC_ODIR_FINAL].value);
    dms_report_destroy(r);
}

static void priors_that_are_given_are_used(void **state)
{
    /* calls G for both: right once */
    static const double priors[DMS_ODIR_LABELS] = {[DMS_ODIR_G] = 0.9};
    dms_report_options options = without_bootstrap();
    dms_report *report = NULL;

    (void)state;
    options.priors = priors;
    report = measure_two(options);
    assert_near(report->floors[1][DMS_METRIC_RECALL].value, 0.5);
    assert_near(report->floors[1][DMS_METRIC_PRECISION].value, 0.5);
    assert_near(report->floors[0][DMS_METRIC_RECALL].value, 0);
    dms_report_destroy(report);
}

static void single_label_decides_for_the_greatest(void **state)
{
    dms_report_options options = without_bootstrap();
    dms_report *report = NULL;

    (void)state;
    report = measure_two_as(DMS_TASK_SINGLE_LABEL, options);
    assert_near(report->metrics[DMS_METRIC_TOP1_ACCURACY].value, 0.5);
    assert_int_equal(report->confusion[1 * DMS_ODIR_LABELS + 1], 1);
    assert_int_equal(report->confusion[2 * DMS_ODIR_LABELS + 7], 1);
    /* Observed 1 of 2; by chance 1 of 4. */
    assert_near(report->metrics[DMS_METRIC_CLASS_KAPPA].value, 1 - 0.5 / 0.75);
    dms_report_destroy(report);
}

static void a_patient_of_two_labels_has_no_single_class(void **state)
{
    dms_report_options options = without_bootstrap();
    uint8_t labels[DMS_ODIR_LABELS] = {0, 1, 1};
    double p[DMS_ODIR_LABELS] = {0};
    dms_error err = {0};
    dms_report *report = NULL;

    (void)state;
    assert_int_equal(measure(&report, DMS_TASK_SINGLE_LABEL,
                             &(dms_answers){NULL, labels, p, 1}, &options,
                             &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "patient 1"));
    assert_non_null(strstr(err.message, "2 labels"));
}

static void what_is_no_probability_is_refused(void **state)
{
    static const double wrong[] = {NAN, -1e-9, 1.0000001, INFINITY};
    dms_report_options options = without_bootstrap();
    uint8_t labels[DMS_ODIR_LABELS] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        double p[DMS_ODIR_LABELS] = {0, 0, 0, wrong[i]};
        dms_error err = {0};
        dms_report *report = NULL;

        assert_int_equal(dms_report_measure(&report,
                                            &(dms_answers){NULL, labels, p, 1},
                                            &options, &err),
                         DMS_EINVAL);
        assert_non_null(strstr(err.message, "probability of C"));
    }
}

static void options_out_of_range_are_refused(void **state)
{
    dms_report_options options = without_bootstrap();
    static const double thresholds[DMS_ODIR_LABELS] = {[DMS_ODIR_C] = 1.5};
    const dms_answers nobody = {NULL, two_labels, two_scores, 0};
    dms_error err = {0};
    dms_report *report = NULL;

    (void)state;
    options.thresholds = thresholds;
    assert_int_equal(dms_report_measure(&report, &two, &options, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "threshold of C"));
    options = without_bootstrap();
    options.resamples = -1;
    assert_int_equal(dms_report_measure(&report, &two, &options, NULL),
                     DMS_EINVAL);
    assert_int_equal(dms_report_measure(&report, &nobody, &options, NULL),
                     DMS_EINVAL);
}

static void tuned_thresholds_lie_between_the_classes(void **state)
{
    /* D: 0.2 no, 0.4 yes, 0.8 yes; the others have one class. */
    uint8_t labels[3 * DMS_ODIR_LABELS] = {0};
    double p[3 * DMS_ODIR_LABELS] = {0};
    double t[DMS_ODIR_LABELS];
    const dms_answers answers = {NULL, labels, p, 3};

    (void)state;
    p[1] = 0.2, p[DMS_ODIR_LABELS + 1] = 0.4, p[2 * DMS_ODIR_LABELS + 1] = 0.8;
    labels[DMS_ODIR_LABELS + 1] = labels[2 * DMS_ODIR_LABELS + 1] = 1;
    for (int c = 0; c < 3; c++) {
        assert_int_equal(
            dms_thresholds_tune(t, &answers, (dms_criterion)c, NULL), DMS_OK);
        assert_near(t[1], 0.3);
        assert_near(t[0], 0.5);
    }
    assert_int_equal(dms_thresholds_tune(t, &answers, (dms_criterion)3, NULL),
                     DMS_EINVAL);
}

/* Three labels of two patients; one cell of each is unknown. */
static void unknown_labels_count_in_no_figure(void **state)
{
    static const uint8_t labels[] = {1, DMS_LABEL_UNKNOWN, 0, 0,
                                     1, DMS_LABEL_UNKNOWN};
    static const double p[] = {0.9, 0.9, 0.1, 0.2, 0.3, 0.9};
    dms_label_set *set = NULL;
    dms_report_options options = without_bootstrap();
    dms_report *r = NULL;

    (void)state;
    assert_int_equal(dms_label_set_parse(&set, "a,b,c", NULL), DMS_OK);
    assert_int_equal(dms_report_measure(&r, &(dms_answers){set, labels, p, 2},
                                        &options, NULL),
                     DMS_OK);
    dms_label_set_destroy(set);
    assert_int_equal(r->patients, 2);
    assert_int_equal(r->labels[0].known, 2);
    assert_int_equal(r->labels[1].known, 1);
    assert_int_equal(r->labels[1].support, 1);
    assert_near(r->labels[1].prior, 1);
    assert_near(r->metrics[DMS_METRIC_CELL_ACCURACY].value, 3.0 / 4);
    assert_near(r->metrics[DMS_METRIC_ACCURACY].value, 0.5);
    assert_near(r->metrics[DMS_METRIC_RECALL].value, 0.5);
    assert_nan(r->labels[1].metrics[DMS_LABEL_METRIC_AUC].value);
    assert_near(r->metrics[DMS_METRIC_MACRO_AUC_LABELS].value, 1);
    dms_report_destroy(r);
}

static void nothing_but_unknown_labels_is_refused(void **state)
{
    uint8_t labels[2 * DMS_ODIR_LABELS];
    double p[2 * DMS_ODIR_LABELS] = {0};
    dms_report_options options = without_bootstrap();
    dms_error err = {0};
    dms_report *report = NULL;

    (void)state;
    memset(labels, DMS_LABEL_UNKNOWN, sizeof labels);
    assert_int_equal(dms_report_measure(&report,
                                        &(dms_answers){NULL, labels, p, 2},
                                        &options, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "unknown"));
}

static void the_default_metric_goes_with_the_labels(void **state)
{
    static const struct {
        const char *labels;
        dms_metric metric;
    } cases[] = {
        {"N,D,G,C,A,H,M,O", DMS_METRIC_ODIR_FINAL},
        {"a,b", DMS_METRIC_MACRO_AUC},
        {"g=a,b", DMS_METRIC_CLASS_KAPPA_QUADRATIC},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dms_label_set *set = NULL;

        assert_int_equal(dms_label_set_parse(&set, cases[i].labels, NULL),
                         DMS_OK);
        assert_int_equal(dms_metric_default(set), cases[i].metric);
        assert_true(dms_metric_applies(cases[i].metric, set));
        assert_int_equal(dms_metric_applies(DMS_METRIC_ODIR_KAPPA, set),
                         i == 0);
        assert_int_equal(dms_metric_applies(DMS_METRIC_CLASS_KAPPA, set),
                         i == 2);
        dms_label_set_destroy(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auc_of_tied_scores_is_one_half),
        cmocka_unit_test(auc_counts_ordered_pairs_and_half_of_the_ties),
        cmocka_unit_test(auc_of_one_class_is_undefined),
        cmocka_unit_test(weights_count_as_repeated_patients),
        cmocka_unit_test(kappa_is_agreement_beyond_chance),
        cmocka_unit_test(kappa_without_expected_disagreement_is_undefined),
        cmocka_unit_test(kappa_of_a_constant_against_mixed_labels_is_zero),
        cmocka_unit_test(quadratic_kappa_forgives_near_misses),
        cmocka_unit_test(ratios_without_a_denominator_are_zero),
        cmocka_unit_test(percentiles_are_numpys_linear_ones),
        cmocka_unit_test(a_probability_at_the_threshold_is_negative),
        cmocka_unit_test(one_class_columns_are_left_out_of_the_mean_auc),
        cmocka_unit_test(final_is_the_mean_of_the_challenges_three),
        cmocka_unit_test(floors_on_the_official_table_are_the_known_ones),
        cmocka_unit_test(priors_that_are_given_are_used),
        cmocka_unit_test(single_label_decides_for_the_greatest),
        cmocka_unit_test(a_patient_of_two_labels_has_no_single_class),
        cmocka_unit_test(what_is_no_probability_is_refused),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(tuned_thresholds_lie_between_the_classes),
        cmocka_unit_test(unknown_labels_count_in_no_figure),
        cmocka_unit_test(nothing_but_unknown_labels_is_refused),
        cmocka_unit_test(the_default_metric_goes_with_the_labels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
