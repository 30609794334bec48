/* Multi-head attention over the positions of each image, NHWC, by oneDNN's
 * matmul on strided heads. T = H*W positions, d = D/heads.
 *
 *   P = softmax(Q K^T / sqrt(d)),   Y = P V           (each head of each image)
 *   dV = P^T dY,   dP = dY V^T,   dS = P * (dP - sum_j dP P)
 *   dQ = dS K / sqrt(d),   dK = dS^T Q / sqrt(d)
 *
 * P is saved for backward; dP becomes dS in scratch. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "ops/dnnl_util.h"
#include "ops/emit.h"
#include "ops/ops.h"

enum { QUERY, KEY, VALUE };

typedef struct attention_state {
    dms_prim scores;      /* S = Q K^T */
    dms_prim mix;         /* Y = P V; also dQ = dS K */
    dms_prim mix_back;    /* dV = P^T dY; also dK = dS^T Q */
    dms_prim scores_back; /* dP = dY V^T */
    size_t scratch_at;    /* offset of dS, after oneDNN's scratchpad */
} attention_state;

static void attention_release(void *state)
{
    attention_state *s = state;

    dms_prim_release(&s->scores);
    dms_prim_release(&s->mix);
    dms_prim_release(&s->mix_back);
    dms_prim_release(&s->scores_back);
    dms_free(s);
}

/* N x heads x rows x columns of floats with the given strides of the last
 * two; the outer two follow from the kind. */
static dnnl_memory_desc_t head_desc(const dms_node *node, bool transposed)
{
    const dms_shape *s = &node->shape;
    int64_t positions = s->h * s->w;
    int64_t depth = s->c / node->attr.heads;
    dnnl_dims_t dims = {s->n, node->attr.heads, positions, depth};
    dnnl_dims_t strides = {positions * s->c, depth, s->c, 1};
    dnnl_memory_desc_t desc;

    if (transposed) {
        dims[2] = depth, dims[3] = positions;
        strides[2] = 1, strides[3] = s->c;
    }
    dnnl_memory_desc_init_by_strides(&desc, 4, dims, dnnl_f32, strides);
    return desc;
}

static dnnl_memory_desc_t score_desc(const dms_node *node, bool transposed)
{
    int64_t positions = node->shape.h * node->shape.w;
    int64_t heads = node->attr.heads;
    dnnl_dims_t dims = {node->shape.n, heads, positions, positions};
    dnnl_dims_t strides = {heads * positions * positions, positions * positions,
                           transposed ? 1 : positions,
                           transposed ? positions : 1};
    dnnl_memory_desc_t desc;

    dnnl_memory_desc_init_by_strides(&desc, 4, dims, dnnl_f32, strides);
    return desc;
}

/* c = a b for every head of every image. */
static dms_status create_matmul(dms_prim *prim, const dms_backend *backend,
                                const dnnl_memory_desc_t *a,
                                const dnnl_memory_desc_t *b,
                                const dnnl_memory_desc_t *c, dms_needs *needs,
                                dms_error *err)
{
    dms_status st;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;

    TRY(dms_dnnl_check(dnnl_matmul_desc_init(&desc, a, b, NULL, c), "attention",
                       err));
    TRY(dms_dnnl_check(dnnl_primitive_desc_create(&pd, &desc, backend->attr,
                                                  backend->engine, NULL),
                       "attention", err));
    TRY(dms_prim_create(prim, backend, pd, "attention", needs, err));
    TRY(dms_prim_arg(prim, backend, DNNL_ARG_SRC, a, err));
    TRY(dms_prim_arg(prim, backend, DNNL_ARG_WEIGHTS, b, err));
    TRY(dms_prim_arg(prim, backend, DNNL_ARG_DST, c, err));
done:
    return st;
}

static size_t score_len(const dms_node *node)
{
    size_t positions = (size_t)(node->shape.h * node->shape.w);

    return (size_t)node->shape.n * (size_t)node->attr.heads * positions *
           positions;
}

