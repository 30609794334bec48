#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "data/labels.h"
#include "train/loss.h"

enum { K = DMS_ODIR_LABELS, N_MAX = 5 };

typedef struct cells {
    float patient[N_MAX * K], eye[2 * N_MAX * K];
    float patient_t[N_MAX * K], eye_t[2 * N_MAX * K];
} cells;

static void fill(float *logits, float *targets, int rows, bool nan_rows,
                 dms_rng *rng)
{
    for (int i = 0; i < rows; i++) {
        bool missing = nan_rows && dms_rng_below(rng, 3) == 0;
        uint64_t one = dms_rng_below(rng, K);

        for (int k = 0; k < K; k++) {
            logits[i * K + k] = (float)(3 * dms_rng_normal(rng));
            targets[i * K + k] = missing ? NAN
                                         : (float)((uint64_t)k == one ||
                                                   dms_rng_below(rng, 5) == 0);
        }
    }
}

static dms_loss_batch batch_of(cells *c, int patients, uint64_t seed)
{
    dms_rng rng = dms_rng_seeded(seed);

    fill(c->patient, c->patient_t, patients, false, &rng);
    fill(c->eye, c->eye_t, 2 * patients, true, &rng);
    return (dms_loss_batch){patients, c->patient, c->eye, c->patient_t,
                            c->eye_t};
}

/* They hold until the next call. */
static dms_loss_options random_options(dms_rng *rng)
{
    static double weights[K];
    dms_loss_options o = dms_loss_options_default(K);

    o.task = dms_rng_below(rng, 3) == 0 ? DMS_TASK_SINGLE_LABEL
                                        : DMS_TASK_MULTI_LABEL;
    o.kind = (dms_loss_kind)dms_rng_below(rng, 3);
    o.eye_weight = dms_rng_uniform(rng);
    o.smoothing = dms_rng_below(rng, 2) ? 0.2 * dms_rng_uniform(rng) : 0.0;
    o.focal_gamma = (double)dms_rng_below(rng, 4);
    o.focal_alpha = dms_rng_range(rng, -0.5, 1.0);
    o.gamma_pos = 2 * dms_rng_uniform(rng);
    o.gamma_neg = 4 * dms_rng_uniform(rng);
    o.clip = dms_rng_below(rng, 2) ? 0.1 : 0.0;
    for (int k = 0; k < K; k++)
        weights[k] = dms_rng_range(rng, 0.5, 5.0);
    o.pos_weight = weights;
    return o;
}

/* Central difference of the loss by one logit, in float steps as they are. */
static double slope_at(float *logit, const dms_loss_batch *batch,
                       const dms_loss_options *o)
{
    float was = *logit, high = was + 1e-3f, low = was - 1e-3f;
    double up, down;

    *logit = high;
    up = dms_loss_evaluate(NULL, NULL, batch, o);
    *logit = low;
    down = dms_loss_evaluate(NULL, NULL, batch, o);
    *logit = was;
    return (up - down) / ((double)high - low);
}

static void assert_slopes(float *logits, const float *gradient, int len,
                          const dms_loss_batch *batch,
                          const dms_loss_options *o)
{
    for (int i = 0; i < len; i++) {
        /* the asymmetric loss has a kink where p = clip */
        double p = 1 / (1 + exp(-(double)logits[i]));
        double want;

        if (o->kind == DMS_LOSS_ASYMMETRIC && fabs(p - o->clip) < 2e-3)
            continue;
        want = slope_at(&logits[i], batch, o);
        if (fabs(gradient[i] - want) > 1e-6 + 1e-4 * fabs(want))
            fail_msg("kind %d task %d cell %d: got %.9g, want %.9g",
                     (int)o->kind, (int)o->task, i, (double)gradient[i], want);
    }
}

