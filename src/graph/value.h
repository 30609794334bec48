/* Arithmetic on values of either type, by all threads. */
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

/* To the nearest, ties to even; a NaN stays one. */
static inline uint16_t dms_bf16_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return value != value
               ? (uint16_t)(bits >> 16 | 0x40)
               : (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* sum += term */
void dms_value_add(void *sum, const void *term, size_t len, dms_type type);

#endif
