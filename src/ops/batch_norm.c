/* Batch normalisation, by oneDNN, followed by max(0, .) if a relu is fused.
 *
 *   y = scale * (x - mean) / sqrt(variance + eps) + shift, per channel
 *
 * Batch statistics are the mean and (biased) variance over N, H, W. If the
 * running statistics follow, the batch is counted and, with m = N*H*W,
 *   running = (1 - share) * running + share * (mean | variance * m / (m - 1)),
 * share = 0.1 or, for the mean of all batches, 1 / their count. With running
 * statistics these replace the batch's, and dx = dy * scale / sqrt(variance +
 * eps) does not need x. */
#include <assert.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "ops/dnnl_util.h"
#include "ops/emit.h"
#include "ops/ops.h"

#define MOMENTUM 0.1f

enum { SCALE, SHIFT, RUNNING_MEAN, RUNNING_VARIANCE, BATCHES };

typedef struct norm_state {
    dms_prim forward;
    dms_prim backward;
    bool batch;          /* uses the batch's statistics */
    bool own_relu;       /* apply the relu here: oneDNN 2.6's backward with a
                            relu reads beyond its workspace in NHWC */
    size_t workspace_at; /* in saved, after mean and variance */
    size_t masked_at;    /* in scratch: dy where y > 0, for our relu */
    size_t unwanted_at;  /* in scratch: dscale, dshift */
} norm_state;

static void norm_release(void *state)
{
    norm_state *s = state;

    dms_prim_release(&s->forward);
    dms_prim_release(&s->backward);
    dms_free(s);
}

/* The mean and variance in use. */
typedef struct statistics {
    const float *mean, *variance;
} statistics;

static statistics statistics_of(const dms_job *t)
{
    const norm_state *s = t->state;
    const float *saved = t->saved;

    return s->batch ? (statistics){saved, saved + t->node->shape.c}
                    : (statistics){t->w[RUNNING_MEAN], t->w[RUNNING_VARIANCE]};
}

/* Does backward read x? With running statistics only dscale depends on x. */
static bool reads_x(const dms_job *t)
{
    const norm_state *s = t->state;

    return s->batch || t->wants_dw;
}

static void *saved_workspace(const dms_job *t)
{
    const norm_state *s = t->state;

    return (char *)t->saved + s->workspace_at;
}

static dms_status add_forward_args(norm_state *s, const dms_backend *backend,
                                   const dnnl_memory_desc_t *value,
                                   const dnnl_memory_desc_t *channel,
                                   const dnnl_memory_desc_t *workspace,
                                   dms_error *err)
{
    static const int per_channel[] = {DNNL_ARG_MEAN, DNNL_ARG_VARIANCE,
                                      DNNL_ARG_SCALE, DNNL_ARG_SHIFT};
    dms_status st;

    TRY(dms_prim_arg(&s->forward, backend, DNNL_ARG_SRC, value, err));
    TRY(dms_prim_arg(&s->forward, backend, DNNL_ARG_DST, value, err));
    for (int i = 0; i < 4; i++)
        TRY(dms_prim_arg(&s->forward, backend, per_channel[i], channel, err));
    if (workspace->ndims > 0)
        TRY(dms_prim_arg(&s->forward, backend, DNNL_ARG_WORKSPACE, workspace,
                         err));
done:
    return st;
}

static dms_status prepare_backward(norm_state *s, dms_job *t, unsigned flags,
                                   const dnnl_memory_desc_t *value,
                                   const dnnl_memory_desc_t *channel,
                                   const dnnl_memory_desc_t *workspace,
                                   const_dnnl_primitive_desc_t hint,
                                   dms_needs *needs, dms_error *err)
{
    static const int per_channel[] = {DNNL_ARG_MEAN,       DNNL_ARG_VARIANCE,
                                      DNNL_ARG_SCALE,      DNNL_ARG_SHIFT,
                                      DNNL_ARG_DIFF_SCALE, DNNL_ARG_DIFF_SHIFT};
    static const int per_value[] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST,
                                    DNNL_ARG_DIFF_SRC};
    dms_status st;
    const dms_backend *backend = t->backend;
    dnnl_batch_normalization_desc_t desc;
    dnnl_primitive_desc_t pd;

    TRY(dms_dnnl_check(
        dnnl_batch_normalization_backward_desc_init(
            &desc, dnnl_backward, value, value, DMS_BATCH_NORM_EPSILON, flags),
        "batch norm backward", err));
    TRY(dms_dnnl_check(dnnl_primitive_desc_create(&pd, &desc, backend->attr,
                                                  backend->engine, hint),
                       "batch norm backward", err));
    TRY(dms_prim_create(&s->backward, backend, pd, "batch norm backward", needs,
                        err));
    for (int i = 0; i < 3; i++)
        TRY(dms_prim_arg(&s->backward, backend, per_value[i], value, err));
    for (int i = 0; i < 6; i++)
        TRY(dms_prim_arg(&s->backward, backend, per_channel[i], channel, err));
    if (workspace->ndims > 0)
        TRY(dms_prim_arg(&s->backward, backend, DNNL_ARG_WORKSPACE, workspace,
                         err));
