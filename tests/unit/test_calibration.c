/* Fits of calibrations to logits and labels, operating points, reliability. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/calibration.h"
#include "eval/reliability.h"
#include "eval/thresholds.h"

enum { PATIENTS = 40 };

static dms_label_set *one_label; /* any-of */
static dms_label_set *grades;    /* one of two */

/* A fit to one label. */
typedef struct fitted {
    dms_calibration calibration;
    bool own;
    double temperature;
} fitted;

static fitted fit_one(const float *logits, const uint8_t *labels, size_t count,
                      dms_calibrate_method method)
{
    fitted f;
    const dms_outcomes outcomes = {one_label, logits, labels, count};
    dms_calibration_fit fit = {&f.calibration, &f.own, 0};

    dms_calibration_fit_to(&fit, &outcomes, method);
    f.temperature = fit.temperature;
    return f;
}

/* Half of the patients have the label; logits are those of `with`, `without`.
 */
static void fill(float *logits, uint8_t *labels, float with, float without)
{
    for (int i = 0; i < PATIENTS; i++) {
        labels[i] = i % 2;
        logits[i] = i % 2 ? with : without;
    }
}

/* At logits of +-2 a quarter of the labels contradicts: the probability that
 * minimises the loss is 3/4, of a logit of ln 3. */
static void a_temperature_gives_the_share_that_was_observed(void **state)
{
    float logits[PATIENTS];
    uint8_t labels[PATIENTS];
    fitted f;

    (void)state;
    for (int i = 0; i < PATIENTS; i++) {
        logits[i] = i % 2 ? 2.0f : -2.0f;
        labels[i] = (i % 2) ^ (i % 8 < 2);
    }
    f = fit_one(logits, labels, PATIENTS, DMS_CALIBRATE_TEMPERATURE);
    assert_true(f.own);
    assert_true(fabs(f.calibration.slope - log(3) / 2) < 1e-12);
    assert_true(fabs(f.temperature - 2 / log(3)) < 1e-12);
    assert_true(f.calibration.intercept == 0);
}

/* With targets of 1 - 1/22 and 1/22, Platt's fit goes through both points. */
static void separable_labels_have_a_finite_calibration(void **state)
{
    float logits[PATIENTS];
    uint8_t labels[PATIENTS];
    fitted f;

    (void)state;
    fill(logits, labels, 3, 1);
    f = fit_one(logits, labels, PATIENTS, DMS_CALIBRATE_PLATT);
    assert_true(f.own);
    assert_true(fabs(3 * f.calibration.slope + f.calibration.intercept -
                     log(21)) < 1e-9);
    assert_true(fabs(f.calibration.slope + f.calibration.intercept + log(21)) <
                1e-9);
}

static void logits_that_fall_with_the_label_are_not_turned_around(void **state)
{
    float logits[PATIENTS];
    uint8_t labels[PATIENTS];

    (void)state;
    for (int method = 0; method < 2; method++) {
        fitted f;

        fill(logits, labels, -1, 1);
        f = fit_one(logits, labels, PATIENTS, (dms_calibrate_method)method);
        assert_false(f.own);
        assert_true(f.calibration.slope == 1 && f.calibration.intercept == 0);
    }
}

static void equal_logits_have_no_calibration_of_their_own(void **state)
{
    static const float same[] = {0, 1, -3, 30};
    float logits[PATIENTS];
    uint8_t labels[PATIENTS];

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        fitted f;

        fill(logits, labels, same[i], same[i]);
        f = fit_one(logits, labels, PATIENTS, DMS_CALIBRATE_PLATT);
        assert_false(f.own);
        assert_true(f.calibration.slope > 0 && f.calibration.intercept == 0);
    }
}

static void nine_positives_are_too_few_and_ten_are_not(void **state)
{
    float logits[PATIENTS];
    uint8_t labels[PATIENTS];

    (void)state;
    for (int positives = 9; positives <= 10; positives++) {
        for (int i = 0; i < PATIENTS; i++) {
            labels[i] = i < positives;
            logits[i] = (float)(i % 5) + (i < positives ? 2.0f : 0.0f);
        }
        assert_int_equal(
            fit_one(logits, labels, PATIENTS, DMS_CALIBRATE_PLATT).own,
            positives == 10);
        for (int i = 0; i < PATIENTS; i++)
            labels[i] = !labels[i], logits[i] = -logits[i];
        assert_int_equal(
            fit_one(logits, labels, PATIENTS, DMS_CALIBRATE_PLATT).own,
            positives == 10);
    }
}