static dms_status attention_prepare(dms_job *t, dms_needs *needs,
                                    dms_error *err)
{
    dms_status st;
    attention_state *s = dms_calloc(1, sizeof *s);
    dnnl_memory_desc_t head = head_desc(t->node, false);
    dnnl_memory_desc_t head_t = head_desc(t->node, true);
    dnnl_memory_desc_t score = score_desc(t->node, false);
    dnnl_memory_desc_t score_t = score_desc(t->node, true);

    if (!s)
        return dms_fail_memory(err, "attention");
    t->state = s;
    TRY(create_matmul(&s->scores, t->backend, &head, &head_t, &score, needs,
                      err));
    TRY(create_matmul(&s->mix, t->backend, &score, &head, &head, needs, err));
    needs->saved = score_len(t->node) * sizeof(float);
    if (t->backward) {
        TRY(create_matmul(&s->mix_back, t->backend, &score_t, &head, &head,
                          needs, err));
        TRY(create_matmul(&s->scores_back, t->backend, &head, &head_t, &score,
                          needs, err));
        s->scratch_at = (needs->scratch + 63) / 64 * 64;
        needs->scratch = s->scratch_at + score_len(t->node) * sizeof(float);
    }
done:
    return st;
}

static float head_scale(const dms_node *node)
{
    int64_t width = node->shape.c / node->attr.heads;

    return 1.0f / sqrtf((float)width);
}

/* row = softmax(scale * row) */
static void softmax_row(float *row, float scale, int64_t len)
{
    float max = row[0];
    float sum = 0;

    for (int64_t i = 1; i < len; i++)
        max = row[i] > max ? row[i] : max;
    for (int64_t i = 0; i < len; i++) {
        row[i] = expf(scale * (row[i] - max));
        sum += row[i];
    }
    for (int64_t i = 0; i < len; i++)
        row[i] /= sum;
}

/* ds = scale * p * (dp - sum dp p), in place of dp */
static void softmax_row_backward(float *dp, const float *p, float scale,
                                 int64_t len)
{
    float dot = 0;

    for (int64_t i = 0; i < len; i++)
        dot += dp[i] * p[i];
    for (int64_t i = 0; i < len; i++)
        dp[i] = scale * p[i] * (dp[i] - dot);
}

static dms_status attention_forward(dms_job *t, dms_error *err)
{
    dms_status st;
    const attention_state *s = t->state;
    int64_t len = t->node->shape.h * t->node->shape.w;
    int64_t rows = (int64_t)score_len(t->node) / len;
    float scale = head_scale(t->node);
    float *p = t->saved;

    TRY(dms_prim_run(&s->scores, t->backend, t->scratch,
                     (const void *[]){t->x[QUERY], t->x[KEY], p}, err));
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++)
        softmax_row(p + r * len, scale, len);
    TRY(dms_prim_run(&s->mix, t->backend, t->scratch,
                     (const void *[]){p, t->x[VALUE], t->y}, err));
done:
    return st;
}

static dms_status attention_backward(dms_job *t, dms_error *err)
{
    dms_status st;
    const attention_state *s = t->state;
    int64_t len = t->node->shape.h * t->node->shape.w;
    int64_t rows = (int64_t)score_len(t->node) / len;
    float scale = head_scale(t->node);
    const float *p = t->saved;
    float *ds = (float *)((char *)t->scratch + s->scratch_at);

    if (t->dx[VALUE])
        TRY(dms_prim_run(&s->mix_back, t->backend, t->scratch,
                         (const void *[]){p, t->dy, t->dx[VALUE]}, err));
    TRY(dms_prim_run(&s->scores_back, t->backend, t->scratch,
                     (const void *[]){t->dy, t->x[VALUE], ds}, err));
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++)
        softmax_row_backward(ds + r * len, p + r * len, scale, len);
    if (t->dx[QUERY])
        TRY(dms_prim_run(&s->mix, t->backend, t->scratch,
                         (const void *[]){ds, t->x[KEY], t->dx[QUERY]}, err));
    if (t->dx[KEY])
        TRY(dms_prim_run(&s->mix_back, t->backend, t->scratch,
                         (const void *[]){ds, t->x[QUERY], t->dx[KEY]}, err));
done:
    return st;
}

