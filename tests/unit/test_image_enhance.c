#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "image/enhance.h"

enum { SIZE = 64, COUNT = SIZE * SIZE, BYTES = 3 * COUNT };

static const uint8_t brown[3] = {150, 80, 40};

static void fill(uint8_t *rgb, const uint8_t color[3])
{
    for (int i = 0; i < COUNT; i++)
        memcpy(rgb + 3 * i, color, 3);
}

/* Faint waves around brown, from `shift` levels above it. */
static void draw_waves(uint8_t *rgb, int shift)
{
    for (int i = 0; i < COUNT; i++) {
        double wave = 6 * sin(i % SIZE / 2.0) * cos(i / SIZE / 3.0);

        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)(brown[c] + shift + lround(wave));
    }
}

static double deviation(const uint8_t *rgb)
{
    double sum = 0, squares = 0;

    for (int i = 0; i < COUNT; i++) {
        double v = rgb[3 * i + 1];

        sum += v, squares += v * v;
    }
    return sqrt(squares / COUNT - sum / COUNT * sum / COUNT);
}

static void none_changes_nothing(void **state)
{
    uint8_t rgb[BYTES], before[BYTES];

    (void)state;
    draw_waves(rgb, 0);
    memcpy(before, rgb, BYTES);
    assert_int_equal(dms_enhance_apply(rgb, SIZE, DMS_ENHANCE_NONE, NULL),
                     DMS_OK);
    assert_memory_equal(rgb, before, BYTES);
}

static void clahe_leaves_a_flat_picture_nearly_as_it_was(void **state)
{
    uint8_t rgb[BYTES];

    (void)state;
    fill(rgb, brown);
    assert_int_equal(dms_enhance_apply(rgb, SIZE, DMS_ENHANCE_CLAHE, NULL),
                     DMS_OK);
    for (int i = 0; i < BYTES; i++)
        assert_in_range(rgb[i], brown[i % 3] - 5, brown[i % 3] + 5);
}

static void
clahe_widens_contrast_and_keeps_red_above_green_above_blue(void **state)
{
    uint8_t rgb[BYTES];
    double before;

    (void)state;
    draw_waves(rgb, 0);
    before = deviation(rgb);
    assert_int_equal(dms_enhance_apply(rgb, SIZE, DMS_ENHANCE_CLAHE, NULL),
                     DMS_OK);
    assert_true(deviation(rgb) > 1.5 * before);
    for (int i = 0; i < COUNT; i++)
        assert_true(rgb[3 * i] > rgb[3 * i + 1] &&
                    rgb[3 * i + 1] > rgb[3 * i + 2]);
}

static void clahe_keeps_black_and_white(void **state)
{
    static const uint8_t black[3] = {0, 0, 0}, white[3] = {255, 255, 255};
    uint8_t rgb[BYTES];

    (void)state;
    fill(rgb, white);
    assert_int_equal(dms_enhance_apply(rgb, SIZE, DMS_ENHANCE_CLAHE, NULL),
                     DMS_OK);
    for (int i = 0; i < BYTES; i++)
        assert_in_range(rgb[i], 253, 255);
    fill(rgb, black);
    assert_int_equal(dms_enhance_apply(rgb, SIZE, DMS_ENHANCE_CLAHE, NULL),
                     DMS_OK);
    for (int i = 0; i < BYTES; i++)
        assert_in_range(rgb[i], 0, 8);
}

static void graham_makes_a_flat_picture_grey(void **state)
{
    uint8_t rgb[BYTES];

    (void)state;
    fill(rgb, brown);
    assert_int_equal(dms_enhance_apply(rgb, SIZE, DMS_ENHANCE_GRAHAM, NULL),
                     DMS_OK);
    for (int i = 0; i < BYTES; i++)
        assert_int_equal(rgb[i], 128);
}