done:
    return st;
}

/* Reserve floats in scratch; returns their offset. */
static size_t take_scratch(dms_needs *needs, size_t floats)
{
    size_t at = (needs->scratch + 63) / 64 * 64;

    needs->scratch = at + floats * sizeof(float);
    return at;
}

static dms_status prepare_norm(norm_state *s, dms_job *t, dms_needs *needs,
                               dms_error *err)
{
    dms_status st;
    const dms_backend *backend = t->backend;
    const dms_node *node = t->node;
    dnnl_memory_desc_t value = dms_desc_node(node);
    dnnl_memory_desc_t channel = dms_desc_plain(1, &node->shape.c);
    dnnl_memory_desc_t workspace;
    dnnl_batch_normalization_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_desc_t hint = NULL;
    unsigned flags = dnnl_use_scale | dnnl_use_shift;

    flags |= node->attr.relu && !s->own_relu ? dnnl_fuse_norm_relu : 0u;
    flags |= s->batch ? 0u : dnnl_use_global_stats;
    TRY(dms_dnnl_check(dnnl_batch_normalization_forward_desc_init(
                           &desc,
                           s->batch || t->backward ? dnnl_forward_training
                                                   : dnnl_forward_inference,
                           &value, DMS_BATCH_NORM_EPSILON, flags),
                       "batch norm", err));
    TRY(dms_dnnl_check(dnnl_primitive_desc_create(&hint, &desc, backend->attr,
                                                  backend->engine, NULL),
                       "batch norm", err));
    workspace = dms_pd_desc(hint, dnnl_query_workspace_md);
    TRY(dms_dnnl_check(dnnl_primitive_desc_clone(&pd, hint), "batch norm",
                       err));
    TRY(dms_prim_create(&s->forward, backend, pd, "batch norm", needs, err));
    TRY(add_forward_args(s, backend, &value, &channel, &workspace, err));
    s->workspace_at = (size_t)node->shape.c * 2 * sizeof(float);
    s->workspace_at = (s->workspace_at + 63) / 64 * 64;
    needs->saved = s->workspace_at + dnnl_memory_desc_get_size(&workspace);
    if (t->backward)
        TRY(prepare_backward(s, t, flags, &value, &channel, &workspace, hint,
                             needs, err));
    if (s->own_relu)
        s->masked_at = take_scratch(needs, dms_shape_len(&node->shape));
    if (t->backward && !t->wants_dw)
        s->unwanted_at = take_scratch(needs, 2 * (size_t)node->shape.c);
done:
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    return st;
}

/* Do the running statistics follow the batch's? */
static bool updates(const dms_node *node)
{
    return node->attr.statistics == DMS_STATISTICS_UPDATE ||
           node->attr.statistics == DMS_STATISTICS_MEAN;
}

static dms_status norm_prepare(dms_job *t, dms_needs *needs, dms_error *err)
{
    const dms_shape *shape = &t->node->shape;
    norm_state *s = dms_calloc(1, sizeof *s);

    if (!s)
        return dms_fail_memory(err, "batch norm");
    t->state = s;
    s->batch = t->node->attr.statistics != DMS_STATISTICS_RUNNING;
    s->own_relu =
        t->backward && t->node->attr.relu && t->node->layout == DMS_LAYOUT_NHWC;
    assert(!s->own_relu || t->node->type == DMS_TYPE_F32);
    needs->x = reads_x(t);
    needs->y = s->own_relu;
    if (s->batch && shape->n * shape->h * shape->w < 2)
        return dms_fail(err, DMS_EINVAL,
                        "%.80s: batch norm cannot train on one value per "
                        "channel, a batch of one patient; use two or more",
                        t->params->items[t->node->param[SCALE]].name);
    if (updates(t->node) &&
        (t->params->items[t->node->param[RUNNING_MEAN]].mapped))
        return dms_fail(err, DMS_EINVAL,
                        "%.80s: cannot update its running statistics, which "
                        "lie in a read-only file; use a copy of the table",
                        t->params->items[t->node->param[SCALE]].name);
    return prepare_norm(s, t, needs, err);
}

/* The table's running statistic p, which may be updated. */
static float *statistic(const dms_job *t, int p)
{
    return t->params->value + t->params->items[t->node->param[p]].offset;
}

