#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "data/labels.h"
#include "eval/probability.h"

enum { K = DMS_ODIR_LABELS };

static dms_label_set *one_of; /* ODIR's labels, one of them */

static void a_logit_of_zero_is_one_half(void **state)
{
    static const float logits[K] = {0, 100, -100, 1};
    double p[K];

    (void)state;
    dms_probabilities(p, logits, dms_label_set_odir(), NULL);
    assert_true(p[0] == 0.5 && p[1] == 1 && p[2] < 1e-40);
    assert_true(fabs(p[3] - 0.7310585786300049) < 1e-15);
}

static void a_softmax_sums_to_one_without_overflow(void **state)
{
    static const float logits[K] = {1000, 999, -1000};
    double p[K], sum = 0;

    (void)state;
    dms_probabilities(p, logits, one_of, NULL);
    for (int k = 0; k < K; k++)
        sum += p[k];
    assert_true(fabs(sum - 1) < 1e-15);
    assert_true(fabs(p[0] / p[1] - exp(1)) < 1e-12);
}

static void a_temperature_divides_the_logits(void **state)
{
    static const float logits[K] = {2, 4};
    dms_calibration halves[K];
    double p[K], q[K];

    (void)state;
    for (int k = 0; k < K; k++)
        halves[k] = (dms_calibration){0.5, 0};
    dms_probabilities(p, logits, dms_label_set_odir(), halves);
    assert_true(fabs(p[0] - 1 / (1 + exp(-1))) < 1e-15);
    dms_probabilities(q, logits, one_of, halves);
    assert_true(fabs(q[1] / q[0] - exp(1)) < 1e-12);
}

static void each_label_has_its_slope_and_intercept(void **state)
{
    static const float logits[K] = {2, 2, 2};
    static const dms_calibration lines[K] = {{1, 0}, {0.5, -1}, {2, 1}};
    double p[K];

    (void)state;
    dms_probabilities(p, logits, dms_label_set_odir(), lines);
    assert_true(fabs(p[0] - 1 / (1 + exp(-2))) < 1e-15);
    assert_true(p[1] == 0.5);
    assert_true(fabs(p[2] - 1 / (1 + exp(-5))) < 1e-15);
}

static void a_probability_at_the_threshold_is_no_finding(void **state)
{
    static const double p[K] = {0.5, 0.5000001, 0.3, 0.2};
    static const double thresholds[K] = {0.5, 0.5, 0.2, 0.2, 1, 1, 1, 1};
    bool finding[K];

    (void)state;
    dms_findings(finding, p, dms_label_set_odir(), thresholds);
    assert_false(finding[0]);
    assert_true(finding[1] && finding[2]);
    assert_false(finding[3]);
    dms_findings(finding, p, one_of, thresholds);
    for (int k = 0; k < K; k++)
        assert_int_equal(finding[k], k == 1);
}

int main(void)
{
    int failed;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_logit_of_zero_is_one_half),
        cmocka_unit_test(a_softmax_sums_to_one_without_overflow),
        cmocka_unit_test(a_temperature_divides_the_logits),
        cmocka_unit_test(each_label_has_its_slope_and_intercept),
        cmocka_unit_test(a_probability_at_the_threshold_is_no_finding),
    };

    if (dms_label_set_asked(&one_of, dms_label_set_odir(),
                            DMS_TASK_SINGLE_LABEL, NULL) != DMS_OK)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    dms_label_set_destroy(one_of);
    return failed;
}
