/* y = |x|;  dx = dy * sign(x), 0 at 0. */
#include <math.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static dms_status abs_forward(dms_job *t, dms_error *err)
{
    const float *x = t->x[0];
    float *y = t->y;
    size_t len = dms_shape_len(&t->node->shape);

    (void)err;
    for (size_t i = 0; i < len; i++)
        y[i] = fabsf(x[i]);
    return DMS_OK;
}

static dms_status abs_backward(dms_job *t, dms_error *err)
{
    const float *x = t->x[0];
    const float *dy = t->dy;
    float *dx = t->dx[0];
    size_t len = dms_shape_len(&t->node->shape);

    (void)err;
    for (size_t i = 0; i < len; i++)
        dx[i] = dy[i] * (float)((x[i] > 0) - (x[i] < 0));
    return DMS_OK;
}

static void abs_emit(const dms_emit *e)
{
    dms_emit_op(e, "Abs");
}

static const dms_op op_abs = {
    .name = "abs",
    .reads_x = true,
    .any_layout = true,
    .forward = abs_forward,
    .backward = abs_backward,
    .emit = abs_emit,
};

dms_node *dms_abs(dms_graph *g, dms_node *x)
{
    return dms_graph_map(g, &op_abs, x);
}
