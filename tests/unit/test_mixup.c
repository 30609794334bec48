/* Mixing patients: what a batch is after it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "train/mixup.h"

enum { PATIENTS = 5, IMAGE = 6, LABELS = 3 };

typedef struct batch {
    float images[2 * PATIENTS * IMAGE];
    float targets[PATIENTS * LABELS];
    float eye_targets[2 * PATIENTS * LABELS];
} batch;

/* Whose it is can be read off every number: patient, and 100 for right eyes. */
static void fill(batch *b)
{
    for (int i = 0; i < 2 * PATIENTS; i++) {
        float own = (float)(i % PATIENTS + 100 * (i / PATIENTS));

        for (int k = 0; k < IMAGE; k++)
            b->images[i * IMAGE + k] = own;
        for (int k = 0; k < LABELS; k++)
            b->eye_targets[i * LABELS + k] = own;
    }
    for (int i = 0; i < PATIENTS; i++)
        for (int k = 0; k < LABELS; k++)
            b->targets[i * LABELS + k] = (float)i;
}

static void mix(batch *b, double alpha, uint64_t key)
{
    dms_mixup_apply(&(dms_mixup_batch){.images = b->images,
                                       .targets = b->targets,
                                       .eye_targets = b->eye_targets,
                                       .patients = PATIENTS,
                                       .image = IMAGE,
                                       .labels = LABELS},
                    alpha, key);
}

/* Patient 0's share in what stands at its place: its partner is patient 4. */
static double share_of(const batch *b)
{
    return 1 - b->targets[0] / 4;
}

static void both_eyes_and_the_labels_are_mixed_in_one_share(void **state)
{
    batch b;

    (void)state;
    fill(&b);
    mix(&b, 0.4, 7);
    for (int i = 0; i < 2 * PATIENTS; i++) {
        int own = i % PATIENTS, other = PATIENTS - 1 - own;
        double mixed = share_of(&b) * own + (1 - share_of(&b)) * other +
                       100 * (i >= PATIENTS);

        for (int k = 0; k < IMAGE; k++)
            assert_true(fabs(b.images[i * IMAGE + k] - mixed) < 1e-4);
        for (int k = 0; k < LABELS; k++)
            assert_true(fabs(b.eye_targets[i * LABELS + k] - mixed) < 1e-4);
    }
    assert_true(share_of(&b) > 0 && share_of(&b) < 1);
}

static void what_is_unknown_of_either_is_unknown_of_both(void **state)
{
    batch b;

    (void)state;
    fill(&b);
    b.targets[1 * LABELS + 2] = NAN;
    mix(&b, 0.4, 7);
    assert_true(isnan(b.targets[1 * LABELS + 2]));
    assert_true(isnan(b.targets[3 * LABELS + 2]));
    assert_false(isnan(b.targets[1 * LABELS + 1]));
}

static void the_same_key_mixes_the_same_and_another_does_not(void **state)
{
    batch a, b, c;

    (void)state;
    fill(&a), fill(&b), fill(&c);
    mix(&a, 0.4, 7), mix(&b, 0.4, 7), mix(&c, 0.4, 8);
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_not_equal(&a, &c, sizeof a);
}

/* Mean 1/2, variance 1 / (4 (2 alpha + 1)). */
static void shares_have_the_moments_of_their_distribution(void **state)
{
    static const double alphas[] = {0.2, 0.4, 1};
    enum { DRAWS = 20000 };

    (void)state;
    for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++) {
        double sum = 0, squares = 0, mean, variance;

        for (uint64_t key = 0; key < DRAWS; key++) {
            batch b;

            fill(&b);
            mix(&b, alphas[a], key);
            sum += share_of(&b);
            squares += share_of(&b) * share_of(&b);
        }
        mean = sum / DRAWS;
        variance = squares / DRAWS - mean * mean;
        assert_true(fabs(mean - 0.5) < 0.01);
        assert_true(fabs(variance - 0.25 / (2 * alphas[a] + 1)) < 0.005);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_eyes_and_the_labels_are_mixed_in_one_share),
        cmocka_unit_test(what_is_unknown_of_either_is_unknown_of_both),
        cmocka_unit_test(the_same_key_mixes_the_same_and_another_does_not),
        cmocka_unit_test(shares_have_the_moments_of_their_distribution)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
