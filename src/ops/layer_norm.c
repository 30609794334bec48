/* Layer normalisation over C at each position, NHWC.
 *
 *   x^ = (x - mean) / sqrt(variance + eps),  y = scale * x^ + shift
 *   dx = (g - mean(g) - x^ mean(g x^)) / sqrt(variance + eps),  g = dy scale
 *   dscale = sum dy x^,  dshift = sum dy      (over all positions) */
#include <math.h>
#include <string.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

#define EPSILON 1e-5f

enum { SCALE, SHIFT };

/* A row's statistics, saved for backward. */
typedef struct row_stat {
    float mean;
    float inverse; /* 1 / sqrt(variance + eps) */
} row_stat;

static int64_t row_count(const dms_shape *s)
{
    return s->n * s->h * s->w;
}

static dms_status layer_norm_prepare(dms_job *t, dms_needs *needs,
                                     dms_error *err)
{
    (void)err;
    needs->saved = (size_t)row_count(&t->node->shape) * sizeof(row_stat);
    return DMS_OK;
}

static row_stat measure(const float *x, int64_t channels)
{
    double sum = 0;
    double squares = 0;
    double mean;

    for (int64_t c = 0; c < channels; c++)
        sum += x[c];
    mean = sum / (double)channels;
    for (int64_t c = 0; c < channels; c++)
        squares += (x[c] - mean) * (x[c] - mean);
    return (row_stat){
        (float)mean,
        (float)(1.0 / sqrt(squares / (double)channels + (double)EPSILON))};
}

static dms_status layer_norm_forward(dms_job *t, dms_error *err)
{
    const dms_shape *s = &t->node->shape;
    int64_t rows = row_count(s);
    row_stat *stats = t->saved;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        const float *x = (const float *)t->x[0] + r * s->c;
        float *y = (float *)t->y + r * s->c;

        stats[r] = measure(x, s->c);
        for (int64_t c = 0; c < s->c; c++)
            y[c] = (x[c] - stats[r].mean) * stats[r].inverse * t->w[SCALE][c] +
                   t->w[SHIFT][c];
    }
    return DMS_OK;
}

static void backward_row(float *dx, const float *dy, const float *x,
                         const float *scale, row_stat stat, int64_t channels)
{
    double sum = 0;
    double product = 0;
    float mean_g, mean_gx;

    for (int64_t c = 0; c < channels; c++) {
        float g = dy[c] * scale[c];

        sum += g;
        product += g * (x[c] - stat.mean) * stat.inverse;
    }
    mean_g = (float)(sum / (double)channels);
    mean_gx = (float)(product / (double)channels);
    for (int64_t c = 0; c < channels; c++) {
        float normal = (x[c] - stat.mean) * stat.inverse;

        dx[c] = (dy[c] * scale[c] - mean_g - normal * mean_gx) * stat.inverse;
    }
}

static void backward_params(dms_job *t)
{
    const dms_shape *s = &t->node->shape;
    const row_stat *stats = t->saved;

    memset(t->dw[SCALE], 0, (size_t)s->c * sizeof(float));
    memset(t->dw[SHIFT], 0, (size_t)s->c * sizeof(float));
    for (int64_t r = 0; r < row_count(s); r++) {
        const float *x = (const float *)t->x[0] + r * s->c;
        const float *dy = (const float *)t->dy + r * s->c;

        for (int64_t c = 0; c < s->c; c++) {
            t->dw[SCALE][c] +=
                dy[c] * (x[c] - stats[r].mean) * stats[r].inverse;
            t->dw[SHIFT][c] += dy[c];
        }
    }
}

static dms_status layer_norm_backward(dms_job *t, dms_error *err)
{
    const dms_shape *s = &t->node->shape;
    int64_t rows = row_count(s);
    const row_stat *stats = t->saved;

    (void)err;
    if (t->dw[SCALE])
        backward_params(t);
    if (!t->dx[0])
        return DMS_OK;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++)
        backward_row(
            (float *)t->dx[0] + r * s->c, (const float *)t->dy + r * s->c,
            (const float *)t->x[0] + r * s->c, t->w[SCALE], stats[r], s->c);
    return DMS_OK;
}

static void emit_transpose(const dms_emit *e, const char *name, const char *x,
                           const char *y, const int64_t order[4])
{
    dms_onnx_add(e->onnx, &(dms_onnx_node){.op = "Transpose",
                                           .name = name,
                                           .inputs = {x},
                                           .outputs = {y}});
    dms_onnx_ints(e->onnx, "perm", order, 4);
}

/* ONNX normalises the last axes: channels are transposed there and back. */
static void layer_norm_emit(const dms_emit *e)
{
    char last[DMS_EMIT_NAME_MAX], normed[DMS_EMIT_NAME_MAX];

    dms_emit_name(last, e, "last");
    dms_emit_name(normed, e, "normed");
    emit_transpose(e, last, e->x[0], last, (const int64_t[]){0, 2, 3, 1});
    dms_onnx_add(e->onnx,
                 &(dms_onnx_node){.op = "LayerNormalization",
                                  .name = normed,
                                  .inputs = {last, dms_emit_param(e, 0),
                                             dms_emit_param(e, 1)},
                                  .outputs = {normed}});
    dms_onnx_int(e->onnx, "axis", -1);
    dms_onnx_float(e->onnx, "epsilon", EPSILON);
    emit_transpose(e, e->name, normed, e->y, (const int64_t[]){0, 3, 1, 2});
}

static const dms_op op_layer_norm = {
    .name = "layer_norm",
    .reads_x = true,
    .prepare = layer_norm_prepare,
    .forward = layer_norm_forward,
    .backward = layer_norm_backward,
    .emit = layer_norm_emit,
};

dms_node *dms_layer_norm(dms_graph *g, dms_node *x, const char *name)
{
    dms_node_spec spec = {.op = &op_layer_norm, .in = {x}, .in_count = 1};
    dms_param norm = {.role = DMS_PARAM_NORM, .axes = 1};
    dms_node *node;

    if (!x)
        return NULL;
    spec.shape = x->shape;
    norm.shape[0] = x->shape.c;
    node = dms_graph_add(g, &spec);
    norm.init = DMS_INIT_ONE;
    dms_graph_param(g, node, name, "weight", &norm);
    norm.init = DMS_INIT_ZERO;
    dms_graph_param(g, node, name, "bias", &norm);
    return node;
}
