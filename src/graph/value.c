#include "graph/value.h"

static void add_f32(float *sum, const float *term, size_t len)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < len; i++)
        sum[i] += term[i];
}

static void add_bf16(uint16_t *sum, const uint16_t *term, size_t len)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < len; i++)
        sum[i] = dms_bf16_of(dms_bf16_float(sum[i]) + dms_bf16_float(term[i]));
}

void dms_value_add(void *sum, const void *term, size_t len, dms_type type)
{
    if (type == DMS_TYPE_F32)
        add_f32(sum, term, len);
    else
        add_bf16(sum, term, len);
}
