/* Bilinear resampling with half-pixel centres and clamped edges, NHWC.
 *
 *   source(i) = max(0, (i + 1/2) * in / out - 1/2),  i0 = floor, t = fraction
 *   y = sum over the four neighbours of weight * x;  dx += weight * dy */
#include <string.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"
#include "ops/per_image.h"

typedef struct tap {
    int64_t low, high;
    float t; /* weight of high */
} tap;

static tap tap_at(int64_t i, int64_t in, int64_t out)
{
    float source = ((float)i + 0.5f) * ((float)in / (float)out) - 0.5f;
    tap result;

    if (source < 0)
        source = 0;
    result.low = (int64_t)source;
    if (result.low > in - 1)
        result.low = in - 1;
    result.high = result.low + (result.low < in - 1);
    result.t = source - (float)result.low;
    return result;
}

/* The four neighbours of an output position and their weights. */
typedef struct stencil {
    int64_t at[4]; /* position in the input image */
    float weight[4];
} stencil;

static stencil stencil_at(const dms_shape *in, const dms_shape *out, int64_t h,
                          int64_t w)
{
    tap v = tap_at(h, in->h, out->h);
    tap u = tap_at(w, in->w, out->w);

    return (stencil){
        .at = {v.low * in->w + u.low, v.low * in->w + u.high,
               v.high * in->w + u.low, v.high * in->w + u.high},
        .weight = {(1 - v.t) * (1 - u.t), (1 - v.t) * u.t, v.t * (1 - u.t),
                   v.t * u.t},
    };
}

static void forward_image(float *y, const float *x, const dms_shape *out,
                          const dms_shape *in)
{
    for (int64_t h = 0; h < out->h; h++)
        for (int64_t w = 0; w < out->w; w++, y += out->c) {
            stencil s = stencil_at(in, out, h, w);

            for (int64_t c = 0; c < out->c; c++)
                y[c] = s.weight[0] * x[s.at[0] * in->c + c] +
                       s.weight[1] * x[s.at[1] * in->c + c] +
                       s.weight[2] * x[s.at[2] * in->c + c] +
                       s.weight[3] * x[s.at[3] * in->c + c];
        }
}

static void backward_image(float *dx, const float *dy, const dms_shape *in,
                           const dms_shape *out)
{
    memset(dx, 0, (size_t)(in->h * in->w * in->c) * sizeof *dx);
    for (int64_t h = 0; h < out->h; h++)
        for (int64_t w = 0; w < out->w; w++, dy += out->c) {
            stencil s = stencil_at(in, out, h, w);

            for (int k = 0; k < 4; k++)
                for (int64_t c = 0; c < out->c; c++)
                    dx[s.at[k] * in->c + c] += s.weight[k] * dy[c];
        }
}

static dms_status upsample_forward(dms_job *t, dms_error *err)
{
    (void)err;
    dms_each_image(forward_image, t->y, t->x[0], &t->node->shape,
                   &t->node->in[0]->shape);
    return DMS_OK;
}

static dms_status upsample_backward(dms_job *t, dms_error *err)
{
    (void)err;
    dms_each_image(backward_image, t->dx[0], t->dy, &t->node->in[0]->shape,
                   &t->node->shape);
    return DMS_OK;
}

static float tap_weight(int64_t i, int64_t j, int64_t out, int64_t in)
{
    tap t = tap_at(i, in, out);

    return (j == t.low ? 1 - t.t : 0) + (j == t.high ? t.t : 0);
}

static void upsample_emit(const dms_emit *e)
{
    dms_emit_separable(e, tap_weight);
}

static const dms_op op_upsample = {
    .name = "upsample",
    .bounded = true,
    .forward = upsample_forward,
    .backward = upsample_backward,
    .emit = upsample_emit,
};

dms_node *dms_upsample(dms_graph *g, dms_node *x, int64_t height, int64_t width)
{
    dms_node_spec spec = {.op = &op_upsample, .in = {x}, .in_count = 1};

    if (!x)
        return NULL;
    spec.shape = (dms_shape){x->shape.n, x->shape.c, height, width};
    return dms_graph_add(g, &spec);
}
