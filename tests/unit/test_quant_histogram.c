/* Where a range ends: histograms of magnitudes, percentile and entropy. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "quant/histogram.h"

enum { LEN = 100000 };

static int setup(void **state)
{
    *state = dms_calloc(LEN + 1, sizeof(float));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    dms_free(*state);
    return 0;
}

/* Magnitudes 1/LEN to 1, every second one negative. */
static void fill_evenly(float *values)
{
    for (int i = 0; i < LEN; i++)
        values[i] = (float)(i % 2 ? -1 - i : 1 + i) / LEN;
}

static void fill_normally(float *values)
{
    dms_rng rng = dms_rng_seeded(3);

    for (int i = 0; i < LEN; i++)
        values[i] = (float)dms_rng_normal(&rng);
}

static void assert_near(double got, double want, double within)
{
    if (!(fabs(got - want) <= within))
        fail_msg("%g, expected %g to %g", got, want, within);
}

static void percentiles_of_even_magnitudes_are_themselves(void **state)
{
    dms_histogram h = {0};
    const double bin = 1.0 / DMS_HISTOGRAM_BINS;

    fill_evenly(*state);
    dms_histogram_add(&h, *state, LEN);
    assert_int_equal(h.total, LEN);
    for (double percent = 90; percent < 100; percent += 0.7)
        assert_near((double)dms_histogram_percentile(&h, percent),
                    percent / 100, bin);
    assert_true(dms_histogram_percentile(&h, 100) == 1.0f);
    assert_near(dms_histogram_above(&h, 0.75f), 0.25, bin);
    assert_near(dms_histogram_above(&h, 1), 0, bin);
}

static void percentiles_of_a_normal_distribution_are_the_tables(void **state)
{
    dms_histogram h = {0};

    fill_normally(*state);
    dms_histogram_add(&h, *state, LEN);
    assert_near((double)dms_histogram_percentile(&h, 95), 1.960, 0.03);
    assert_near((double)dms_histogram_percentile(&h, 99), 2.576, 0.05);
}

static void bins_that_grow_count_as_if_at_once(void **state)
{
    dms_histogram grown = {.width = 0x1p-4 / DMS_HISTOGRAM_BINS}, once = {0};
    float *values = *state;

    fill_evenly(values);
    for (int i = 0; i < LEN; i++)
        values[i] *= 0.9999f; /* off the bins' edges */
    values[LEN] = 1;
    for (int part = 0; part < 16; part++)
        dms_histogram_add(&grown, values + part * (LEN / 16),
                          LEN / 16 + (part == 15));
    dms_histogram_add(&once, values, LEN + 1);
    assert_int_equal(grown.total, once.total);
    assert_true(grown.largest == once.largest);
    assert_true(grown.width == once.width);
    assert_memory_equal(grown.count, once.count, sizeof once.count);
}

static void zeros_are_not_counted(void **state)
{
    dms_histogram h = {0};
    float *values = *state;

    memset(values, 0, LEN * sizeof *values);
    dms_histogram_add(&h, values, LEN);
    assert_int_equal(h.total, 0);
    values[7] = -2;
    dms_histogram_add(&h, values, LEN);
    assert_int_equal(h.total, 1);
    assert_true(dms_histogram_percentile(&h, 90) == 2.0f);
    assert_true(dms_histogram_entropy(&h, 256) == 2.0f);
}

static void an_empty_one_has_no_range(void **state)
{
    const dms_histogram h = {0};

    (void)state;
    assert_true(dms_histogram_percentile(&h, 99.99) == 0);
    assert_true(dms_histogram_entropy(&h, 256) == 0);
    assert_true(dms_histogram_above(&h, 0) == 0);
}

static void entropy_cuts_off_one_far_number(void **state)
{
    float *values = *state;

    fill_normally(values);
    values[LEN] = 100;
    for (int levels = 128; levels <= 256; levels *= 2) {
        dms_histogram h = {0};
        float limit;

        dms_histogram_add(&h, values, LEN + 1);
        limit = dms_histogram_entropy(&h, levels);
        /* of 2048 bins the normal ones fill 90; 128 are the least */
        assert_in_range((uintmax_t)limit, 4, 100 * levels / 2048 + 2);
        assert_true(dms_histogram_percentile(&h, 100) == 100.0f);
    }
}

static void entropy_keeps_most_of_a_normal_distribution(void **state)
{
    dms_histogram h = {0};
    float limit;

    fill_normally(*state);
    dms_histogram_add(&h, *state, LEN);
    limit = dms_histogram_entropy(&h, 128);
    assert_true(limit > 2);
    assert_true(limit <= h.largest);
    assert_true(dms_histogram_above(&h, limit) < 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_of_even_magnitudes_are_themselves),
        cmocka_unit_test(percentiles_of_a_normal_distribution_are_the_tables),
        cmocka_unit_test(bins_that_grow_count_as_if_at_once),
        cmocka_unit_test(zeros_are_not_counted),
        cmocka_unit_test(an_empty_one_has_no_range),
        cmocka_unit_test(entropy_cuts_off_one_far_number),
        cmocka_unit_test(entropy_keeps_most_of_a_normal_distribution),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
