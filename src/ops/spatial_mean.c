/* y[n,c] = mean of x[n,c] over H, W;  dx = dy / (H*W). NHWC. */
#include <string.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static dms_status spatial_mean_forward(dms_job *t, dms_error *err)
{
    const dms_shape *in = &t->node->in[0]->shape;
    int64_t positions = in->h * in->w;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < in->n; n++) {
        const float *x = (const float *)t->x[0] + n * positions * in->c;
        float *y = (float *)t->y + n * in->c;

        memset(y, 0, (size_t)in->c * sizeof *y);
        for (int64_t p = 0; p < positions; p++)
            for (int64_t c = 0; c < in->c; c++)
                y[c] += x[p * in->c + c];
        for (int64_t c = 0; c < in->c; c++)
            y[c] /= (float)positions;
    }
    return DMS_OK;
}

static dms_status spatial_mean_backward(dms_job *t, dms_error *err)
{
    const dms_shape *in = &t->node->in[0]->shape;
    int64_t positions = in->h * in->w;
    float share = 1.0f / (float)positions;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < in->n; n++) {
        const float *dy = (const float *)t->dy + n * in->c;
        float *dx = (float *)t->dx[0] + n * positions * in->c;

        for (int64_t p = 0; p < positions; p++)
            for (int64_t c = 0; c < in->c; c++)
                dx[p * in->c + c] = dy[c] * share;
    }
    return DMS_OK;
}

static void spatial_mean_emit(const dms_emit *e)
{
    dms_emit_op(e, "GlobalAveragePool");
}

static const dms_op op_spatial_mean = {
    .name = "spatial_mean",
    .forward = spatial_mean_forward,
    .backward = spatial_mean_backward,
    .emit = spatial_mean_emit,
};

dms_node *dms_spatial_mean(dms_graph *g, dms_node *x)
{
    dms_node_spec spec = {.op = &op_spatial_mean, .in = {x}, .in_count = 1};

    if (!x)
        return NULL;
    spec.shape = (dms_shape){x->shape.n, x->shape.c, 1, 1};
    return dms_graph_add(g, &spec);
}
