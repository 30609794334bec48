/* Tensors of files: views of any stride, and what rounding does at the rims of
 * half precision and bfloat16. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "formats/tensor.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const float ramp[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                               12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

static dms_tensor_view view_of(const void *data, size_t size, dms_dtype dtype)
{
    return (dms_tensor_view){
        .name = "w", .dtype = dtype, .data = data, .size = size};
}

static void assert_reads(const dms_tensor_view *view, const float *want,
                         size_t count)
{
    float got[24] = {0};
    dms_error err = {0};

    if (dms_tensor_to_f32(got, view, &err) != DMS_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < count; i++)
        if (got[i] != want[i])
            fail_msg("element %zu: got %g, want %g", i, (double)got[i],
                     (double)want[i]);
}

static void a_transposed_view_is_read_row_by_row(void **state)
{
    static const float want[] = {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11};
    dms_tensor_view view = view_of(ramp, 12 * sizeof *ramp, DMS_DTYPE_F32);

    (void)state;
    view.axes = 2;
    view.shape[0] = 4, view.shape[1] = 3;
    view.strided = true;
    view.stride[0] = 1, view.stride[1] = 4;
    assert_reads(&view, want, COUNT(want));
}

static void channels_last_is_read_as_channels_first(void **state)
{
    /* 1 x 2 x 2 x 3 (N C H W) that lies as N H W C */
    static const float want[] = {0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11};
    dms_tensor_view view = view_of(ramp, 12 * sizeof *ramp, DMS_DTYPE_F32);
    const int64_t shape[] = {1, 2, 2, 3}, stride[] = {12, 1, 6, 2};

    (void)state;
    view.axes = 4;
    memcpy(view.shape, shape, sizeof shape);
    memcpy(view.stride, stride, sizeof stride);
    view.strided = true;
    assert_reads(&view, want, COUNT(want));
}

static void a_stride_of_zero_repeats_and_a_gap_is_skipped(void **state)
{
    static const float repeated[] = {0, 1, 2, 0, 1, 2};
    static const float gaps[] = {0, 1, 2, 8, 9, 10};
    dms_tensor_view view = view_of(ramp, 11 * sizeof *ramp, DMS_DTYPE_F32);

    (void)state;
    view.axes = 2;
    view.shape[0] = 2, view.shape[1] = 3;
    view.strided = true;
    view.stride[1] = 1;
    assert_reads(&view, repeated, 6);
    view.stride[0] = 8;
    assert_reads(&view, gaps, 6);
}

static void a_scalar_and_an_empty_view_are_read(void **state)
{
    dms_tensor_view view = view_of(ramp + 5, sizeof *ramp, DMS_DTYPE_F32);

    (void)state;
    assert_reads(&view, ramp + 5, 1);
    view.strided = true;
    assert_reads(&view, ramp + 5, 1);
    view.axes = 2;
    view.shape[1] = 7;
    view.stride[0] = 7, view.stride[1] = 1;
    view.size = 0;
    assert_reads(&view, NULL, 0);
}

static void an_element_beyond_the_bytes_is_refused(void **state)
{
    float out[24];
    dms_tensor_view view = view_of(ramp, 11 * sizeof *ramp, DMS_DTYPE_F32);
    static const struct {
        bool strided;
        int64_t shape[2], stride[2];
    } cases[] = {
        {false, {3, 4}, {0, 0}},
        {true, {3, 4}, {4, 1}},
        {true, {2, 3}, {9, 1}},
        {true, {2, 2}, {INT64_MAX, 1}},
        {true, {INT64_MAX, 3}, {1, INT64_MAX}},
        {false, {INT64_MAX, INT64_MAX}, {0, 0}},
        {true, {INT64_MAX, INT64_MAX}, {0, 0}},
    };

    (void)state;
    view.axes = 2;
    for (size_t i = 0; i < COUNT(cases); i++) {
        view.strided = cases[i].strided;
        memcpy(view.shape, cases[i].shape, sizeof cases[i].shape);
        memcpy(view.stride, cases[i].stride, sizeof cases[i].stride);
        assert_int_equal(dms_tensor_to_f32(out, &view, NULL), DMS_EMISMATCH);
    }
}

