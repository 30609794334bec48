/* Where a map responds (Zagoruyko & Komodakis 2017, arXiv 1612.03928, eq. 1
 * with F_sum^2, and the norm of eq. 2). For each image, over its positions p:
 *
 *   q[p] = mean over c of x[c,p]^2,   y = q / |q|
 *
 *   dq = (dy - y <y, dy>) / |q|,      dx[c,p] = 2 x[c,p] dq[p] / C
 *
 * An image of zeros has y = 0 and dx = 0. NHWC. */
#include <math.h>

#include "graph/op.h"
#include "ops/ops.h"

/* The least norm that is divided by, as in torch.nn.functional.normalize. */
#define LEAST_NORM 1e-12f

/* Returns |q|, at least LEAST_NORM. */
static float map_of_image(float *y, const float *x, int64_t positions,
                          int64_t channels)
{
    double squares = 0;
    float norm;

    for (int64_t p = 0; p < positions; p++) {
        float sum = 0;

        for (int64_t c = 0; c < channels; c++)
            sum += x[p * channels + c] * x[p * channels + c];
        y[p] = sum / (float)channels;
        squares += (double)y[p] * y[p];
    }
    norm = fmaxf((float)sqrt(squares), LEAST_NORM);
    for (int64_t p = 0; p < positions; p++)
        y[p] /= norm;
    return norm;
}

static dms_status attention_map_prepare(dms_job *t, dms_needs *needs,
                                        dms_error *err)
{
    (void)err;
    if (t->backward)
        needs->saved = (size_t)t->node->shape.n * sizeof(float); /* the norms */
    return DMS_OK;
}

static dms_status attention_map_forward(dms_job *t, dms_error *err)
{
    const dms_shape *in = &t->node->in[0]->shape;
    int64_t positions = in->h * in->w;
    float *norms = t->backward ? t->saved : NULL;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < in->n; n++) {
        float norm = map_of_image(
            (float *)t->y + n * positions,
            (const float *)t->x[0] + n * positions * in->c, positions, in->c);

        if (norms)
            norms[n] = norm;
    }
    return DMS_OK;
}

static void backward_image(float *dx, const float *dy, const float *x,
                           const float *y, float norm, const dms_shape *in)
{
    int64_t positions = in->h * in->w;
    double along = 0; /* <y, dy> */

    for (int64_t p = 0; p < positions; p++)
        along += (double)y[p] * dy[p];
    for (int64_t p = 0; p < positions; p++) {
        float slope = 2 * (dy[p] - y[p] * (float)along) / (norm * (float)in->c);

        for (int64_t c = 0; c < in->c; c++)
            dx[p * in->c + c] = slope * x[p * in->c + c];
    }
}

static dms_status attention_map_backward(dms_job *t, dms_error *err)
{
    const dms_shape *in = &t->node->in[0]->shape;
    int64_t positions = in->h * in->w;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < in->n; n++) {
        int64_t map = n * positions * in->c, vector = n * positions;

        backward_image((float *)t->dx[0] + map, (const float *)t->dy + vector,
                       (const float *)t->x[0] + map,
                       (const float *)t->y + vector,
                       ((const float *)t->saved)[n], in);
    }
    return DMS_OK;
}

static const dms_op op_attention_map = {
    .name = "attention_map",
    .reads_x = true,
    .reads_y = true,
    .prepare = attention_map_prepare,
    .forward = attention_map_forward,
    .backward = attention_map_backward,
};

dms_node *dms_attention_map(dms_graph *g, dms_node *x)
{
    dms_node_spec spec = {.op = &op_attention_map, .in = {x}, .in_count = 1};

    if (!x)
        return NULL;
    spec.shape = (dms_shape){x->shape.n, 1, x->shape.h, x->shape.w};
    return dms_graph_add(g, &spec);
}
