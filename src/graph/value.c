/* Arithmetic on whole values, in parallel. Relies on IEEE floats. */
#include "graph/value.h"

#include <math.h>

void dms_value_add(void *sum, const void *term, size_t len, dms_type type)
{
    float *wide = sum;
    uint16_t *half = sum;
    const float *wide_term = term;
    const uint16_t *half_term = term;

    if (type == DMS_TYPE_F32) {
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < len; i++)
            wide[i] += wide_term[i];
        return;
    }
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < len; i++)
        half[i] =
            dms_bf16_of(dms_bf16_float(half[i]) + dms_bf16_float(half_term[i]));
}

/* Threads share the work above this many elements. */
enum { SHARED = 1 << 17 };

/* Without the sign bit, floats are ordered like their bits, with NaN above
 * infinity: a vectorised integer maximum finds both. */
static float magnitude_f32(const float *values, size_t len)
{
    int32_t most = 0;
    float greatest;

#pragma omp parallel for simd reduction(max : most) if (len > SHARED)
    for (size_t i = 0; i < len; i++) {
        int32_t bits;

        memcpy(&bits, &values[i], sizeof bits);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    memcpy(&greatest, &most, sizeof greatest);
    return greatest;
}

static float magnitude_bf16(const uint16_t *values, size_t len)
{
    int16_t most = 0;

#pragma omp parallel for simd reduction(max : most) if (len > SHARED)
    for (size_t i = 0; i < len; i++) {
        int16_t bits = values[i] & 0x7fff;

        most = bits > most ? bits : most;
    }
    return dms_bf16_float((uint16_t)most);
}

float dms_value_magnitude(const void *values, size_t len, dms_type type)
{
    float greatest = type == DMS_TYPE_F32 ? magnitude_f32(values, len)
                                          : magnitude_bf16(values, len);

    return isfinite(greatest) ? greatest : INFINITY;
}

static float get(const void *y, size_t i, const dms_node *node)
{
    switch (node->type) {
    case DMS_TYPE_F32:
        return ((const float *)y)[i];
    case DMS_TYPE_BF16:
        return dms_bf16_float(((const uint16_t *)y)[i]);
    case DMS_TYPE_U8:
        return (float)((const uint8_t *)y)[i] * node->scale;
    case DMS_TYPE_S8:
        return (float)((const int8_t *)y)[i] * node->scale;
    }
    return 0;
}

static float rounded(float value, float low, float high)
{
    return rintf(fminf(fmaxf(value, low), high));
}

static void put(void *y, size_t i, const dms_node *node, float value)
{
    switch (node->type) {
    case DMS_TYPE_F32:
        ((float *)y)[i] = value;
        break;
    case DMS_TYPE_BF16:
        ((uint16_t *)y)[i] = dms_bf16_of(value);
        break;
    case DMS_TYPE_U8:
        ((uint8_t *)y)[i] = (uint8_t)rounded(value / node->scale, 0, 255);
        break;
    case DMS_TYPE_S8:
        ((int8_t *)y)[i] = (int8_t)rounded(value / node->scale, -128, 127);
        break;
    }
}

/* The offset of channel c at a position, within an image of node's layout. */
static size_t place(const dms_node *node, size_t position, size_t c,
                    size_t block)
{
    size_t channels = (size_t)node->shape.c;
    size_t area = (size_t)(node->shape.h * node->shape.w);

    switch (node->layout) {
    case DMS_LAYOUT_NCHW:
        return c * area + position;
    case DMS_LAYOUT_NHWC:
        break;
    case DMS_LAYOUT_BLOCKED:
        return (c / block * area + position) * block + c % block;
    }
    return position * channels + c;
}

void dms_value_read(float *plain, const dms_node *node, const void *y,
                    int block)
{
    size_t channels = (size_t)node->shape.c;
    size_t area = (size_t)(node->shape.h * node->shape.w);
    size_t positions = (size_t)node->shape.n * area;

#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < positions; p++)
        for (size_t c = 0; c < channels; c++)
            plain[p * channels + c] =
                get(y,
                    p / area * area * channels +
                        place(node, p % area, c, (size_t)block),
                    node);
}

void dms_value_write(void *y, const dms_node *node, const float *plain,
                     int block)
{
    size_t channels = (size_t)node->shape.c;
    size_t area = (size_t)(node->shape.h * node->shape.w);
    size_t positions = (size_t)node->shape.n * area;

#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < positions; p++)
        for (size_t c = 0; c < channels; c++)
            put(y,
                p / area * area * channels +
                    place(node, p % area, c, (size_t)block),
                node, plain[p * channels + c]);
}
