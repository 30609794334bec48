/* Element types and their conversion. Relies on a little-endian machine, which
 * is asserted. */
#include "formats/tensor.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "tensors are little-endian and are copied as they are");

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [DMS_DTYPE_F64] = {"F64", 8}, [DMS_DTYPE_F32] = {"F32", 4},
    [DMS_DTYPE_F16] = {"F16", 2}, [DMS_DTYPE_BF16] = {"BF16", 2},
    [DMS_DTYPE_I64] = {"I64", 8}, [DMS_DTYPE_I32] = {"I32", 4},
    [DMS_DTYPE_I16] = {"I16", 2}, [DMS_DTYPE_I8] = {"I8", 1},
    [DMS_DTYPE_U8] = {"U8", 1},   [DMS_DTYPE_BOOL] = {"BOOL", 1},
};

size_t dms_dtype_size(dms_dtype dtype)
{
    return dtypes[dtype].size;
}

const char *dms_dtype_name(dms_dtype dtype)
{
    return dtypes[dtype].name;
}

static float float_of_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16: sign 1, exponent 5 (bias 15), fraction 10. */
static float float_of_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 0x1f;
    uint32_t fraction = half & 0x3ff;

    if (exponent == 0) { /* zero or subnormal: exactly fraction * 2^-24 */
        float value = (float)fraction * 0x1p-24f;

        return sign ? -value : value;
    }
    if (exponent == 0x1f)
        return float_of_bits(sign | 0x7f800000 | fraction << 13);
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* out[i] = element i of src, which has `type` and may be unaligned. */
#define CONVERT(type, value)                                                   \
    for (size_t i = 0; i < count; i++) {                                       \
        type x;                                                                \
                                                                               \
        memcpy(&x, src + i * sizeof x, sizeof x);                              \
        out[i] = (value);                                                      \
    }                                                                          \
    break

static void convert(float *out, const uint8_t *src, size_t count,
                    dms_dtype dtype)
{
    switch (dtype) {
    case DMS_DTYPE_F32:
        if (count > 0)
            memcpy(out, src, count * sizeof *out);
        break;
    case DMS_DTYPE_F64:
        CONVERT(double, (float)x);
    case DMS_DTYPE_F16:
        CONVERT(uint16_t, float_of_half(x));
    case DMS_DTYPE_BF16:
        CONVERT(uint16_t, float_of_bits((uint32_t)x << 16));
    case DMS_DTYPE_I64:
        CONVERT(int64_t, (float)x);
    case DMS_DTYPE_I32:
        CONVERT(int32_t, (float)x);
    case DMS_DTYPE_I16:
        CONVERT(int16_t, (float)x);
    case DMS_DTYPE_I8:
        CONVERT(int8_t, (float)x);
    case DMS_DTYPE_U8:
        CONVERT(uint8_t, (float)x);
    case DMS_DTYPE_BOOL:
        CONVERT(uint8_t, x != 0 ? 1.0f : 0.0f);
    }
}

/* Convert the innermost dimension a row at a time if its elements are
 * contiguous, else one by one. */
static void convert_strided(float *out, const dms_tensor_view *view, int axis,
                            const uint8_t *src)
{
    size_t element = dms_dtype_size(view->dtype);
    size_t step = (size_t)view->stride[axis] * element;
    size_t inner = 1;

    for (int i = axis + 1; i < view->axes; i++)
        inner *= (size_t)view->shape[i];
    if (axis == view->axes - 1 && view->stride[axis] == 1) {
        convert(out, src, (size_t)view->shape[axis], view->dtype);
        return;
    }
    for (int64_t i = 0; i < view->shape[axis]; i++) {
        if (axis == view->axes - 1)
            convert(out, src, 1, view->dtype);
        else
            convert_strided(out, view, axis + 1, src);
        out += inner;
        src += step;
    }
}

/* The number of elements from the first to the last, both included: the part of
 * its storage that a view covers. False if it exceeds SIZE_MAX. */