static void every_loss_agrees_with_finite_differences(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        dms_rng rng = dms_rng_seeded(seed + 1000);
        dms_loss_options o = random_options(&rng);
        cells c;
        int n = 1 + (int)dms_rng_below(&rng, N_MAX);
        dms_loss_batch batch = batch_of(&c, n, seed);
        float dp[N_MAX * K], de[2 * N_MAX * K];
        double value = dms_loss_evaluate(dp, de, &batch, &o);

        assert_true(isfinite(value) && value >= 0);
        assert_slopes(c.patient, dp, n * K, &batch, &o);
        assert_slopes(c.eye, de, 2 * n * K, &batch, &o);
    }
}

/* The reference's formula, cell by cell. */
static double plain_bce(const float *z, const float *t, int len)
{
    double sum = 0;
    int counted = 0;

    for (int i = 0; i < len; i++) {
        double p = 1 / (1 + exp(-(double)z[i]));

        if (isnan(t[i]))
            continue;
        sum -= t[i] * log(p) + (1 - t[i]) * log(1 - p);
        counted++;
    }
    return counted ? sum / counted : 0;
}

static void default_loss_is_the_references_sum_of_three_means(void **state)
{
    cells c;
    dms_loss_batch batch = batch_of(&c, 4, 7);
    dms_loss_options o = dms_loss_options_default(K);
    double want = plain_bce(c.patient, c.patient_t, 4 * K) +
                  0.15 * (plain_bce(c.eye, c.eye_t, 4 * K) +
                          plain_bce(c.eye + 4 * K, c.eye_t + 4 * K, 4 * K));

    (void)state;
    assert_true(fabs(dms_loss_evaluate(NULL, NULL, &batch, &o) - want) < 1e-9);
}

static void eyes_without_any_label_add_nothing(void **state)
{
    cells c;
    dms_loss_batch batch = batch_of(&c, 2, 3);
    dms_loss_options o = dms_loss_options_default(K);
    float de[4 * K];
    double with, without;

    (void)state;
    for (int i = 0; i < 4 * K; i++)
        c.eye_t[i] = NAN;
    with = dms_loss_evaluate(NULL, de, &batch, &o);
    for (int i = 0; i < 4 * K; i++)
        assert_true(de[i] == 0.0f);
    batch.eye_targets = NULL;
    without = dms_loss_evaluate(NULL, NULL, &batch, &o);
    assert_true(with == without);
}

static void huge_logits_give_finite_losses(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        cells c;
        dms_loss_batch batch = batch_of(&c, 2, 5);
        dms_loss_options o = dms_loss_options_default(K);
        float dp[2 * K], de[4 * K];

        o.kind = (dms_loss_kind)(kind % 3);
        o.task = kind == 3 ? DMS_TASK_SINGLE_LABEL : DMS_TASK_MULTI_LABEL;
        o.focal_gamma = 2, o.gamma_neg = 4, o.clip = 0.05;
        for (int i = 0; i < 2 * K; i++)
            c.patient[i] = i % 2 ? 1e4f : -1e4f;
        assert_true(isfinite(dms_loss_evaluate(dp, de, &batch, &o)));
        for (int i = 0; i < 2 * K; i++)
            assert_true(isfinite(dp[i]));
    }
}

static void focal_and_asymmetric_without_focus_are_cross_entropy(void **state)
{
    cells c;
    dms_loss_batch batch = batch_of(&c, 3, 11);
    dms_loss_options o = dms_loss_options_default(K);
    double want = dms_loss_evaluate(NULL, NULL, &batch, &o);

    (void)state;
    o.kind = DMS_LOSS_FOCAL;
    assert_true(fabs(dms_loss_evaluate(NULL, NULL, &batch, &o) - want) < 1e-12);
    o.kind = DMS_LOSS_ASYMMETRIC;
    assert_true(fabs(dms_loss_evaluate(NULL, NULL, &batch, &o) - want) < 1e-12);
}

