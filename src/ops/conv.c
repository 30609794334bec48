/* Convolution, by oneDNN.
 *
 *   Y[n,o] = sum_i W[o,i] * X[n,i]      (cross-correlation, padding kernel/2)
 *   dX = W^T * dY,   dW[o,i] = sum_n X[n,i] * dY[n,o]   (float32 always)
 *
 * The parameter table keeps the weight in the blocked order that the forward
 * kernel reads, if the table supports that order. For a kernel that needs
 * another order, or bf16, the weight is reordered: at every step if it is
 * trained, otherwise once. */
#include "base/alloc.h"
#include "base/fail.h"
#include "ops/dnnl_util.h"
#include "ops/emit.h"
#include "ops/ops.h"

/* A primitive's operand in the order it needs: our buffer itself, or a
 * reordered copy. */
typedef struct operand {
    dms_prim reorder;
    bool reordered;
    void *copy; /* owned; NULL unless reordered */
} operand;

typedef struct conv_state {
    dms_prim forward;
    dms_prim backward_data;
    dms_prim backward_weights;
    operand x; /* for forward and backward_weights */
    operand x_backward;
    operand w;
    operand w_backward;
    operand dx;                 /* from the kernel's order to the input's */
    operand dw;                 /* from the kernel's order to the table's */
    bool w_backward_is_old;     /* the weight has changed since */
    dnnl_primitive_desc_t hint; /* the forward pd, until prepare ends */
} conv_state;

static void operand_release(operand *o)
{
    dms_prim_release(&o->reorder);
    dms_free(o->copy);
}

static void conv_release(void *state)
{
    conv_state *s = state;

    dms_prim_release(&s->forward);
    dms_prim_release(&s->backward_data);
    dms_prim_release(&s->backward_weights);
    operand_release(&s->x);
    operand_release(&s->x_backward);
    operand_release(&s->w);
    operand_release(&s->w_backward);
    operand_release(&s->dx);
    operand_release(&s->dw);
    if (s->hint)
        dnnl_primitive_desc_destroy(s->hint);
    dms_free(s);
}

static dms_status operand_create(operand *o, const dms_backend *backend,
                                 const dnnl_memory_desc_t *from,
                                 const dnnl_memory_desc_t *to,
                                 const dnnl_memory_desc_t *copy,
                                 dms_needs *needs, dms_error *err)
{
    dms_status st = dms_prim_reorder(&o->reorder, &o->reordered, backend, from,
                                     to, needs, err);

    if (st != DMS_OK || !o->reordered)
        return st;
    o->copy = dms_calloc_aligned(dnnl_memory_desc_get_size(copy), 1);
    return o->copy ? DMS_OK : dms_fail_memory(err, "convolution");
}

/* Our operand in the kernel's order: reordered now if fresh, otherwise the
 * earlier copy. */
static dms_status operand_ready(const void **ready, operand *o,
                                const dms_job *t, const void *ours, bool fresh,
                                dms_error *err)
{
    *ready = o->reordered ? o->copy : ours;
    if (!o->reordered || !fresh)
        return DMS_OK;
    return dms_prim_run(&o->reorder, t->backend, t->scratch,
                        (const void *[]){ours, o->copy}, err);
}

/* The five memory descriptions of a convolution's buffers. */
typedef struct conv_descs {
    dnnl_memory_desc_t x, y, w;
    dnnl_memory_desc_t x_wish; /* x as the kernels read it: in y's type */
    dnnl_memory_desc_t w_wish;
    dnnl_dims_t strides, padding;
} conv_descs;

static conv_descs describe(const dms_job *t)
{
    const dms_node *node = t->node;
    const dms_param *weight = &t->params->items[node->param[0]];
    conv_descs d = {
        .x = dms_desc_node(node->in[0]),
        .y = dms_desc_node(node),
        .w = dms_desc_weight(weight, node->attr.groups),
    };

    d.strides[0] = d.strides[1] = node->attr.stride;
    d.padding[0] = d.padding[1] = node->attr.kernel / 2;
    d.x_wish =
        node->in[0]->layout == DMS_LAYOUT_NCHW ? dms_desc_any(&d.x) : d.x;
    d.w_wish = dms_desc_any(&d.w);
    d.x_wish.data_type = d.w_wish.data_type = d.y.data_type;
    return d;
}