static bool covered_elements(size_t *covered, size_t *count,
                             const dms_tensor_view *view)
{
    size_t last = 0, reach;

    *count = 1;
    for (int i = 0; i < view->axes; i++)
        if (__builtin_mul_overflow(*count, (size_t)view->shape[i], count))
            return false;
    *covered = *count;
    if (!view->strided || *count == 0)
        return true;
    for (int i = 0; i < view->axes; i++)
        if (__builtin_mul_overflow((size_t)view->stride[i],
                                   (size_t)view->shape[i] - 1, &reach) ||
            __builtin_add_overflow(last, reach, &last))
            return false;
    return !__builtin_add_overflow(last, (size_t)1, covered);
}

dms_status dms_tensor_to_f32(float *out, const dms_tensor_view *view,
                             dms_error *err)
{
    size_t count, covered;
    bool fits;

    if ((unsigned)view->dtype >= sizeof dtypes / sizeof dtypes[0])
        return dms_fail(err, DMS_EINVAL, "tensor '%s': unknown dtype %d",
                        view->name, (int)view->dtype);
    fits = covered_elements(&covered, &count, view);
    if (fits && view->strided)
        fits = covered <= view->size / dms_dtype_size(view->dtype);
    else if (fits)
        fits = view->size == count * dms_dtype_size(view->dtype);
    if (!fits)
        return dms_fail(err, DMS_EMISMATCH,
                        "tensor '%s': %zu bytes are not the %s elements that "
                        "its shape needs",
                        view->name, view->size, dms_dtype_name(view->dtype));
    if (view->strided && view->axes > 0 && count > 0)
        convert_strided(out, view, 0, view->data);
    else
        convert(out, view->data, count, view->dtype);
    return DMS_OK;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint16_t half_of_float(float value)
{
    uint32_t bits = bits_of_float(value);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    float magnitude = fabsf(value);

    if (isnan(value))
        return sign | 0x7e00;
    if (magnitude >= 65520.0f) /* rounds to more than 65504 */
        return sign | 0x7c00;
    if (magnitude < 0x1p-14f) /* subnormal: a multiple of 2^-24 */
        return (uint16_t)(sign | (uint16_t)rintf(magnitude * 0x1p24f));
    bits &= 0x7fffffff;
    bits += 0xfff + (bits >> 13 & 1); /* ties to even */
    return (uint16_t)(sign | ((bits >> 13) - (112 << 10)));
}

static uint16_t bf16_of_float(float value)
{
    uint32_t bits = bits_of_float(value);

    if (isnan(value))
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void dms_tensor_from_f32(void *out, dms_dtype dtype, const float *values,
                         size_t count)
{
    uint16_t *narrow = out;

    assert(dtype == DMS_DTYPE_F32 || dtype == DMS_DTYPE_F16 ||
           dtype == DMS_DTYPE_BF16);
    if (dtype == DMS_DTYPE_F32)
        memcpy(out, values, count * sizeof *values);
    else
        for (size_t i = 0; i < count; i++)
            narrow[i] = dtype == DMS_DTYPE_F16 ? half_of_float(values[i])
                                               : bf16_of_float(values[i]);
}

void dms_shape_text(char *text, size_t size, const int64_t *shape, int axes)
{
    int at = snprintf(text, size, "[");

    for (int i = 0; i < axes && at > 0 && (size_t)at < size; i++)
        at += snprintf(text + at, size - (size_t)at, "%s%" PRId64,
                       i ? ", " : "", shape[i]);
    if (at > 0 && (size_t)at < size)
        snprintf(text + at, size - (size_t)at, "]");
}

/* An exponent of all ones means NaN or infinity. The loop does not stop early,
 * so that the compiler can process 16 values at a time. */
static bool block_finite(const float *values, size_t count)
{
    uint32_t bad = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t bits;

        memcpy(&bits, &values[i], sizeof bits);
        bad |= (bits & 0x7f800000) == 0x7f800000;
    }
    return !bad;
}

bool dms_floats_finite(const float *values, size_t count)
{
    const size_t block = 1 << 16;
    size_t blocks = (count + block - 1) / block;
    int finite = 1;

#pragma omp parallel for schedule(static) reduction(& : finite) if (blocks > 2)
    for (size_t i = 0; i < blocks; i++)
        finite &= block_finite(values + i * block,
                               i + 1 < blocks ? block : count - i * block);
    return finite;
}
