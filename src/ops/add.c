/* y = a + b, or max(0, a + b) where a relu was fused in.
 * da = db = dy, where y > 0 if so. Both lie in the same layout. */
#include <string.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static dms_status add_forward(dms_job *t, dms_error *err)
{
    const float *a = t->x[0];
    const float *b = t->x[1];
    float *y = t->y;
    float floor = t->node->attr.relu ? 0.0f : -__FLT_MAX__;
    size_t len = dms_shape_len(&t->node->shape);

    (void)err;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < len; i++) {
        float sum = a[i] + b[i];

        y[i] = sum < floor ? floor : sum; /* a NaN stays one */
    }
    return DMS_OK;
}

/* dx = dy where y > 0: the gradient of the fused relu. */
static void masked_copy(float *dx, const float *dy, const float *y, size_t len)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < len; i++)
        dx[i] = y[i] > 0 ? dy[i] : 0;
}

static dms_status add_backward(dms_job *t, dms_error *err)
{
    size_t len = dms_shape_len(&t->node->shape);

    (void)err;
    for (int k = 0; k < 2; k++) {
        if (t->dx[k] && t->node->attr.relu)
            masked_copy(t->dx[k], t->dy, t->y, len);
        else if (t->dx[k])
            memcpy(t->dx[k], t->dy, len * sizeof(float));
    }
    return DMS_OK;
}

static void add_emit(const dms_emit *e)
{
    dms_emit_op(e, "Add");
}

const dms_op dms_op_add = {
    .name = "add",
    .reads = DMS_READS_Y_WITH_RELU,
    .any_layout = true,
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
