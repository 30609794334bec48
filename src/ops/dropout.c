/* y = x * mask / (1 - p), mask 0 with probability p; dx = dy * mask / (1 - p).
 * The mask is a hash of the step's seed and the position: it is not stored. */
#include "graph/op.h"
#include "ops/ops.h"

static void dropout(float *y, const float *x, const dms_job *t)
{
    float p = t->node->attr.probability;
    float keep = 1.0f / (1.0f - p);
    size_t len = dms_shape_len(&t->node->shape);

    for (size_t i = 0; i < len; i++) {
        double u = (double)(dms_hash_mix(t->seed, i) >> 11) * 0x1p-53;

        y[i] = u < p ? 0.0f : x[i] * keep;
    }
}

static dms_status dropout_forward(dms_job *t, dms_error *err)
{
    (void)err;
    dropout(t->y, t->x[0], t);
    return DMS_OK;
}

static dms_status dropout_backward(dms_job *t, dms_error *err)
{
    (void)err;
    dropout(t->dx[0], t->dy, t);
    return DMS_OK;
}

static const dms_op op_dropout = {
    .name = "dropout",
    .any_layout = true,
    .forward = dropout_forward,
    .backward = dropout_backward,
};

dms_node *dms_dropout(dms_graph *g, dms_node *x, float probability)
{
    dms_node_spec spec = {.op = &op_dropout, .in = {x}, .in_count = 1};

    if (!x || !g->mode.dropout || probability == 0)
        return x;
    spec.shape = x->shape;
    spec.attr.probability = probability;
    return dms_graph_add(g, &spec);
}
