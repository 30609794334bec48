/* y = x * g, g broadcast over positions or over channels; NHWC.
 *
 *   dx = dy * g,   dg = sum of dy * x over the broadcast axes
 *
 * g is N x C x 1 x 1 (one gate per channel), N x 1 x H x W (one gate per
 * position), N x 1 x 1 x 1 or N x C x H x W. */
#include <string.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

/* How far g's index moves per step of x's position and of x's channel. */
typedef struct strides {
    int64_t positions, channels; /* of x */
    int64_t image, position, channel;
} strides;

static strides gate_strides(const dms_node *node)
{
    const dms_shape *x = &node->shape;
    const dms_shape *g = &node->in[1]->shape;
    bool by_position = g->h == x->h && g->w == x->w && x->h * x->w > 1;
    bool by_channel = g->c == x->c && x->c > 1;

    return (strides){
        .positions = x->h * x->w,
        .channels = x->c,
        .image = g->c * g->h * g->w,
        .position = by_position ? g->c : 0,
        .channel = by_channel ? 1 : 0,
    };
}

static dms_status mul_forward(dms_job *t, dms_error *err)
{
    strides s = gate_strides(t->node);
    int64_t images = t->node->shape.n;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < images; n++) {
        const float *x = (const float *)t->x[0] + n * s.positions * s.channels;
        const float *g = (const float *)t->x[1] + n * s.image;
        float *y = (float *)t->y + n * s.positions * s.channels;

        for (int64_t p = 0; p < s.positions; p++, g += s.position)
            for (int64_t c = 0; c < s.channels; c++)
                *y++ = *x++ * g[c * s.channel];
    }
    return DMS_OK;
}

static void backward_image(const dms_job *t, const strides *s, int64_t n)
{
    int64_t at = n * s->positions * s->channels;
    const float *x = (const float *)t->x[0] + at;
    const float *dy = (const float *)t->dy + at;
    const float *g = (const float *)t->x[1] + n * s->image;
    float *dx = t->dx[0] ? (float *)t->dx[0] + at : NULL;
    float *dg = t->dx[1] ? (float *)t->dx[1] + n * s->image : NULL;

    if (dg)
        memset(dg, 0, (size_t)s->image * sizeof *dg);
    for (int64_t p = 0; p < s->positions; p++) {
        int64_t row = p * s->channels;
        int64_t gate = p * s->position;

        for (int64_t c = 0; dx && c < s->channels; c++)
            dx[row + c] = dy[row + c] * g[gate + c * s->channel];
        for (int64_t c = 0; dg && c < s->channels; c++)
            dg[gate + c * s->channel] += dy[row + c] * x[row + c];
    }
}

static dms_status mul_backward(dms_job *t, dms_error *err)
{
    strides s = gate_strides(t->node);
    int64_t images = t->node->shape.n;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < images; n++)
        backward_image(t, &s, n);
    return DMS_OK;
}

static void mul_emit(const dms_emit *e)
{
    dms_emit_op(e, "Mul");
}

static const dms_op op_mul = {
    .name = "mul",
    .reads_x = true,
    .forward = mul_forward,
    .backward = mul_backward,
    .emit = mul_emit,
};

dms_node *dms_mul(dms_graph *g, dms_node *x, dms_node *gate)
{
    if (!x || !gate)
        return NULL;
    return dms_graph_add(g, &(dms_node_spec){.op = &op_mul,
                                             .in = {x, gate},
                                             .in_count = 2,
                                             .shape = x->shape});
}
