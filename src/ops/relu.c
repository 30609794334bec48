/* y = max(0, x);  dx = dy where y > 0, else 0. */
#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static dms_status relu_forward(dms_job *t, dms_error *err)
{
    const float *x = t->x[0];
    float *y = t->y;
    size_t len = dms_shape_len(&t->node->shape);

    (void)err;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < len; i++)
        y[i] = x[i] > 0 ? x[i] : 0;
    return DMS_OK;
}

void dms_relu_backward(void *dx, const void *dy, const void *y, size_t len,
                       dms_type type)
{
    float *wide = dx;
    uint16_t *half = dx;
    const float *wide_dy = dy, *wide_y = y;
    const uint16_t *half_dy = dy;
    const int16_t *half_y = y; /* as an integer, it has the number's sign */

    if (type == DMS_TYPE_F32) {
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < len; i++)
            wide[i] = wide_y[i] > 0 ? wide_dy[i] : 0;
        return;
    }
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < len; i++)
        half[i] = half_y[i] > 0 ? half_dy[i] : 0;
}

static dms_status relu_backward(dms_job *t, dms_error *err)
{
    (void)err;
    dms_relu_backward(t->dx[0], t->dy, t->y, dms_shape_len(&t->node->shape),
                      DMS_TYPE_F32);
    return DMS_OK;
}

static void relu_emit(const dms_emit *e)
{
    dms_emit_op(e, "Relu");
}

const dms_op dms_op_relu = {
    .name = "relu",
    .reads_y = true,
    .any_layout = true,
    .forward = relu_forward,
    .backward = relu_backward,
    .emit = relu_emit,
};

dms_node *dms_relu(dms_graph *g, dms_node *x)
{
    return dms_graph_map(g, &dms_op_relu, x);
}
