/* y[n,c] = max of x[n,c] over H, W. Equal maxima share dy evenly. NHWC. */
#include <string.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static dms_status spatial_max_forward(dms_job *t, dms_error *err)
{
    const dms_shape *in = &t->node->in[0]->shape;
    int64_t positions = in->h * in->w;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < in->n; n++) {
        const float *x = (const float *)t->x[0] + n * positions * in->c;
        float *y = (float *)t->y + n * in->c;

        memcpy(y, x, (size_t)in->c * sizeof *y);
        for (int64_t p = 1; p < positions; p++)
            for (int64_t c = 0; c < in->c; c++)
                if (x[p * in->c + c] > y[c])
                    y[c] = x[p * in->c + c];
    }
    return DMS_OK;
}

/* ties: one float per channel. */
static void backward_image(float *dx, const float *dy, const float *x,
                           const float *y, float *ties, int64_t positions,
                           int64_t channels)
{
    memset(ties, 0, (size_t)channels * sizeof *ties);
    for (int64_t p = 0; p < positions; p++)
        for (int64_t c = 0; c < channels; c++)
            ties[c] += x[p * channels + c] == y[c];
    for (int64_t p = 0; p < positions; p++)
        for (int64_t c = 0; c < channels; c++)
            dx[p * channels + c] =
                x[p * channels + c] == y[c] ? dy[c] / ties[c] : 0;
}

static dms_status spatial_max_prepare(dms_job *t, dms_needs *needs,
                                      dms_error *err)
{
    (void)err;
    if (t->backward)
        needs->scratch = dms_shape_len(&t->node->shape) * sizeof(float);
    return DMS_OK;
}

static dms_status spatial_max_backward(dms_job *t, dms_error *err)
{
    const dms_shape *in = &t->node->in[0]->shape;
    int64_t positions = in->h * in->w;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < in->n; n++) {
        int64_t map = n * positions * in->c;
        int64_t vector = n * in->c;

        backward_image((float *)t->dx[0] + map, (const float *)t->dy + vector,
                       (const float *)t->x[0] + map,
                       (const float *)t->y + vector,
                       (float *)t->scratch + vector, positions, in->c);
    }
    return DMS_OK;
}

static void spatial_max_emit(const dms_emit *e)
{
    dms_emit_op(e, "GlobalMaxPool");
}

static const dms_op op_spatial_max = {
    .name = "spatial_max",
    .reads_x = true,
    .reads_y = true,
    .prepare = spatial_max_prepare,
    .forward = spatial_max_forward,
    .backward = spatial_max_backward,
    .emit = spatial_max_emit,
};

dms_node *dms_spatial_max(dms_graph *g, dms_node *x)
{
    dms_node_spec spec = {.op = &op_spatial_max, .in = {x}, .in_count = 1};

    if (!x)
        return NULL;
    spec.shape = (dms_shape){x->shape.n, x->shape.c, 1, 1};
    return dms_graph_add(g, &spec);
}