static void every_element_type_is_read_unaligned_and_strided(void **state)
{
    static const double f64[] = {1, -2};
    static const float f32[] = {1, -2};
    static const uint16_t f16[] = {0x3c00, 0xc000}, bf16[] = {0x3f80, 0xc000};
    static const int64_t i64[] = {1, -2};
    static const int32_t i32[] = {1, -2};
    static const int16_t i16[] = {1, -2};
    static const int8_t i8[] = {1, -2};
    static const struct {
        dms_dtype dtype;
        const void *values;
    } cases[] = {
        {DMS_DTYPE_F64, f64},   {DMS_DTYPE_F32, f32}, {DMS_DTYPE_F16, f16},
        {DMS_DTYPE_BF16, bf16}, {DMS_DTYPE_I64, i64}, {DMS_DTYPE_I32, i32},
        {DMS_DTYPE_I16, i16},   {DMS_DTYPE_I8, i8},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[40];
        size_t size = dms_dtype_size(cases[i].dtype);
        dms_tensor_view view = view_of(bytes + 1, 2 * size, cases[i].dtype);

        memcpy(bytes + 1, cases[i].values, 2 * size);
        view.axes = 1;
        view.shape[0] = 2;
        assert_reads(&view, f32, 2);
        memcpy(bytes + 1 + 2 * size, (const uint8_t *)cases[i].values + size,
               size); /* 1, -2, -2 by steps of 2: 1, -2 */
        view.strided = true;
        view.stride[0] = 2;
        view.size = 3 * size;
        assert_reads(&view, f32, 2);
    }
}

typedef struct rounding {
    float value;
    uint16_t bits;
} rounding;

static void assert_rounds(dms_dtype dtype, const rounding *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int sign = 0; sign < 2; sign++) {
            float value = sign ? -cases[i].value : cases[i].value;
            uint16_t got, want = cases[i].bits;

            if (sign)
                want |= 0x8000;
            dms_tensor_from_f32(&got, dtype, &value, 1);
            if (got != want)
                fail_msg("%s of %a: got %04x, want %04x", dms_dtype_name(dtype),
                         (double)value, got, want);
        }
}

static void half_precision_rounds_to_nearest_ties_to_even(void **state)
{
    static const rounding cases[] = {
        {0, 0},
        {1, 0x3c00},
        {0x1.004p0f, 0x3c01},
        {0x1.002p0f, 0x3c00},    /* a tie: down to even */
        {0x1.002002p0f, 0x3c01}, /* just above it */
        {0x1.006p0f, 0x3c02},    /* a tie: up to even */
        {0x1.005ffep0f, 0x3c01},
        {0x1.ffep0f, 0x4000}, /* carries into the exponent */
        {65504, 0x7bff},
        {0x1.ffdffep15f, 0x7bff}, /* just below 65520 */
        {65520, 0x7c00},
        {0x1p127f, 0x7c00},
        {INFINITY, 0x7c00},
        {0x1p-14f, 0x0400},     /* the smallest normal */
        {0x1.ff8p-15f, 0x03ff}, /* the largest subnormal */
        {0x1.ffcp-15f, 0x0400}, /* a tie: up to the normal */
        {0x1.ffbffep-15f, 0x03ff},
        {0x1p-24f, 1},
        {0x1p-25f, 0}, /* ties to even */
        {0x1.000002p-25f, 1},
        {0x1.8p-24f, 2},
        {0x1p-149f, 0},
    };

    (void)state;
    assert_rounds(DMS_DTYPE_F16, cases, COUNT(cases));
}

static void bfloat16_rounds_to_nearest_ties_to_even(void **state)
{
    static const rounding cases[] = {
        {0, 0},
        {1, 0x3f80},
        {0x1.01p0f, 0x3f80}, /* a tie: down to even */
        {0x1.010002p0f, 0x3f81},
        {0x1.03p0f, 0x3f82}, /* a tie: up to even */
        {0x1.02fffep0f, 0x3f81},
        {0x1.ffp0f, 0x4000},
        {0x1.fep127f, 0x7f7f}, /* the largest */
        {0x1.fefffep127f, 0x7f7f},
        {0x1.ffp127f, 0x7f80},
        {INFINITY, 0x7f80},
        {0x1p-126f, 0x0080},
        {0x1p-133f, 1}, /* subnormals are kept */
        {0x1p-134f, 0},
        {0x1.8p-133f, 2},
        {0x1p-149f, 0},
    };

    (void)state;
    assert_rounds(DMS_DTYPE_BF16, cases, COUNT(cases));
}