static void nothing_known_leaves_the_probabilities(void **state)
{
    static const float logits[] = {1, 2};
    static const uint8_t labels[] = {DMS_LABEL_UNKNOWN, DMS_LABEL_UNKNOWN};
    fitted f;

    (void)state;
    for (int method = 0; method < 3; method++) {
        f = fit_one(logits, labels, 2, (dms_calibrate_method)method);
        assert_false(f.own);
        assert_true(f.calibration.slope == 1 && f.temperature == 1);
    }
}

static void large_logits_do_not_overflow(void **state)
{
    float logits[PATIENTS];
    uint8_t labels[PATIENTS];

    (void)state;
    for (int i = 0; i < PATIENTS; i++) {
        labels[i] = i % 2;
        logits[i] = (i % 2 ? 1e4f : -1e4f) * (i < 8 ? -1 : 1);
    }
    for (int method = 0; method < 2; method++) {
        fitted f =
            fit_one(logits, labels, PATIENTS, (dms_calibrate_method)method);

        assert_true(isfinite(f.calibration.slope) && f.calibration.slope > 0);
        assert_true(isfinite(f.calibration.intercept));
    }
}

/* Three of four are right at a difference of 4: p = 3/4 at slope ln 3 / 4. */
static void one_of_labels_share_the_temperature_of_their_softmax(void **state)
{
    float logits[2 * PATIENTS];
    uint8_t labels[2 * PATIENTS];
    dms_calibration calibration[2];
    bool own[2];
    const dms_outcomes outcomes = {grades, logits, labels, PATIENTS};
    dms_calibration_fit fit = {calibration, own, 0};

    (void)state;
    for (int i = 0; i < PATIENTS; i++) {
        logits[2 * i] = 100, logits[2 * i + 1] = 104;
        labels[2 * i] = i % 4 == 0, labels[2 * i + 1] = i % 4 != 0;
    }
    dms_calibration_fit_to(&fit, &outcomes, DMS_CALIBRATE_PLATT);
    for (int k = 0; k < 2; k++) {
        assert_false(own[k]);
        assert_true(fabs(calibration[k].slope - log(3) / 4) < 1e-12);
        assert_true(calibration[k].intercept == 0);
    }
}

static void operating_points_are_read(void **state)
{
    static const struct {
        const char *text;
        dms_point_kind kind;
        double value;
    } good[] = {
        {"f1", DMS_POINT_F1, 0},
        {"kappa", DMS_POINT_KAPPA, 0},
        {"youden", DMS_POINT_YOUDEN, 0},
        {"sensitivity=0.9", DMS_POINT_SENSITIVITY, 0.9},
        {"specificity=1", DMS_POINT_SPECIFICITY, 1},
        {"0.25", DMS_POINT_FIXED, 0.25},
        {"0", DMS_POINT_FIXED, 0},
    };
    static const char *const bad[] = {"",
                                      "f",
                                      "f1 ",
                                      "recall=0.9",
                                      "sensitivity",
                                      "sensitivity=",
                                      "sensitivity=1.1",
                                      "specificity=-0.1",
                                      "specificity=nan",
                                      "nan",
                                      "0.5x",
                                      "1.01"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        dms_operating_point point;

        assert_int_equal(dms_operating_point_parse(&point, good[i].text, NULL),
                         DMS_OK);
        assert_int_equal(point.kind, good[i].kind);
        assert_true(point.value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        dms_operating_point point = {DMS_POINT_YOUDEN, 7};
        dms_error err = {0};
        char quoted[32];

        assert_int_equal(dms_operating_point_parse(&point, bad[i], &err),
                         DMS_EINVAL);
        snprintf(quoted, sizeof quoted, "'%s' is not", bad[i]);
        assert_non_null(strstr(err.message, quoted));
        assert_true(point.kind == DMS_POINT_YOUDEN && point.value == 7);
    }
}

static double threshold_for(const char *text, size_t least, bool *chosen)
{
    static const uint8_t labels[] = {1, 0, 1, 1, 0, 0};
    static const double p[] = {0.9, 0.8, 0.7, 0.6, 0.4, 0.2};
    const dms_answers answers = {one_label, labels, p, 6};
    dms_operating_point point;
    double threshold;

    assert_int_equal(dms_operating_point_parse(&point, text, NULL), DMS_OK);
    assert_int_equal(dms_thresholds_choose(&threshold, chosen, &answers, &point,
                                           least, NULL),
                     DMS_OK);
    return threshold;
}

static void thresholds_are_those_of_the_point(void **state)
{
    static const struct {
        const char *point;
        double threshold;
    } cases[] = {
        {"sensitivity=1", 0.5},    /* between 0.6 and 0.4 */
        {"sensitivity=0.6", 0.5},  /* three of three cost no specificity */
        {"sensitivity=0.3", 0.85}, /* one of three, below 0.9 */
        {"specificity=1", 0.85},   /* nobody without it is above 0.8 */
        {"specificity=0.6", 0.5},  /* two of three without it are below */
        {"0.3", 0.3},
    };
    bool chosen;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double got = threshold_for(cases[i].point, 1, &chosen);

        if (fabs(got - cases[i].threshold) > 1e-12)
            fail_msg("%s: %g, expected %g", cases[i].point, got,
                     cases[i].threshold);
        assert_true(chosen);
    }
    assert_true(threshold_for("youden", 4, &chosen) == 0.5);
    assert_false(chosen);
}

