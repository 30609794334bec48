/* Linear layer at each position of an NHWC map, by oneDNN's inner product
 * over M = N*H*W rows.
 *
 *   Y[m,o] = sum_i W[o,i] X[m,i] + b[o]
 *   dX = dY W,   dW = dY^T X,   db = sum_m dY[m] */
#include "base/alloc.h"
#include "base/fail.h"
#include "ops/dnnl_util.h"
#include "ops/emit.h"
#include "ops/ops.h"

enum { WEIGHT, BIAS };

typedef struct linear_state {
    dms_prim forward;
    dms_prim backward_data;
    dms_prim backward_weights;
} linear_state;

typedef struct linear_descs {
    dnnl_memory_desc_t x, y, w, b;
    dnnl_inner_product_desc_t op; /* shared by all: large for the stack */
} linear_descs;

static void linear_release(void *state)
{
    linear_state *s = state;

    dms_prim_release(&s->forward);
    dms_prim_release(&s->backward_data);
    dms_prim_release(&s->backward_weights);
    dms_free(s);
}

static void describe(linear_descs *d, const dms_node *node)
{
    const dms_shape *y = &node->shape;
    int64_t in = node->in[0]->shape.c;
    int64_t rows = y->n * y->h * y->w;

    d->x = dms_desc_plain(2, (int64_t[]){rows, in});
    d->y = dms_desc_plain(2, (int64_t[]){rows, y->c});
    d->w = dms_desc_plain(2, (int64_t[]){y->c, in});
    d->b = dms_desc_plain(1, &y->c);
}

static dms_status prepare_backward_data(linear_state *s, dms_job *t,
                                        linear_descs *d,
                                        const_dnnl_primitive_desc_t hint,
                                        dms_needs *needs, dms_error *err)
{
    dms_status st;
    const dms_backend *b = t->backend;
    dnnl_primitive_desc_t pd;

    TRY(dms_dnnl_check(
        dnnl_inner_product_backward_data_desc_init(&d->op, &d->x, &d->w, &d->y),
        "linear backward", err));
    TRY(dms_dnnl_check(
        dnnl_primitive_desc_create(&pd, &d->op, b->attr, b->engine, hint),
        "linear backward", err));
    TRY(dms_prim_create(&s->backward_data, b, pd, "linear backward", needs,
                        err));
    TRY(dms_prim_arg(&s->backward_data, b, DNNL_ARG_DIFF_DST, &d->y, err));
    TRY(dms_prim_arg(&s->backward_data, b, DNNL_ARG_WEIGHTS, &d->w, err));
    TRY(dms_prim_arg(&s->backward_data, b, DNNL_ARG_DIFF_SRC, &d->x, err));
done:
    return st;
}

static dms_status prepare_backward_weights(linear_state *s, dms_job *t,
                                           linear_descs *d,
                                           const_dnnl_primitive_desc_t hint,
                                           dms_needs *needs, dms_error *err)
{
    dms_status st;
    const dms_backend *b = t->backend;
    dnnl_primitive_desc_t pd;

    TRY(dms_dnnl_check(dnnl_inner_product_backward_weights_desc_init(
                           &d->op, &d->x, &d->w, &d->b, &d->y),
                       "linear backward", err));
    TRY(dms_dnnl_check(
        dnnl_primitive_desc_create(&pd, &d->op, b->attr, b->engine, hint),
        "linear backward", err));
    TRY(dms_prim_create(&s->backward_weights, b, pd, "linear backward", needs,
                        err));
    TRY(dms_prim_arg(&s->backward_weights, b, DNNL_ARG_SRC, &d->x, err));
    TRY(dms_prim_arg(&s->backward_weights, b, DNNL_ARG_DIFF_DST, &d->y, err));
    TRY(dms_prim_arg(&s->backward_weights, b, DNNL_ARG_DIFF_WEIGHTS, &d->w,
                     err));
    TRY(dms_prim_arg(&s->backward_weights, b, DNNL_ARG_DIFF_BIAS, &d->b, err));
done:
    return st;
}

