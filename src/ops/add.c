/* y = a + b, or max(0, a + b) with a fused relu.
 * da = db = dy, with a relu only where y > 0; usually in place of dy. All have
 * the same layout. */
#include <string.h>

#include "graph/op.h"
#include "graph/value.h"
#include "ops/emit.h"
#include "ops/ops.h"

static void forward_f32(float *y, const float *a, const float *b, size_t len,
                        float floor)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < len; i++) {
        float sum = a[i] + b[i];

        y[i] = sum < floor ? floor : sum; /* a NaN stays NaN */
    }
}

static void forward_bf16(uint16_t *y, const uint16_t *a, const uint16_t *b,
                         size_t len, float floor)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < len; i++) {
        float sum = dms_bf16_float(a[i]) + dms_bf16_float(b[i]);

        y[i] = dms_bf16_of(sum < floor ? floor : sum);
    }
}

static dms_status add_forward(dms_job *t, dms_error *err)
{
    float floor = t->node->attr.relu ? 0.0f : -__FLT_MAX__;
    size_t len = dms_shape_len(&t->node->shape);

    (void)err;
    if (t->node->type == DMS_TYPE_F32)
        forward_f32(t->y, t->x[0], t->x[1], len, floor);
    else
        forward_bf16(t->y, t->x[0], t->x[1], len, floor);
    return DMS_OK;
}

static dms_status add_backward(dms_job *t, dms_error *err)
{
    size_t len = dms_shape_len(&t->node->shape);
    const void *dy = t->dy;
    int first = t->dx[0] && t->dx[0] == dy ? 0 : 1;

    (void)err;
    if (!t->dx[first])
        first = !first;
    if (t->node->attr.relu) {
        dms_relu_backward(t->dx[first], dy, t->y, len, t->node->type);
        dy = t->dx[first];
    }
    for (int k = 0; k < 2; k++)
        if (t->dx[k] && t->dx[k] != dy)
            memcpy(t->dx[k], dy, len * dms_type_size(t->node->type));
    return DMS_OK;
}

static void add_emit(const dms_emit *e)
{
    dms_emit_op(e, "Add");
}

const dms_op dms_op_add = {
    .name = "add",
    .reads_y_with_relu = true,
    .any_layout = true,
    .any_type = true,
    .hands_on = true,
    .fuses_relu = true,
    .forward = add_forward,
    .backward = add_backward,
    .emit = add_emit,
};

dms_node *dms_add(dms_graph *g, dms_node *a, dms_node *b)
{
    if (!a || !b)
        return NULL;
    return dms_graph_add(g, &(dms_node_spec){.op = &dms_op_add,
                                             .in = {a, b},
                                             .in_count = 2,
                                             .shape = a->shape});
}
