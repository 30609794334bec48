/* Arithmetic on values of any type and layout, by all OpenMP threads. */
#ifndef DMS_GRAPH_VALUE_H
#define DMS_GRAPH_VALUE_H

#include <stdint.h>
#include <string.h>

#include "graph/graph.h"

/* bfloat16: the upper half of a float32. */
static inline float dms_bf16_float(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Rounds to nearest, ties to even; a NaN stays NaN. */
static inline uint16_t dms_bf16_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return value != value
               ? (uint16_t)(bits >> 16 | 0x40)
               : (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* sum += term, float32 or bfloat16 */
void dms_value_add(void *sum, const void *term, size_t len, dms_type type);

/* The largest |value| of float32 or bfloat16; infinity if any is infinite or
 * NaN. */
float dms_value_magnitude(const void *values, size_t len, dms_type type);

/* Convert a node's value to N x H x W x C floats (integers times their scale)
 * and back (rounded to nearest and clamped to the type). block: the graph's. */
void dms_value_read(float *plain, const dms_node *node, const void *y,
                    int block);
void dms_value_write(void *y, const dms_node *node, const float *plain,
                     int block);

#endif
