/* Tensor element types: their names, their sizes, their values as float32. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/fail.h"
#include "formats/safetensors.h"

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

    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24, exactly */
        float value = (float)fraction * 0x1p-24f;

        return sign ? -value : value;
    }
    if (exponent == 0x1f)
        return float_of_bits(sign | 0x7f800000 | fraction << 13);
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* out[i] = the value of src's i-th element of `type`, src perhaps unaligned. */
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

dms_status dms_tensor_to_f32(float *out, const dms_tensor_view *view,
                             dms_error *err)
{
    size_t count = 1;

    if ((unsigned)view->dtype >= sizeof dtypes / sizeof dtypes[0])
        return dms_fail(err, DMS_EINVAL, "tensor '%s': unknown dtype %d",
                        view->name, (int)view->dtype);
    for (int i = 0; i < view->rank; i++)
        count *= (size_t)view->shape[i];
    if (view->size != count * dms_dtype_size(view->dtype))
        return dms_fail(err, DMS_EMISMATCH,
                        "tensor '%s': %zu bytes, but %zu elements of %s",
                        view->name, view->size, count,
                        dms_dtype_name(view->dtype));
    convert(out, view->data, count, view->dtype);
    return DMS_OK;
}

bool dms_floats_finite(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}
