/* y = 1 / (1 + exp(-x));  dx = dy * y * (1 - y). */
#include <math.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static dms_status sigmoid_forward(dms_job *t, dms_error *err)
{
    const float *x = t->x[0];
    float *y = t->y;
    size_t len = dms_shape_len(&t->node->shape);

    (void)err;
    for (size_t i = 0; i < len; i++)
        y[i] = 1.0f / (1.0f + expf(-x[i]));
    return DMS_OK;
}

/* Reads y, not x: x may be freed after forward. */
static dms_status sigmoid_backward(dms_job *t, dms_error *err)
{
    const float *y = t->y;
    const float *dy = t->dy;
    float *dx = t->dx[0];
    size_t len = dms_shape_len(&t->node->shape);

    (void)err;
    for (size_t i = 0; i < len; i++)
        dx[i] = dy[i] * y[i] * (1.0f - y[i]);
    return DMS_OK;
}

static void sigmoid_emit(const dms_emit *e)
{
    dms_emit_op(e, "Sigmoid");
}

static const dms_op op_sigmoid = {
    .name = "sigmoid",
    .reads_y = true,
    .any_layout = true,
    .forward = sigmoid_forward,
    .backward = sigmoid_backward,
    .emit = sigmoid_emit,
};

dms_node *dms_sigmoid(dms_graph *g, dms_node *x)
{
    return dms_graph_map(g, &op_sigmoid, x);
}
