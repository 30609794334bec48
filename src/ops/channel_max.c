/* y[n,h,w] = max of x[n,:,h,w]. Equal maxima share dy evenly. NHWC. */
#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static dms_status channel_max_forward(dms_job *t, dms_error *err)
{
    const dms_shape *in = &t->node->in[0]->shape;
    int64_t rows = in->n * in->h * in->w;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        const float *x = (const float *)t->x[0] + r * in->c;
        float max = x[0];

        for (int64_t c = 1; c < in->c; c++)
            max = x[c] > max ? x[c] : max;
        ((float *)t->y)[r] = max;
    }
    return DMS_OK;
}

static void backward_row(float *dx, float dy, const float *x, float y,
                         int64_t channels)
{
    int64_t ties = 0;

    for (int64_t c = 0; c < channels; c++)
        ties += x[c] == y;
    for (int64_t c = 0; c < channels; c++)
        dx[c] = x[c] == y ? dy / (float)ties : 0;
}

static dms_status channel_max_backward(dms_job *t, dms_error *err)
{
    const dms_shape *in = &t->node->in[0]->shape;
    int64_t rows = in->n * in->h * in->w;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++)
        backward_row((float *)t->dx[0] + r * in->c, ((const float *)t->dy)[r],
                     (const float *)t->x[0] + r * in->c,
                     ((const float *)t->y)[r], in->c);
    return DMS_OK;
}

static void channel_max_emit(const dms_emit *e)
{
    dms_emit_op(e, "ReduceMax");
    dms_onnx_ints(e->onnx, "axes", (const int64_t[]){1}, 1);
    dms_onnx_int(e->onnx, "keepdims", 1);
}

static const dms_op op_channel_max = {
    .name = "channel_max",
    .reads_x = true,
    .reads_y = true,
    .forward = channel_max_forward,
    .backward = channel_max_backward,
    .emit = channel_max_emit,
};

dms_node *dms_channel_max(dms_graph *g, dms_node *x)
{
    dms_node_spec spec = {.op = &op_channel_max, .in = {x}, .in_count = 1};

    if (!x)
        return NULL;
    spec.shape = (dms_shape){x->shape.n, 1, x->shape.h, x->shape.w};
    return dms_graph_add(g, &spec);
}
