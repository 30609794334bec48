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

static dms_status relu_backward(dms_job *t, dms_error *err)
{
    const float *y = t->y;
    const float *dy = t->dy;
    float *dx = t->dx[0];
    size_t len = dms_shape_len(&t->node->shape);

    (void)err;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < len; i++)
        dx[i] = y[i] > 0 ? dy[i] : 0;
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