static void update_running(dms_job *t)
{
    const dms_shape *shape = &t->node->shape;
    double m = (double)(shape->n * shape->h * shape->w);
    float unbiased = (float)(m / (m - 1.0));
    statistics batch = statistics_of(t);
    float share = MOMENTUM;

    *statistic(t, BATCHES) += 1;
    if (t->node->attr.statistics == DMS_STATISTICS_MEAN)
        share = 1 / *statistic(t, BATCHES);
    for (int64_t c = 0; c < shape->c; c++) {
        float *running_mean = &statistic(t, RUNNING_MEAN)[c];
        float *running_variance = &statistic(t, RUNNING_VARIANCE)[c];

        *running_mean = (1 - share) * *running_mean + share * batch.mean[c];
        *running_variance = (1 - share) * *running_variance +
                            share * unbiased * batch.variance[c];
    }
}

static void relu(float *y, size_t len)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < len; i++)
        y[i] = y[i] > 0 ? y[i] : 0;
}

static dms_status norm_forward(dms_job *t, dms_error *err)
{
    const norm_state *s = t->state;
    statistics by = statistics_of(t);
    const void *data[] = {t->x[0],           t->y,        by.mean,
                          by.variance,       t->w[SCALE], t->w[SHIFT],
                          saved_workspace(t)};
    dms_status st =
        dms_prim_run(&s->forward, t->backend, t->scratch, data, err);

    if (st == DMS_OK && updates(t->node) && !t->again)
        update_running(t);
    if (st == DMS_OK && s->own_relu)
        relu(t->y, dms_shape_len(&t->node->shape));
    return st;
}

static float *scratch_at(const dms_job *t, size_t at)
{
    return (float *)((char *)t->scratch + at);
}

/* With a scale, oneDNN 2.6 has no backward by data only: unwanted dscale and
 * dshift are written to scratch. */
static dms_status norm_backward(dms_job *t, dms_error *err)
{
    const norm_state *s = t->state;
    statistics by = statistics_of(t);
    float *masked = scratch_at(t, s->masked_at);
    float *unwanted = scratch_at(t, s->unwanted_at);
    const void *data[] = {
        reads_x(t) ? t->x[0] : t->dy, /* dx does not depend on it */
        s->own_relu ? masked : t->dy,
        t->dx[0],
        by.mean,
        by.variance,
        t->w[SCALE],
        t->w[SHIFT],
        t->wants_dw ? t->dw[SCALE] : unwanted,
        t->wants_dw ? t->dw[SHIFT] : unwanted + t->node->shape.c,
        saved_workspace(t)};

    if (s->own_relu)
        dms_relu_backward(masked, t->dy, t->y, dms_shape_len(&t->node->shape),
                          DMS_TYPE_F32);
    assert(t->dx[0]); /* a trained norm always follows a trained layer */
    return dms_prim_run(&s->backward, t->backend, t->scratch, data, err);
}

static void norm_emit(const dms_emit *e)
{
    dms_onnx_add(e->onnx, &(dms_onnx_node){
                              .op = "BatchNormalization",
                              .name = e->name,
                              .inputs = {e->x[0], dms_emit_param(e, SCALE),
                                         dms_emit_param(e, SHIFT),
                                         dms_emit_param(e, RUNNING_MEAN),
                                         dms_emit_param(e, RUNNING_VARIANCE)},
                              .outputs = {e->y}});
    dms_onnx_float(e->onnx, "epsilon", DMS_BATCH_NORM_EPSILON);
}

const dms_op dms_op_batch_norm = {
    .name = "batch_norm",
    .reads_x = true,
    .any_layout = true,
    .any_type = true,
    .fuses_relu = true,
    .prepare = norm_prepare,
    .forward = norm_forward,
    .backward = norm_backward,
    .release = norm_release,
    .emit = norm_emit,
};

dms_node *dms_batch_norm(dms_graph *g, dms_node *x, const char *name,
                         dms_param_init scale)
{
    dms_node_spec spec = {.op = &dms_op_batch_norm, .in = {x}, .in_count = 1};
    dms_param norm = {.role = DMS_PARAM_NORM, .axes = 1};
    dms_param stat = {.role = DMS_PARAM_STAT, .axes = 1};
    dms_param batches = {.role = DMS_PARAM_COUNT};
    dms_node *node;

    if (!x)
        return NULL;
    spec.shape = x->shape;
    spec.attr.statistics = g->mode.statistics;
    norm.shape[0] = stat.shape[0] = x->shape.c;
    node = dms_graph_add(g, &spec);
    norm.init = scale;
    dms_graph_param(g, node, name, "weight", &norm);
    norm.init = DMS_INIT_ZERO;
    dms_graph_param(g, node, name, "bias", &norm);
    stat.init = DMS_INIT_ZERO;
    dms_graph_param(g, node, name, "running_mean", &stat);
    if (node && node->param_count > RUNNING_MEAN &&
        node->attr.statistics != DMS_STATISTICS_MEAN &&
        g->params->items[node->param[RUNNING_MEAN]].frozen)
        node->attr.statistics = DMS_STATISTICS_RUNNING;
    stat.init = DMS_INIT_ONE;
    dms_graph_param(g, node, name, "running_var", &stat);
    dms_graph_param(g, node, name, "num_batches_tracked", &batches);
    return node;
}