/* The most probable patient does not have the label: only a threshold that
 * nobody is above is specific enough. */
static void a_specificity_out_of_reach_finds_nobody(void **state)
{
    static const uint8_t labels[] = {0, 1, 1, 0};
    static const double p[] = {0.9, 0.8, 0.7, 0.1};
    const dms_answers answers = {one_label, labels, p, 4};
    const dms_operating_point point = {DMS_POINT_SPECIFICITY, 0.95};
    double threshold;
    bool chosen;

    (void)state;
    assert_int_equal(
        dms_thresholds_choose(&threshold, &chosen, &answers, &point, 1, NULL),
        DMS_OK);
    assert_true(threshold >= 0.9 && threshold <= 1);
}

static void reliability_of_four_patients(void **state)
{
    static const uint8_t labels[] = {1, 0, 1, DMS_LABEL_UNKNOWN, 0};
    static const double p[] = {1, 0.5, 0.5, 0.9, 0};
    const dms_answers answers = {one_label, labels, p, 5};
    dms_reliability r;

    (void)state;
    dms_reliability_measure(&r, &answers, 0);
    assert_int_equal(r.cells, 4);
    assert_true(fabs(r.brier - 0.125) < 1e-15);
    assert_true(fabs(r.log_loss - log(2) / 2) < 1e-15);
    assert_true(fabs(r.ece) < 1e-15);
    assert_int_equal(r.bins[14].count, 1);
    assert_int_equal(r.bins[7].count, 2);
    assert_true(r.bins[7].share == 0.5 && isnan(r.bins[3].share));
}

static void a_wrong_certainty_has_a_finite_loss(void **state)
{
    static const uint8_t labels[] = {0};
    static const double p[] = {1};
    const dms_answers answers = {one_label, labels, p, 1};
    dms_reliability r;

    (void)state;
    dms_reliability_measure(&r, &answers, DMS_RELIABILITY_ALL);
    assert_true(r.log_loss > 30 && r.log_loss < 40);
    assert_true(r.ece == 1 && r.brier == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_temperature_gives_the_share_that_was_observed),
        cmocka_unit_test(separable_labels_have_a_finite_calibration),
        cmocka_unit_test(logits_that_fall_with_the_label_are_not_turned_around),
        cmocka_unit_test(equal_logits_have_no_calibration_of_their_own),
        cmocka_unit_test(nine_positives_are_too_few_and_ten_are_not),
        cmocka_unit_test(nothing_known_leaves_the_probabilities),
        cmocka_unit_test(large_logits_do_not_overflow),
        cmocka_unit_test(one_of_labels_share_the_temperature_of_their_softmax),
        cmocka_unit_test(operating_points_are_read),
        cmocka_unit_test(thresholds_are_those_of_the_point),
        cmocka_unit_test(a_specificity_out_of_reach_finds_nobody),
        cmocka_unit_test(reliability_of_four_patients),
        cmocka_unit_test(a_wrong_certainty_has_a_finite_loss),
    };
    int failed;

    if (dms_label_set_parse(&one_label, "D", NULL) != DMS_OK ||
        dms_label_set_parse(&grades, "grade=a,b", NULL) != DMS_OK)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    dms_label_set_destroy(one_label);
    dms_label_set_destroy(grades);
    return failed;
}
