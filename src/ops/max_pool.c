/* Max-pooling 3x3, stride 2, padding 1 (the stem's), by oneDNN.
 * Of equal maxima, one gets the gradient: the workspace records which. */
#include "base/alloc.h"
#include "base/fail.h"
#include "ops/dnnl_util.h"
#include "ops/emit.h"
#include "ops/ops.h"

enum { KERNEL = 3, STRIDE = 2, PADDING = 1 };

typedef struct pool_state {
    dms_prim forward;
    dms_prim backward;
} pool_state;

static void pool_release(void *state)
{
    pool_state *s = state;

    dms_prim_release(&s->forward);
    dms_prim_release(&s->backward);
    dms_free(s);
}

/* How many rows (or columns) the windows reach beyond the input's end. */
static int64_t padding_end(int64_t in, int64_t out)
{
    return (out - 1) * STRIDE + KERNEL - in - PADDING;
}

typedef struct pool_descs {
    dnnl_memory_desc_t x, y;
    dnnl_dims_t strides, kernel, dilation, begin, end;
} pool_descs;

static pool_descs describe(const dms_node *node)
{
    const dms_shape *in = &node->in[0]->shape;

    return (pool_descs){
        .x = dms_desc_node(node->in[0]),
        .y = dms_desc_node(node),
        .strides = {STRIDE, STRIDE},
        .kernel = {KERNEL, KERNEL},
        .begin = {PADDING, PADDING},
        .end = {padding_end(in->h, node->shape.h),
                padding_end(in->w, node->shape.w)},
    };
}

static dms_status prepare_backward(pool_state *s, dms_job *t,
                                   const pool_descs *d,
                                   const dnnl_memory_desc_t *workspace,
                                   const_dnnl_primitive_desc_t hint,
                                   dms_needs *needs, dms_error *err)
{
    dms_status st;
    const dms_backend *b = t->backend;
    dnnl_pooling_v2_desc_t desc;
    dnnl_primitive_desc_t pd;

    TRY(dms_dnnl_check(dnnl_pooling_v2_backward_desc_init(
                           &desc, dnnl_pooling_max, &d->x, &d->y, d->strides,
                           d->kernel, d->dilation, d->begin, d->end),
                       "max pool backward", err));
    TRY(dms_dnnl_check(
        dnnl_primitive_desc_create(&pd, &desc, b->attr, b->engine, hint),
        "max pool backward", err));
    TRY(dms_prim_create(&s->backward, b, pd, "max pool backward", needs, err));
    TRY(dms_prim_arg(&s->backward, b, DNNL_ARG_DIFF_DST, &d->y, err));
    TRY(dms_prim_arg(&s->backward, b, DNNL_ARG_DIFF_SRC, &d->x, err));
    TRY(dms_prim_arg(&s->backward, b, DNNL_ARG_WORKSPACE, workspace, err));
done:
    return st;
}

static dms_status pool_prepare(dms_job *t, dms_needs *needs, dms_error *err)
{
    dms_status st;
    const dms_backend *b = t->backend;
    pool_state *s = dms_calloc(1, sizeof *s);
    pool_descs d = describe(t->node);
    dnnl_memory_desc_t workspace;
    dnnl_pooling_v2_desc_t desc;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_desc_t hint = NULL;

    if (!s)
        return dms_fail_memory(err, "max pool");
    t->state = s;
    TRY(dms_dnnl_check(
        dnnl_pooling_v2_forward_desc_init(
            &desc, t->backward ? dnnl_forward_training : dnnl_forward_inference,
            dnnl_pooling_max, &d.x, &d.y, d.strides, d.kernel, d.dilation,
            d.begin, d.end),
        "max pool", err));
    TRY(dms_dnnl_check(
        dnnl_primitive_desc_create(&hint, &desc, b->attr, b->engine, NULL),
        "max pool", err));
    workspace = dms_pd_desc(hint, dnnl_query_workspace_md);
    needs->saved = dnnl_memory_desc_get_size(&workspace);
    TRY(dms_dnnl_check(dnnl_primitive_desc_clone(&pd, hint), "max pool", err));
    TRY(dms_prim_create(&s->forward, b, pd, "max pool", needs, err));
    TRY(dms_prim_arg(&s->forward, b, DNNL_ARG_SRC, &d.x, err));
    TRY(dms_prim_arg(&s->forward, b, DNNL_ARG_DST, &d.y, err));
    if (t->backward) {
        TRY(dms_prim_arg(&s->forward, b, DNNL_ARG_WORKSPACE, &workspace, err));
        TRY(prepare_backward(s, t, &d, &workspace, hint, needs, err));
    }
done:
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    return st;
}

static dms_status pool_forward(dms_job *t, dms_error *err)
{
    const pool_state *s = t->state;

    return dms_prim_run(&s->forward, t->backend, t->scratch,
                        (const void *[]){t->x[0], t->y, t->saved}, err);
}

static dms_status pool_backward(dms_job *t, dms_error *err)
{
    const pool_state *s = t->state;

    return dms_prim_run(&s->backward, t->backend, t->scratch,
                        (const void *[]){t->dy, t->dx[0], t->saved}, err);
}

static void pool_emit(const dms_emit *e)
{
    dms_emit_op(e, "MaxPool");
    dms_onnx_ints(e->onnx, "kernel_shape", (const int64_t[]){3, 3}, 2);
    dms_onnx_ints(e->onnx, "strides", (const int64_t[]){2, 2}, 2);
    dms_onnx_ints(e->onnx, "pads", (const int64_t[]){1, 1, 1, 1}, 4);
}

static const dms_op op_max_pool = {
    .name = "max_pool",
    .any_layout = true,
    .any_type = true,
    .bounded = true,
    .prepare = pool_prepare,
    .forward = pool_forward,
    .backward = pool_backward,
    .release = pool_release,
    .emit = pool_emit,
};

dms_node *dms_max_pool(dms_graph *g, dms_node *x)
{
    dms_node_spec spec = {.op = &op_max_pool, .in = {x}, .in_count = 1};

    if (!x)
        return NULL;
    spec.shape =
        (dms_shape){x->shape.n, x->shape.c, (x->shape.h - 1) / STRIDE + 1,
                    (x->shape.w - 1) / STRIDE + 1};
    return dms_graph_add(g, &spec);
}
