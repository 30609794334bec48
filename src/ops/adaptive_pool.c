/* Adaptive average pooling to b x b bins, NHWC; torch's rule:
 * bin i covers rows floor(i*H/b) to ceil((i+1)*H/b), so bins may overlap.
 *
 *   y[i,j] = mean of x over bin (i,j);  dx += dy[i,j] / area on the bin */
#include <string.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"
#include "ops/per_image.h"

typedef struct span {
    int64_t begin, end;
} span;

static span bin_span(int64_t bin, int64_t bins, int64_t len)
{
    return (span){bin * len / bins, ((bin + 1) * len + bins - 1) / bins};
}

static void forward_image(float *y, const float *x, const dms_shape *out,
                          const dms_shape *in)
{
    memset(y, 0, (size_t)(out->h * out->w * out->c) * sizeof *y);
    for (int64_t i = 0; i < out->h; i++) {
        span rows = bin_span(i, out->h, in->h);

        for (int64_t j = 0; j < out->w; j++, y += out->c) {
            span columns = bin_span(j, out->w, in->w);
            int64_t area =
                (rows.end - rows.begin) * (columns.end - columns.begin);

            for (int64_t h = rows.begin; h < rows.end; h++)
                for (int64_t w = columns.begin; w < columns.end; w++)
                    for (int64_t c = 0; c < out->c; c++)
                        y[c] += x[(h * in->w + w) * in->c + c];
            for (int64_t c = 0; c < out->c; c++)
                y[c] /= (float)area;
        }
    }
}

static void backward_image(float *dx, const float *dy, const dms_shape *in,
                           const dms_shape *out)
{
    memset(dx, 0, (size_t)(in->h * in->w * in->c) * sizeof *dx);
    for (int64_t i = 0; i < out->h; i++) {
        span rows = bin_span(i, out->h, in->h);

        for (int64_t j = 0; j < out->w; j++, dy += out->c) {
            span columns = bin_span(j, out->w, in->w);
            float share = 1.0f / (float)((rows.end - rows.begin) *
                                         (columns.end - columns.begin));

            for (int64_t h = rows.begin; h < rows.end; h++)
                for (int64_t w = columns.begin; w < columns.end; w++)
                    for (int64_t c = 0; c < out->c; c++)
                        dx[(h * in->w + w) * in->c + c] += dy[c] * share;
        }
    }
}

static dms_status adaptive_pool_forward(dms_job *t, dms_error *err)
{
    (void)err;
    dms_each_image(forward_image, t->y, t->x[0], &t->node->shape,
                   &t->node->in[0]->shape);
    return DMS_OK;
}

static dms_status adaptive_pool_backward(dms_job *t, dms_error *err)
{
    (void)err;
    dms_each_image(backward_image, t->dx[0], t->dy, &t->node->in[0]->shape,
                   &t->node->shape);
    return DMS_OK;
}

/* The weight of row j in bin i. */
static float bin_weight(int64_t i, int64_t j, int64_t bins, int64_t len)
{
    span s = bin_span(i, bins, len);

    return j >= s.begin && j < s.end ? 1.0f / (float)(s.end - s.begin) : 0;
}

static void adaptive_pool_emit(const dms_emit *e)
{
    dms_emit_separable(e, bin_weight);
}

static const dms_op op_adaptive_pool = {
    .name = "adaptive_pool",
    .forward = adaptive_pool_forward,
    .backward = adaptive_pool_backward,
    .emit = adaptive_pool_emit,
};

dms_node *dms_adaptive_pool(dms_graph *g, dms_node *x, int bins)
{
    dms_node_spec spec = {.op = &op_adaptive_pool, .in = {x}, .in_count = 1};

    if (!x)
        return NULL;
    spec.shape = (dms_shape){x->shape.n, x->shape.c, bins, bins};
    return dms_graph_add(g, &spec);
}