/* The first attempt asks for a Winograd kernel if that is wanted, the next for
 * a direct one. */
static dnnl_alg_kind_t algorithm(int attempt)
{
    return attempt == 0 ? dnnl_convolution_winograd : dnnl_convolution_direct;
}

static dnnl_status_t forward_pd(dnnl_primitive_desc_t *pd, const dms_job *t,
                                const conv_descs *d, dnnl_alg_kind_t algorithm_)
{
    const dms_backend *backend = t->backend;
    dnnl_convolution_desc_t desc;
    dnnl_status_t status = dnnl_convolution_forward_desc_init(
        &desc,
        t->mode.gradients != DMS_GRADIENTS_NONE ? dnnl_forward_training
                                                : dnnl_forward_inference,
        algorithm_, &d->x_wish, &d->w_wish, NULL, &d->y, d->strides, d->padding,
        d->padding);

    return status != dnnl_success
               ? status
               : dnnl_primitive_desc_create(pd, &desc, backend->attr,
                                            backend->engine, NULL);
}

static dms_status prepare_forward(conv_state *s, dms_job *t,
                                  const conv_descs *d, dms_needs *needs,
                                  dms_error *err)
{
    dms_status st;
    const dms_backend *backend = t->backend;
    dnnl_status_t status = dnnl_unimplemented;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_memory_desc_t x, w;

    TRY(dms_dnnl_check(forward_pd(&s->hint, t, d, dnnl_convolution_direct),
                       "convolution forward", err));
    for (int i = !dms_wants_winograd(t); i < 2 && status != dnnl_success; i++)
        status = forward_pd(&pd, t, d, algorithm(i));
    TRY(dms_dnnl_check(status, "convolution forward", err));
    x = dms_pd_desc(pd, dnnl_query_src_md);
    w = dms_pd_desc(pd, dnnl_query_weights_md);
    TRY(dms_prim_create(&s->forward, backend, pd, "convolution forward", needs,
                        err));
    TRY(operand_create(&s->x, backend, &d->x, &x, &x, needs, err));
    TRY(operand_create(&s->w, backend, &d->w, &w, &w, needs, err));
    TRY(dms_prim_arg(&s->forward, backend, DNNL_ARG_SRC, &x, err));
    TRY(dms_prim_arg(&s->forward, backend, DNNL_ARG_WEIGHTS, &w, err));
    TRY(dms_prim_arg(&s->forward, backend, DNNL_ARG_DST, &d->y, err));
done:
    return st;
}

static dms_status prepare_backward_data(conv_state *s, dms_job *t,
                                        const conv_descs *d, dms_needs *needs,
                                        dms_error *err)
{
    dms_status st;
    const dms_backend *backend = t->backend;
    dnnl_status_t status = dnnl_unimplemented;
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_memory_desc_t w, dx;
    bool pixels = t->node->in[0]->layout == DMS_LAYOUT_NCHW;

    dx = pixels ? dms_desc_any(&d->x) : d->x;
    for (int i = !dms_wants_winograd(t); i < 2 && status != dnnl_success; i++) {
        status = dnnl_convolution_backward_data_desc_init(
            &desc, algorithm(i), &dx, &d->w_wish, &d->y, d->strides, d->padding,
            d->padding);
        if (status == dnnl_success)
            status = dnnl_primitive_desc_create(&pd, &desc, backend->attr,
                                                backend->engine, s->hint);
    }
    TRY(dms_dnnl_check(status, "convolution backward by data", err));
    w = dms_pd_desc(pd, dnnl_query_weights_md);
    dx = dms_pd_desc(pd, dnnl_query_diff_src_md);
    TRY(dms_prim_create(&s->backward_data, backend, pd,
                        "convolution backward by data", needs, err));
    TRY(operand_create(&s->w_backward, backend, &d->w, &w, &w, needs, err));
    TRY(operand_create(&s->dx, backend, &dx, &d->x, &dx, needs, err));
    TRY(dms_prim_arg(&s->backward_data, backend, DNNL_ARG_DIFF_DST, &d->y,
                     err));
    TRY(dms_prim_arg(&s->backward_data, backend, DNNL_ARG_WEIGHTS, &w, err));
    TRY(dms_prim_arg(&s->backward_data, backend, DNNL_ARG_DIFF_SRC, &dx, err));
done:
    return st;
}

