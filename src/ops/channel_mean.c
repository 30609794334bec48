/* y[n,h,w] = mean of x[n,:,h,w];  dx = dy / C. NHWC. */
#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static dms_status channel_mean_forward(dms_job *t, dms_error *err)
{
    const dms_shape *in = &t->node->in[0]->shape;
    int64_t rows = in->n * in->h * in->w;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        const float *x = (const float *)t->x[0] + r * in->c;
        float sum = 0;

        for (int64_t c = 0; c < in->c; c++)
            sum += x[c];
        ((float *)t->y)[r] = sum / (float)in->c;
    }
    return DMS_OK;
}

static dms_status channel_mean_backward(dms_job *t, dms_error *err)
{
    const dms_shape *in = &t->node->in[0]->shape;
    int64_t rows = in->n * in->h * in->w;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        float share = ((const float *)t->dy)[r] / (float)in->c;
        float *dx = (float *)t->dx[0] + r * in->c;

        for (int64_t c = 0; c < in->c; c++)
            dx[c] = share;
    }
    return DMS_OK;
}

static void channel_mean_emit(const dms_emit *e)
{
    dms_emit_op(e, "ReduceMean");
    dms_onnx_ints(e->onnx, "axes", (const int64_t[]){1}, 1);
    dms_onnx_int(e->onnx, "keepdims", 1);
}

static const dms_op op_channel_mean = {
    .name = "channel_mean",
    .forward = channel_mean_forward,
    .backward = channel_mean_backward,
    .emit = channel_mean_emit,
};

dms_node *dms_channel_mean(dms_graph *g, dms_node *x)
{
    dms_node_spec spec = {.op = &op_channel_mean, .in = {x}, .in_count = 1};

    if (!x)
        return NULL;
    spec.shape = (dms_shape){x->shape.n, 1, x->shape.h, x->shape.w};
    return dms_graph_add(g, &spec);
}