static void graham_takes_the_lighting_away(void **state)
{
    uint8_t dark[BYTES], bright[BYTES];

    (void)state;
    draw_waves(dark, 0);
    draw_waves(bright, 60);
    assert_int_equal(dms_enhance_apply(dark, SIZE, DMS_ENHANCE_GRAHAM, NULL),
                     DMS_OK);
    assert_int_equal(dms_enhance_apply(bright, SIZE, DMS_ENHANCE_GRAHAM, NULL),
                     DMS_OK);
    for (int i = 0; i < BYTES; i++)
        assert_in_range(bright[i], dark[i] > 0 ? dark[i] - 1 : 0, dark[i] + 1);
    assert_true(deviation(dark) > 4);
}

/* 4 * (x - mean) + 128, the mean within one level of a Gaussian of a thirtieth
 * of the side. */
static void graham_is_four_times_the_distance_from_the_local_mean(void **state)
{
    uint8_t rgb[BYTES], before[BYTES];
    double sigma = SIZE / 30.0;

    (void)state;
    draw_waves(before, 0);
    memcpy(rgb, before, BYTES);
    assert_int_equal(dms_enhance_apply(rgb, SIZE, DMS_ENHANCE_GRAHAM, NULL),
                     DMS_OK);
    for (int i = 0; i < COUNT; i++) {
        int x = i % SIZE, y = i / SIZE;
        double mean = 0, weights = 0;

        if (hypot(x - SIZE / 2.0, y - SIZE / 2.0) > SIZE / 3.0)
            continue;
        for (int k = -9; k <= 9; k++)
            for (int l = -9; l <= 9; l++) {
                double w = exp(-(k * k + l * l) / (2 * sigma * sigma));

                mean += w * before[3 * ((y + k) * SIZE + x + l)];
                weights += w;
            }
        assert_float_equal(rgb[3 * i],
                           4 * (before[3 * i] - mean / weights) + 128, 4);
    }
}

static void graham_is_grey_outside_nine_tenths_of_the_disc(void **state)
{
    uint8_t rgb[BYTES];

    (void)state;
    draw_waves(rgb, 0);
    assert_int_equal(dms_enhance_apply(rgb, SIZE, DMS_ENHANCE_GRAHAM, NULL),
                     DMS_OK);
    for (int i = 0; i < COUNT; i++) {
        double from = hypot(i % SIZE - (SIZE - 1) / 2.0,
                            i / SIZE - (double)(SIZE - 1) / 2);

        if (from > 0.9 * SIZE / 2)
            for (int c = 0; c < 3; c++)
                assert_int_equal(rgb[3 * i + c], 128);
    }
}

static void a_failed_allocation_leaves_the_picture(void **state)
{
    static const struct {
        dms_enhance how;
        size_t allocations;
    } ways[] = {{DMS_ENHANCE_CLAHE, 3}, {DMS_ENHANCE_GRAHAM, 2}};
    uint8_t rgb[BYTES], before[BYTES];

    (void)state;
    draw_waves(before, 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        for (size_t n = 1; n <= ways[i].allocations; n++) {
            dms_error err = {0};

            memcpy(rgb, before, BYTES);
            dms_alloc_fail_at(n);
            assert_int_equal(dms_enhance_apply(rgb, SIZE, ways[i].how, &err),
                             DMS_ENOMEM);
            dms_alloc_fail_at(0);
            assert_memory_equal(rgb, before, BYTES);
            assert_non_null(strstr(err.message, "out of memory"));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_changes_nothing),
        cmocka_unit_test(clahe_leaves_a_flat_picture_nearly_as_it_was),
        cmocka_unit_test(
            clahe_widens_contrast_and_keeps_red_above_green_above_blue),
        cmocka_unit_test(clahe_keeps_black_and_white),
        cmocka_unit_test(graham_makes_a_flat_picture_grey),
        cmocka_unit_test(graham_takes_the_lighting_away),
        cmocka_unit_test(graham_is_four_times_the_distance_from_the_local_mean),
        cmocka_unit_test(graham_is_grey_outside_nine_tenths_of_the_disc),
        cmocka_unit_test(a_failed_allocation_leaves_the_picture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