/* Write the weight gradient directly in the table's order if an optimised
 * kernel can, otherwise in the order the kernel chooses. */
static dms_status create_backward_weights_pd(dnnl_primitive_desc_t *pd,
                                             const conv_state *s,
                                             const dms_job *t,
                                             const conv_descs *d,
                                             dms_error *err)
{
    const dms_backend *backend = t->backend;
    dnnl_memory_desc_t w_any = dms_desc_any(&d->w); /* float32 */
    const dnnl_memory_desc_t *wishes[] = {&d->w, &w_any};
    dnnl_convolution_desc_t desc;
    dnnl_status_t status = dnnl_unimplemented;

    for (int i = 0; i < 2; i++) {
        status = dnnl_convolution_backward_weights_desc_init(
            &desc, dnnl_convolution_direct, &d->x_wish, wishes[i], NULL, &d->y,
            d->strides, d->padding, d->padding);
        if (status == dnnl_success)
            status = dnnl_primitive_desc_create(pd, &desc, backend->attr,
                                                backend->engine, s->hint);
        if (status != dnnl_success)
            continue;
        if (i == 1 || !dms_pd_is_reference(*pd))
            return DMS_OK;
        dnnl_primitive_desc_destroy(*pd);
    }
    return dms_dnnl_check(status, "convolution backward by weights", err);
}

static dms_status prepare_backward_weights(conv_state *s, dms_job *t,
                                           const conv_descs *d,
                                           dms_needs *needs, dms_error *err)
{
    dms_status st;
    const dms_backend *backend = t->backend;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_memory_desc_t x, dw;

    TRY(create_backward_weights_pd(&pd, s, t, d, err));
    x = dms_pd_desc(pd, dnnl_query_src_md);
    dw = dms_pd_desc(pd, dnnl_query_diff_weights_md);
    TRY(dms_prim_create(&s->backward_weights, backend, pd,
                        "convolution backward by weights", needs, err));
    TRY(operand_create(&s->x_backward, backend, &d->x, &x, &x, needs, err));
    TRY(operand_create(&s->dw, backend, &dw, &d->w, &dw, needs, err));
    TRY(dms_prim_arg(&s->backward_weights, backend, DNNL_ARG_SRC, &x, err));
    TRY(dms_prim_arg(&s->backward_weights, backend, DNNL_ARG_DIFF_DST, &d->y,
                     err));
    TRY(dms_prim_arg(&s->backward_weights, backend, DNNL_ARG_DIFF_WEIGHTS, &dw,
                     err));
done:
    return st;
}

static dms_status conv_prepare(dms_job *t, dms_needs *needs, dms_error *err)
{
    dms_status st = DMS_OK;
    conv_state *s = dms_calloc(1, sizeof *s);
    conv_descs d = describe(t);

    if (!s)
        return dms_fail_memory(err, "convolution");
    t->state = s;
    TRY(prepare_forward(s, t, &d, needs, err));
    if (t->wants_dw)
        TRY(prepare_backward_weights(s, t, &d, needs, err));
    if (t->backward && t->node->in[0]->needs_grad)
        TRY(prepare_backward_data(s, t, &d, needs, err));
    needs->x = t->wants_dw;
    dnnl_primitive_desc_destroy(s->hint);
    s->hint = NULL;
done:
    return st;
}