static void what_is_no_number_stays_none(void **state)
{
    /* also one whose upper bits alone would be those of infinity */
    static const uint32_t nans[] = {0x7fc00000, 0xffc00000, 0x7f800001,
                                    0xff801fff, 0x7fffffff};
    static const dms_dtype types[] = {DMS_DTYPE_F16, DMS_DTYPE_BF16};

    (void)state;
    for (size_t i = 0; i < COUNT(nans); i++)
        for (size_t t = 0; t < COUNT(types); t++) {
            float value, back;
            uint16_t narrow;
            dms_tensor_view view = view_of(&narrow, sizeof narrow, types[t]);

            memcpy(&value, &nans[i], sizeof value);
            dms_tensor_from_f32(&narrow, types[t], &value, 1);
            assert_int_equal(dms_tensor_to_f32(&back, &view, NULL), DMS_OK);
            assert_true(isnan(back));
            assert_int_equal(narrow >> 15, nans[i] >> 31);
        }
}

static void every_narrow_pattern_comes_back(void **state)
{
    static const dms_dtype types[] = {DMS_DTYPE_F16, DMS_DTYPE_BF16};

    (void)state;
    for (size_t t = 0; t < COUNT(types); t++)
        for (uint32_t bits = 0; bits < 0x10000; bits++) {
            uint16_t narrow = (uint16_t)bits, again;
            dms_tensor_view view = view_of(&narrow, sizeof narrow, types[t]);
            float value;

            assert_int_equal(dms_tensor_to_f32(&value, &view, NULL), DMS_OK);
            if (isnan(value))
                continue;
            dms_tensor_from_f32(&again, types[t], &value, 1);
            if (again != narrow)
                fail_msg("%s %04x came back as %04x", dms_dtype_name(types[t]),
                         narrow, again);
        }
}

static void one_value_that_is_not_finite_is_seen_wherever_it_lies(void **state)
{
    static float values[(1 << 18) + 3];
    static const size_t places[] = {0, 65535, 65536, 1 << 17, (1 << 18) + 2};
    const size_t count = COUNT(values);

    (void)state;
    assert_true(dms_floats_finite(values, count));
    assert_true(dms_floats_finite(NULL, 0));
    for (size_t i = 0; i < COUNT(places); i++) {
        values[places[i]] = i % 2 ? NAN : -INFINITY;
        assert_false(dms_floats_finite(values, count));
        assert_true(dms_floats_finite(values, places[i]));
        values[places[i]] = 0;
    }
}

static void a_shape_is_printed_and_cut_to_the_room_there_is(void **state)
{
    static const int64_t shape[] = {64, 3, 7, 7};
    char text[32];

    (void)state;
    dms_shape_text(text, sizeof text, shape, 4);
    assert_string_equal(text, "[64, 3, 7, 7]");
    dms_shape_text(text, sizeof text, shape, 0);
    assert_string_equal(text, "[]");
    dms_shape_text(text, 6, shape, 4);
    assert_string_equal(text, "[64, ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transposed_view_is_read_row_by_row),
        cmocka_unit_test(channels_last_is_read_as_channels_first),
        cmocka_unit_test(a_stride_of_zero_repeats_and_a_gap_is_skipped),
        cmocka_unit_test(a_scalar_and_an_empty_view_are_read),
        cmocka_unit_test(an_element_beyond_the_bytes_is_refused),
        cmocka_unit_test(every_element_type_is_read_unaligned_and_strided),
        cmocka_unit_test(half_precision_rounds_to_nearest_ties_to_even),
        cmocka_unit_test(bfloat16_rounds_to_nearest_ties_to_even),
        cmocka_unit_test(what_is_no_number_stays_none),
        cmocka_unit_test(every_narrow_pattern_comes_back),
        cmocka_unit_test(one_value_that_is_not_finite_is_seen_wherever_it_lies),
        cmocka_unit_test(a_shape_is_printed_and_cut_to_the_room_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