static void positive_weight_scales_positives_only(void **state)
{
    float logits[K] = {0}, zeros[K] = {0}, ones[K];
    dms_loss_options o = dms_loss_options_default(K);
    dms_loss_batch batch = {1, logits, NULL, zeros, NULL};
    double negative, positive, weights[K];

    (void)state;
    for (int k = 0; k < K; k++)
        ones[k] = 1, weights[k] = 3;
    o.pos_weight = weights;
    negative = dms_loss_evaluate(NULL, NULL, &batch, &o);
    batch.patient_targets = ones;
    positive = dms_loss_evaluate(NULL, NULL, &batch, &o);
    assert_true(fabs(negative - log(2)) < 1e-12);
    assert_true(fabs(positive - 3 * log(2)) < 1e-12);
}

/* What is unknown is as if it were not there: value and slopes are those of
 * the known cells alone, however many labels there are. */
static void unknown_cells_count_neither_in_loss_nor_in_gradient(void **state)
{
    static const float z[] = {0.3f, -1.2f, 2.0f, 0.7f, -0.4f, 1.1f};
    static const float known[] = {0.3f, 2.0f, -0.4f, 1.1f};
    static const float t[] = {1, NAN, 0, NAN, 1, 0}, known_t[] = {1, 0, 1, 0};
    dms_loss_options three = dms_loss_options_default(3);
    dms_loss_options two = dms_loss_options_default(2);
    float got[6], want[4];
    double value, expected;

    (void)state;
    value = dms_loss_evaluate(got, NULL, &(dms_loss_batch){2, z, NULL, t, NULL},
                              &three);
    expected = dms_loss_evaluate(
        want, NULL, &(dms_loss_batch){2, known, NULL, known_t, NULL}, &two);
    assert_true(value == expected);
    assert_true(got[1] == 0 && got[3] == 0);
    assert_true(got[0] == want[0] && got[2] == want[1] && got[4] == want[2] &&
                got[5] == want[3]);
}

static void an_unknown_class_masks_its_row(void **state)
{
    static const float z[] = {0.3f, -1.2f, 2.0f, 9, 9, 9, 0, 1, 2};
    static const float known[] = {0.3f, -1.2f, 2.0f, 0, 1, 2};
    static const float t[] = {0, 1, 0, NAN, NAN, NAN, 1, 0, 0};
    static const float known_t[] = {0, 1, 0, 1, 0, 0};
    dms_loss_options o = dms_loss_options_default(3);
    float got[9], want[6];

    (void)state;
    o.task = DMS_TASK_SINGLE_LABEL;
    assert_true(
        dms_loss_evaluate(got, NULL, &(dms_loss_batch){3, z, NULL, t, NULL},
                          &o) ==
        dms_loss_evaluate(
            want, NULL, &(dms_loss_batch){2, known, NULL, known_t, NULL}, &o));
    assert_true(got[3] == 0 && got[4] == 0 && got[5] == 0);
    assert_memory_equal(got, want, 3 * sizeof *got);
    assert_memory_equal(got + 6, want + 3, 3 * sizeof *got);
}

static void one_label_and_twenty_have_a_loss(void **state)
{
    static const int counts[] = {1, 20};
    float z[20] = {0}, t[20] = {1}, slope[20];

    (void)state;
    for (int i = 0; i < 2; i++) {
        dms_loss_options o = dms_loss_options_default(counts[i]);
        double value = dms_loss_evaluate(
            slope, NULL, &(dms_loss_batch){1, z, NULL, t, NULL}, &o);

        assert_true(fabs(value - log(2)) < 1e-12);
        assert_true(fabs(slope[0] + 0.5 / counts[i]) < 1e-7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loss_agrees_with_finite_differences),
        cmocka_unit_test(default_loss_is_the_references_sum_of_three_means),
        cmocka_unit_test(eyes_without_any_label_add_nothing),
        cmocka_unit_test(huge_logits_give_finite_losses),
        cmocka_unit_test(focal_and_asymmetric_without_focus_are_cross_entropy),
        cmocka_unit_test(positive_weight_scales_positives_only),
        cmocka_unit_test(unknown_cells_count_neither_in_loss_nor_in_gradient),
        cmocka_unit_test(an_unknown_class_masks_its_row),
        cmocka_unit_test(one_label_and_twenty_have_a_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