static void emit_reshape(const dms_emit *e, const char *name, const char *x,
                         const char *y, const int64_t shape[4])
{
    char target[DMS_EMIT_NAME_MAX];

    snprintf(target, sizeof target, "%s/shape", name);
    dms_onnx_shape(e->onnx, target, shape, 4);
    dms_onnx_add(e->onnx, &(dms_onnx_node){.op = "Reshape",
                                           .name = name,
                                           .inputs = {x, target},
                                           .outputs = {y}});
}

static void emit_transpose(const dms_emit *e, const char *x, const char *y)
{
    dms_onnx_add(e->onnx, &(dms_onnx_node){.op = "Transpose",
                                           .name = y,
                                           .inputs = {x},
                                           .outputs = {y}});
    dms_onnx_ints(e->onnx, "perm", (const int64_t[]){0, 1, 3, 2}, 4);
}

static void emit_binary(const dms_emit *e, const char *op, const char *a,
                        const char *b, const char *y)
{
    dms_onnx_add(e->onnx,
                 &(dms_onnx_node){
                     .op = op, .name = y, .inputs = {a, b}, .outputs = {y}});
}

/* ONNX heads are N x heads x d x T, the order of a map's channels:
 * Y^T = V^T P^T. */
static void attention_emit(const dms_emit *e)
{
    static const char *const parts[] = {"query", "key", "value"};
    const dms_shape *s = &e->node->shape;
    int64_t heads = e->node->attr.heads;
    char x[3][DMS_EMIT_NAME_MAX], t[5][DMS_EMIT_NAME_MAX];
    float *scale;

    for (int k = 0; k < 3; k++) {
        dms_emit_name(x[k], e, parts[k]);
        emit_reshape(e, x[k], e->x[k], x[k],
                     (const int64_t[]){0, heads, s->c / heads, s->h * s->w});
    }
    scale = dms_onnx_take(
        e->onnx, &(dms_onnx_tensor){.name = dms_emit_name(t[0], e, "scale"),
                                    .type = DMS_ONNX_F32});
    if (scale)
        *scale = head_scale(e->node);
    emit_transpose(e, x[QUERY], dms_emit_name(t[1], e, "query_t"));
    emit_binary(e, "MatMul", t[1], x[KEY], dms_emit_name(t[2], e, "scores"));
    emit_binary(e, "Mul", t[2], t[0], dms_emit_name(t[3], e, "scaled"));
    dms_onnx_add(e->onnx, &(dms_onnx_node){.op = "Softmax",
                                           .name = dms_emit_name(t[4], e, "p"),
                                           .inputs = {t[3]},
                                           .outputs = {t[4]}});
    dms_onnx_int(e->onnx, "axis", -1);
    emit_transpose(e, t[4], dms_emit_name(t[1], e, "p_t"));
    emit_binary(e, "MatMul", x[VALUE], t[1], dms_emit_name(t[2], e, "mixed"));
    emit_reshape(e, e->name, t[2], e->y,
                 (const int64_t[]){0, s->c, s->h, s->w});
}

/* Q K^T and P V. */
static double attention_flops(const dms_node *node, const dms_params *params)
{
    const dms_shape *y = &node->shape;
    double positions = (double)(y->h * y->w);

    (void)params;
    return 4 * (double)(y->n * y->c) * positions * positions;
}

static const dms_op op_attention = {
    .name = "attention",
    .reads_x = true,
    .prepare = attention_prepare,
    .forward = attention_forward,
    .backward = attention_backward,
    .release = attention_release,
    .flops = attention_flops,
    .emit = attention_emit,
};

dms_node *dms_attention(dms_graph *g, dms_node *q, dms_node *k, dms_node *v,
                        int heads)
{
    dms_node_spec spec = {.op = &op_attention, .in = {q, k, v}, .in_count = 3};

    if (!q || !k || !v)
        return NULL;
    if (q->shape.c % heads != 0)
        return dms_graph_fail(g, DMS_EINVAL,
                              "attention: %lld channels cannot be divided into "
                              "%d heads",
                              (long long)q->shape.c, heads);
    spec.shape = q->shape;
    spec.attr.heads = heads;
    return dms_graph_add(g, &spec);
}
