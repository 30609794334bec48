/* Mixing patients: what a batch is after it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>

#include "train/mixup.h"

enum { PATIENTS = 5, SIDE = 8, IMAGE = 3 * SIDE * SIDE, LABELS = 3 };

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

static void mix_by(batch *b, double mixup, double cutmix, uint64_t key)
{
    dms_mixup_apply(&(dms_mixup_batch){.images = b->images,
                                       .targets = b->targets,
                                       .eye_targets = b->eye_targets,
                                       .patients = PATIENTS,
                                       .side = SIDE,
                                       .labels = LABELS},
                    &(dms_mixup_alphas){mixup, cutmix}, key);
}

static void mix(batch *b, double alpha, uint64_t key)
{
    mix_by(b, alpha, 0, key);
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

/* Whoever looks at pixel i of the image in row `row` sees patient own or
 * other. */
static bool is_others(const batch *b, int row, int i)
{
    int own = row % PATIENTS, other = PATIENTS - 1 - own;
    float right = row >= PATIENTS ? 100 : 0;
    float seen = b->images[row * IMAGE + i] - right;

    assert_true(seen == (float)own || seen == (float)other);
    return seen != (float)own;
}

/* One rectangle for both eyes, all patients and channels; the labels' share is
 * the area that stays. */
static void assert_cut(const batch *b)
{
    int count = 0, left = SIDE, right = -1, top = SIDE, bottom = -1;

    for (int i = 0; i < SIDE * SIDE; i++) {
        int x = i % SIDE, y = i / SIDE;

        if (!is_others(b, 0, i))
            continue;
        count++;
        left = x < left ? x : left, right = x > right ? x : right;
        top = y < top ? y : top, bottom = y > bottom ? y : bottom;
    }
    assert_int_equal(count,
                     count ? (right - left + 1) * (bottom - top + 1) : 0);
    for (int row = 0; row < 2 * PATIENTS; row++)
        for (int i = 0; i < IMAGE; i++)
            if (row % PATIENTS != PATIENTS / 2)
                assert_int_equal(is_others(b, row, i),
                                 is_others(b, 0, i % (SIDE * SIDE)));
    assert_true(fabs(share_of(b) - (1 - count / (double)(SIDE * SIDE))) < 1e-6);
}

static void cutmix_takes_a_rectangle_and_its_share_of_the_labels(void **state)
{
    double sum = 0;

    (void)state;
    for (uint64_t key = 0; key < 2000; key++) {
        batch b;

        fill(&b);
        mix_by(&b, 0, 1, key);
        assert_cut(&b);
        sum += share_of(&b);
    }
    /* uniform, and more where the border cuts a rectangle off */
    assert_true(sum / 2000 > 0.5 && sum / 2000 < 0.85);
}

static void of_mixup_and_cutmix_each_has_half_of_the_batches(void **state)
{
    int blended = 0;

    (void)state;
    for (uint64_t key = 0; key < 2000; key++) {
        batch b;

        fill(&b);
        mix_by(&b, 1, 1, key);
        if (b.images[0] != 0 && b.images[0] != 4)
            blended++;
        else
            assert_cut(&b);
    }
    assert_in_range(blended, 900, 1100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_eyes_and_the_labels_are_mixed_in_one_share),
        cmocka_unit_test(what_is_unknown_of_either_is_unknown_of_both),
        cmocka_unit_test(the_same_key_mixes_the_same_and_another_does_not),
        cmocka_unit_test(shares_have_the_moments_of_their_distribution),
        cmocka_unit_test(cutmix_takes_a_rectangle_and_its_share_of_the_labels),
        cmocka_unit_test(of_mixup_and_cutmix_each_has_half_of_the_batches)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