static dms_status linear_prepare(dms_job *t, dms_needs *needs, dms_error *err)
{
    dms_status st;
    const dms_backend *b = t->backend;
    linear_state *s = dms_calloc(1, sizeof *s);
    linear_descs d;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_desc_t hint = NULL;

    if (!s)
        return dms_fail_memory(err, "linear");
    t->state = s;
    describe(&d, t->node);
    TRY(dms_dnnl_check(
        dnnl_inner_product_forward_desc_init(&d.op, dnnl_forward_training, &d.x,
                                             &d.w, &d.b, &d.y),
        "linear", err));
    TRY(dms_dnnl_check(
        dnnl_primitive_desc_create(&hint, &d.op, b->attr, b->engine, NULL),
        "linear", err));
    TRY(dms_dnnl_check(dnnl_primitive_desc_clone(&pd, hint), "linear", err));
    TRY(dms_prim_create(&s->forward, b, pd, "linear", needs, err));
    TRY(dms_prim_arg(&s->forward, b, DNNL_ARG_SRC, &d.x, err));
    TRY(dms_prim_arg(&s->forward, b, DNNL_ARG_WEIGHTS, &d.w, err));
    TRY(dms_prim_arg(&s->forward, b, DNNL_ARG_BIAS, &d.b, err));
    TRY(dms_prim_arg(&s->forward, b, DNNL_ARG_DST, &d.y, err));
    if (t->backward && t->node->in[0]->needs_grad)
        TRY(prepare_backward_data(s, t, &d, hint, needs, err));
    if (t->wants_dw)
        TRY(prepare_backward_weights(s, t, &d, hint, needs, err));
    needs->x = t->wants_dw;
done:
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    return st;
}

static dms_status linear_forward(dms_job *t, dms_error *err)
{
    const linear_state *s = t->state;

    return dms_prim_run(
        &s->forward, t->backend, t->scratch,
        (const void *[]){t->x[0], t->w[WEIGHT], t->w[BIAS], t->y}, err);
}

static dms_status linear_backward(dms_job *t, dms_error *err)
{
    dms_status st = DMS_OK;
    const linear_state *s = t->state;

    if (t->dx[0])
        TRY(dms_prim_run(&s->backward_data, t->backend, t->scratch,
                         (const void *[]){t->dy, t->w[WEIGHT], t->dx[0]}, err));
    if (t->wants_dw)
        TRY(dms_prim_run(
            &s->backward_weights, t->backend, t->scratch,
            (const void *[]){t->x[0], t->dy, t->dw[WEIGHT], t->dw[BIAS]}, err));
done:
    return st;
}

static void linear_emit(const dms_emit *e)
{
    dms_emit_conv(e, dms_emit_weight(e), dms_emit_param(e, BIAS));
}

const dms_op dms_op_linear = {
    .name = "linear",
    .reads_x = true,
    .fused = &dms_op_conv_fused, /* 1x1 */
    .prepare = linear_prepare,
    .forward = linear_forward,
    .backward = linear_backward,
    .release = linear_release,
    .flops = dms_weight_flops,
    .emit = linear_emit,
};

dms_node *dms_linear(dms_graph *g, dms_node *x, const char *name, int64_t out)
{
    dms_node_spec spec = {.op = &dms_op_linear, .in = {x}, .in_count = 1};
    dms_param weight = {
        .role = DMS_PARAM_WEIGHT, .init = DMS_INIT_FAN_IN, .axes = 2};
    dms_param bias = {
        .role = DMS_PARAM_BIAS, .init = DMS_INIT_FAN_IN, .axes = 1};
    dms_node *node;

    if (!x)
        return NULL;
    spec.shape = (dms_shape){x->shape.n, out, x->shape.h, x->shape.w};
    spec.attr = (dms_attr){.kernel = 1, .stride = 1, .groups = 1, .bias = true};
    weight.shape[0] = bias.shape[0] = out;
    weight.shape[1] = x->shape.c;
    weight.fan_in = bias.fan_in = (int)x->shape.c;
    node = dms_graph_add(g, &spec);
    dms_graph_param(g, node, name, "weight", &weight);
    dms_graph_param(g, node, name, "bias", &bias);
    return node;
}
