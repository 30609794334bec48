/* y = a - b;  da = dy, db = -dy. */
#include <string.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static dms_status sub_forward(dms_job *t, dms_error *err)
{
    const float *a = t->x[0];
    const float *b = t->x[1];
    float *y = t->y;
    size_t len = dms_shape_len(&t->node->shape);

    (void)err;
    for (size_t i = 0; i < len; i++)
        y[i] = a[i] - b[i];
    return DMS_OK;
}

static dms_status sub_backward(dms_job *t, dms_error *err)
{
    const float *dy = t->dy;
    float *db = t->dx[1];
    size_t len = dms_shape_len(&t->node->shape);

    (void)err;
    if (t->dx[0])
        memcpy(t->dx[0], dy, len * sizeof *dy);
    for (size_t i = 0; db && i < len; i++)
        db[i] = -dy[i];
    return DMS_OK;
}

static void sub_emit(const dms_emit *e)
{
    dms_emit_op(e, "Sub");
}

static const dms_op op_sub = {
    .name = "sub",
    .any_layout = true,
    .forward = sub_forward,
    .backward = sub_backward,
    .emit = sub_emit,
};

dms_node *dms_sub(dms_graph *g, dms_node *a, dms_node *b)
{
    if (!a || !b)
        return NULL;
    return dms_graph_add(
        g, &(dms_node_spec){
               .op = &op_sub, .in = {a, b}, .in_count = 2, .shape = a->shape});
}
