/* Values of any type and layout, read and written as floats. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "graph/value.h"

enum { N = 2, C = 32, H = 3, W = 5, BLOCK = 16, LEN = N * C * H * W };

static dms_node node_of(dms_type type, dms_layout layout, float scale)
{
    return (dms_node){
        .shape = {N, C, H, W}, .type = type, .layout = layout, .scale = scale};
}

/* Where (n, c, h, w) lies, said once more. */
static size_t place(dms_layout layout, int n, int c, int p)
{
    const int area = H * W;

    if (layout == DMS_LAYOUT_NCHW)
        return (size_t)((n * C + c) * area + p);
    if (layout == DMS_LAYOUT_NHWC)
        return (size_t)((n * area + p) * C + c);
    return (size_t)(((n * (C / BLOCK) + c / BLOCK) * area + p) * BLOCK +
                    c % BLOCK);
}

static void every_layout_is_read_and_written_in_its_places(void **state)
{
    static float plain[LEN], again[LEN], y[LEN];

    (void)state;
    for (int i = 0; i < LEN; i++)
        plain[i] = (float)i - 99.5f;
    for (int layout = DMS_LAYOUT_NCHW; layout <= DMS_LAYOUT_BLOCKED; layout++) {
        dms_node node = node_of(DMS_TYPE_F32, (dms_layout)layout, 0);

        dms_value_write(y, &node, plain, BLOCK);
        for (int i = 0; i < LEN; i++) {
            int c = i % C, p = i / C % (H * W), n = i / (C * H * W);

            assert_true(y[place((dms_layout)layout, n, c, p)] == plain[i]);
        }
        dms_value_read(again, &node, y, BLOCK);
        assert_memory_equal(again, plain, sizeof plain);
    }
}

static void integers_are_rounded_to_even_and_kept_in_range(void **state)
{
    /* in units of the scale */
    static const struct {
        float value;
        int s8, u8;
    } cases[] = {
        {0, 0, 0},          {0.5f, 0, 0},       {1.5f, 2, 2},
        {2.5f, 2, 2},       {2.51f, 3, 3},      {-0.5f, 0, 0},
        {-1.5f, -2, 0},     {-2.5f, -2, 0},     {127, 127, 127},
        {127.6f, 127, 128}, {-128.4f, -128, 0}, {-200, -128, 0},
        {255.4f, 127, 255}, {1e30f, 127, 255},  {-1e30f, -128, 0},
    };
    const float scale = 0.25f;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float plain[LEN] = {cases[i].value * scale};
        float back[LEN];
        dms_node s8 = node_of(DMS_TYPE_S8, DMS_LAYOUT_NHWC, scale);
        dms_node u8 = node_of(DMS_TYPE_U8, DMS_LAYOUT_NHWC, scale);
        int8_t y[LEN];
        uint8_t z[LEN];

        dms_value_write(y, &s8, plain, BLOCK);
        dms_value_write(z, &u8, plain, BLOCK);
        assert_int_equal(y[0], cases[i].s8);
        assert_int_equal(z[0], cases[i].u8);
        dms_value_read(back, &s8, y, BLOCK);
        assert_true(back[0] == (float)cases[i].s8 * scale);
        dms_value_read(back, &u8, z, BLOCK);
        assert_true(back[0] == (float)cases[i].u8 * scale);
    }
}

static void every_integer_comes_back_in_every_layout(void **state)
{
    static const dms_type types[] = {DMS_TYPE_U8, DMS_TYPE_S8};
    uint8_t y[LEN], again[LEN];
    float plain[LEN];

    (void)state;
    for (int i = 0; i < LEN; i++)
        y[i] = (uint8_t)i;
    for (int t = 0; t < 2; t++)
        for (int l = DMS_LAYOUT_NCHW; l <= DMS_LAYOUT_BLOCKED; l++) {
            dms_node node = node_of(types[t], (dms_layout)l, 0.0371f);

            dms_value_read(plain, &node, y, BLOCK);
            dms_value_write(again, &node, plain, BLOCK);
            assert_memory_equal(again, y, sizeof y);
        }
}

static void bf16_is_the_nearest_with_ties_to_even(void **state)
{
    static const struct {
        float value, nearest;
    } cases[] = {
        {1, 1},
        {0x1.01p0f, 0x1.00p0f}, /* a tie, to even */
        {0x1.03p0f, 0x1.04p0f}, /* a tie, to even */
        {0x1.010002p0f, 0x1.02p0f},
        {-0x1.03p-20f, -0x1.04p-20f},
        {3.4e38f, INFINITY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float plain[LEN] = {cases[i].value};
        float back[LEN];
        uint16_t y[LEN];
        dms_node node = node_of(DMS_TYPE_BF16, DMS_LAYOUT_BLOCKED, 0);

        dms_value_write(y, &node, plain, BLOCK);
        dms_value_read(back, &node, y, BLOCK);
        assert_true(back[0] == cases[i].nearest);
    }
    assert_true(isnan(dms_bf16_float(dms_bf16_of(NAN))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_is_read_and_written_in_its_places),
        cmocka_unit_test(integers_are_rounded_to_even_and_kept_in_range),
        cmocka_unit_test(every_integer_comes_back_in_every_layout),
        cmocka_unit_test(bf16_is_the_nearest_with_ties_to_even),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