static dms_status conv_forward(dms_job *t, dms_error *err)
{
    dms_status st;
    conv_state *s = t->state;
    const void *x, *w;

    TRY(operand_ready(&x, &s->x, t, t->x[0], true, err));
    TRY(operand_ready(&w, &s->w, t, t->w[0], t->weights_changed, err));
    s->w_backward_is_old |= t->weights_changed;
    TRY(dms_prim_run(&s->forward, t->backend, t->scratch,
                     (const void *[]){x, w, t->y}, err));
done:
    return st;
}

static dms_status conv_backward(dms_job *t, dms_error *err)
{
    dms_status st = DMS_OK;
    conv_state *s = t->state;
    const void *x, *w;
    void *dx = s->dx.reordered ? s->dx.copy : t->dx[0];
    void *dw = s->dw.reordered ? s->dw.copy : t->dw[0];

    if (t->dx[0]) {
        TRY(operand_ready(&w, &s->w_backward, t, t->w[0], s->w_backward_is_old,
                          err));
        s->w_backward_is_old = false;
        TRY(dms_prim_run(&s->backward_data, t->backend, t->scratch,
                         (const void *[]){t->dy, w, dx}, err));
        if (s->dx.reordered)
            TRY(dms_prim_run(&s->dx.reorder, t->backend, t->scratch,
                             (const void *[]){dx, t->dx[0]}, err));
    }
    if (t->dw[0]) {
        TRY(operand_ready(&x, &s->x_backward, t, t->x[0], true, err));
        TRY(dms_prim_run(&s->backward_weights, t->backend, t->scratch,
                         (const void *[]){x, t->dy, dw}, err));
        if (s->dw.reordered)
            TRY(dms_prim_run(&s->dw.reorder, t->backend, t->scratch,
                             (const void *[]){dw, t->dw[0]}, err));
    }
done:
    return st;
}

static void conv_emit(const dms_emit *e)
{
    dms_emit_conv(e, dms_emit_weight(e), NULL);
}

const dms_op dms_op_conv = {
    .name = "conv",
    .reads_x = true,
    .any_layout = true,
    .typed = true,
    .prepare = conv_prepare,
    .forward = conv_forward,
    .backward = conv_backward,
    .fused = &dms_op_conv_fused,
    .release = conv_release,
    .flops = dms_weight_flops,
    .emit = conv_emit,
};

/* Choose the order in which oneDNN's blocked kernels read a weight, so that
 * training need not reorder it. For an unblocked input only the order with 16
 * channels is supported. A weight that is not trained stays plain: it is
 * reordered once. */
static void choose_blocks(const dms_graph *g, dms_param *weight, int groups)
{
    bool in_blocks = weight->shape[1] % g->block == 0;

    if (g->mode.gradients != DMS_GRADIENTS_PARAMS ||
        g->map_layout != DMS_LAYOUT_BLOCKED || groups > 1 ||
        weight->shape[0] % g->block != 0 || (!in_blocks && g->block != 16))
        return;
    weight->block_out = g->block;
    weight->block_in = in_blocks ? g->block : 1;
}

dms_node *dms_conv(dms_graph *g, dms_node *x, const char *name, int64_t out,
                   int kernel, int stride, int groups, dms_param_init init)
{
    dms_node_spec spec = {.op = &dms_op_conv, .in = {x}, .in_count = 1};
    dms_param weight = {.role = DMS_PARAM_WEIGHT, .init = init, .axes = 4};
    dms_node *node;

    if (!x)
        return NULL;
    spec.attr =
        (dms_attr){.kernel = kernel, .stride = stride, .groups = groups};
    spec.shape = (dms_shape){
        x->shape.n, out, (x->shape.h + kernel / 2 * 2 - kernel) / stride + 1,
        (x->shape.w + kernel / 2 * 2 - kernel) / stride + 1};
    weight.shape[0] = out;
    weight.shape[1] = x->shape.c / groups;
    weight.shape[2] = weight.shape[3] = kernel;
    weight.fan_in = (int)weight.shape[1] * kernel * kernel;
    choose_blocks(g, &weight, groups);
    node = dms_graph_add(g, &spec);
    dms_graph_param(g, node, name, "weight", &weight);
    return node;
}
