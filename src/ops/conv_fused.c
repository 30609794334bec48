/* Convolution for inference, fused with the ops after it into one oneDNN
 * primitive.
 *
 *   Y = max(0, W' * X + b' + T),   W' and b': dms_fold_norm
 *
 * The node's attributes say whether there is a bias, a norm, a term T (the last
 * input) and a relu; a linear layer is a 1x1 convolution. T's buffer may be
 * Y's. The weight is folded and reordered once, by all threads.
 *
 * Quantised, with integers Xi, Wi, Ti, their scales sx, sw[o], st and the
 * norm's factor k[o]:
 *
 *   Y = max(0, unit * (Wi * Xi + b' / unit) + st Ti),  unit = k sw sx
 *
 * in float32; if Y is integers too, divided by Y's scale and rounded. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "graph/value.h"
#include "ops/dnnl_util.h"
#include "ops/emit.h"
#include "ops/ops.h"

/* The kept bytes hold W' and b', each only if it is needed. X in the kernel's
 * order is in `saved`. */
typedef struct fused_state {
    dms_prim forward;
    dms_prim x_reorder;
    dms_prim w_reorder;
    bool x_reordered;
    bool w_reordered;
    bool folds;  /* W' and b' differ from W and b */
    bool w_kept; /* W' is kept in the kernel's order; else W has that order */
    size_t bias_at;
    size_t folded_at; /* in scratch, after oneDNN's part: W' in plain order,
                         or the units */
} fused_state;

static void fused_release(void *state)
{
    fused_state *s = state;

    dms_prim_release(&s->forward);
    dms_prim_release(&s->x_reorder);
    dms_prim_release(&s->w_reorder);
    dms_free(s);
}

static void *kept_at(const dms_job *t, size_t at)
{
    return (char *)t->kept + at;
}

static const dms_param *weight_of(const dms_job *t)
{
    return &t->params->items[t->node->param[0]];
}

static bool has_bias(const dms_job *t)
{
    return t->node->attr.norm || t->node->attr.bias;
}

/* The memory descriptions that the kernel is created with. */
typedef struct fused_descs {
    dnnl_memory_desc_t x, y, w, bias; /* ours */
    dnnl_memory_desc_t x_wish, w_wish;
    dnnl_dims_t strides, padding;
} fused_descs;

static fused_descs describe(const dms_job *t)
{
    const dms_node *node = t->node;
    fused_descs d = {
        .x = dms_desc_node(node->in[0]),
        .y = dms_desc_node(node),
        .w = dms_desc_weight(weight_of(t), node->attr.groups),
        .bias = dms_desc_plain(1, &node->shape.c),
    };

    d.strides[0] = d.strides[1] = node->attr.stride;
    d.padding[0] = d.padding[1] = node->attr.kernel / 2;
    if (node->attr.quantised)
        d.w.data_type = dnnl_s8;
    d.w_wish = dms_desc_any(&d.w);
    d.x_wish =
        node->in[0]->layout == DMS_LAYOUT_NCHW ? dms_desc_any(&d.x) : d.x;
    if (!node->attr.quantised)
        d.w_wish.data_type = d.x_wish.data_type = d.y.data_type;
    return d;
}

/* Finite weights may become infinite or NaN when scales or a norm are
 * multiplied into them. */
static dms_status find_heaviest(float *heaviest, const dms_job *t,
                                const float *values, size_t len, dms_error *err)
{
    *heaviest = dms_value_magnitude(values, len, DMS_TYPE_F32);
    return isfinite(*heaviest)
               ? DMS_OK
               : dms_fail(err, DMS_EFORMAT,
                          "tensor %s: its values times their scales are not "
                          "finite; the model cannot be run",
                          weight_of(t)->name);
}

/* The value of one unit of each channel's integer sum, in units of Y. */
static dms_status set_scales(dnnl_primitive_attr_t attr, const dms_job *t,
                             dms_error *err)
{
    const dms_node *node = t->node;
    int64_t channels = node->shape.c;
    float *unit = dms_calloc(2 * (size_t)channels, sizeof *unit);
    float heaviest;
    dms_status st;

    if (!unit)
        return dms_fail_memory(err, "convolution");
    dms_fold_units(unit, unit + channels, node, t->params);
    for (int64_t o = 0; o < channels && dms_type_is_integer(node->type); o++)
        unit[o] /= node->scale;
    TRY(find_heaviest(&heaviest, t, unit, (size_t)channels, err));
    TRY(dms_dnnl_check(
        dnnl_primitive_attr_set_output_scales(attr, channels, 1 << 1, unit),
        "scales", err));
done:
    dms_free(unit);
    return st;
}

/* T in Y's units; an integer T has its own type, U8 or S8. */
static dnnl_status_t append_sum(dnnl_post_ops_t post, const dms_node *node)
{
    const dms_node *term = node->in[node->in_count - 1];

    if (!dms_type_is_integer(node->type))
        return dnnl_post_ops_append_sum(post, 1.0f);
    return dnnl_post_ops_append_sum_v2(post, term->scale / node->scale,
                                       term->type == DMS_TYPE_U8 ? dnnl_u8
                                                                 : dnnl_s8);
}

static dms_status make_attributes(dnnl_primitive_attr_t *attr, const dms_job *t,
                                  dms_error *err)
{
    const dms_node *node = t->node;
    dnnl_post_ops_t post = NULL;
    dms_status st;

    TRY(dms_dnnl_check(dnnl_primitive_attr_create(attr), "attributes", err));
    TRY(dms_dnnl_check(dnnl_post_ops_create(&post), "attributes", err));
    if (node->attr.quantised)
        TRY(set_scales(*attr, t, err));
    if (node->attr.sum)
        TRY(dms_dnnl_check(append_sum(post, node), "attributes", err));
    if (node->attr.relu)
        TRY(dms_dnnl_check(dnnl_post_ops_append_eltwise(
                               post, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f),
                           "attributes", err));
    TRY(dms_dnnl_check(dnnl_primitive_attr_set_post_ops(*attr, post),
                       "attributes", err));
    TRY(dms_dnnl_check(dnnl_primitive_attr_set_scratchpad_mode(
                           *attr, dnnl_scratchpad_mode_user),
                       "attributes", err));
done:
    if (post)
        dnnl_post_ops_destroy(post);
    return st;
}

/* A Winograd kernel if wanted and available, otherwise the direct kernel. */
static dms_status choose_kernel(dnnl_primitive_desc_t *pd, const dms_job *t,
                                const fused_descs *d,
                                const_dnnl_primitive_attr_t attr,
                                dms_error *err)
{
    const dms_backend *backend = t->backend;
    const dnnl_memory_desc_t *bias = has_bias(t) ? &d->bias : NULL;
    dnnl_status_t status = dnnl_unimplemented;

    for (int direct = !dms_wants_winograd(t); direct < 2; direct++) {
        dnnl_convolution_desc_t desc;

        status = dnnl_convolution_forward_desc_init(
            &desc, dnnl_forward_inference,
            direct ? dnnl_convolution_direct : dnnl_convolution_winograd,
            &d->x_wish, &d->w_wish, bias, &d->y, d->strides, d->padding,
            d->padding);
        if (status == dnnl_success)
            status = dnnl_primitive_desc_create(pd, &desc, attr,
                                                backend->engine, NULL);
        if (status == dnnl_success)
            break;
    }
    return dms_dnnl_check(status, "convolution", err);
}

static size_t aligned(size_t size)
{
    return (size + 63) / 64 * 64;
}

/* Digest of the content and order of the kept bytes. */
static uint64_t kept_form(const fused_state *s, const dms_job *t,
                          const dnnl_memory_desc_t *w)
{
    const dms_node *node = t->node;
    const uint64_t made_of[] = {node->param[0], node->attr.norm,
                                node->attr.quantised, s->bias_at};

    return dms_hash_bytes(
        dms_hash_bytes(DMS_HASH_START, made_of, sizeof made_of), w, sizeof *w);
}

/* Lay out the kept bytes and the scratch for folding. */
static void plan_memory(fused_state *s, const dms_job *t,
                        const dnnl_memory_desc_t *x,
                        const dnnl_memory_desc_t *w, dms_needs *needs)
{
    const dms_attr *attr = &t->node->attr;
    size_t channels = (size_t)t->node->shape.c;

    s->folds = attr->norm || weight_of(t)->integers;
    s->w_kept = s->w_reordered || s->folds;
    s->bias_at = s->w_kept ? aligned(dnnl_memory_desc_get_size(w)) : 0;
    needs->saved = s->x_reordered ? dnnl_memory_desc_get_size(x) : 0;
    needs->kept = s->bias_at + (s->folds ? channels * sizeof(float) : 0);
    needs->form = kept_form(s, t, w);
    s->folded_at = aligned(needs->scratch);
    if (s->folds)
        needs->scratch =
            s->folded_at +
            (attr->quantised ? channels : weight_of(t)->len) * sizeof(float);
}

static dms_status make_forward(fused_state *s, const dms_job *t,
                               const fused_descs *d, dnnl_primitive_desc_t pd,
                               dms_needs *needs, dms_error *err)
{
    dms_status st;
    const dms_backend *backend = t->backend;
    dnnl_memory_desc_t x = dms_pd_desc(pd, dnnl_query_src_md);
    dnnl_memory_desc_t w = dms_pd_desc(pd, dnnl_query_weights_md);

    TRY(dms_prim_create(&s->forward, backend, pd, "convolution", needs, err));
    TRY(dms_prim_reorder(&s->x_reorder, &s->x_reordered, backend, &d->x, &x,
                         needs, err));
    TRY(dms_prim_reorder(&s->w_reorder, &s->w_reordered, backend, &d->w, &w,
                         needs, err));
    TRY(dms_prim_arg(&s->forward, backend, DNNL_ARG_SRC, &x, err));
    TRY(dms_prim_arg(&s->forward, backend, DNNL_ARG_WEIGHTS, &w, err));
    TRY(dms_prim_arg(&s->forward, backend, DNNL_ARG_DST, &d->y, err));
    if (has_bias(t))
        TRY(dms_prim_arg(&s->forward, backend, DNNL_ARG_BIAS, &d->bias, err));
    plan_memory(s, t, &x, &w, needs);
done:
    return st;
}

static dms_status fused_prepare(dms_job *t, dms_needs *needs, dms_error *err)
{
    dms_status st;
    fused_state *s = dms_calloc(1, sizeof *s);
    fused_descs d = describe(t);
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;

    if (!s)
        return dms_fail_memory(err, "convolution");
    t->state = s;
    TRY(make_attributes(&attr, t, err));
    TRY(choose_kernel(&pd, t, &d, attr, err));
    TRY(make_forward(s, t, &d, pd, needs, err));
done:
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return st;
}

/* Find the largest |weight|; checks that weight and bias are finite. */
static dms_status weigh(dms_job *t, const float *weight, size_t len,
                        dms_error *err)
{
    const fused_state *s = t->state;
    float bias;
    dms_status st;

    TRY(find_heaviest(&t->heaviest, t, weight, len, err));
    if (s->folds)
        TRY(find_heaviest(&bias, t, kept_at(t, s->bias_at),
                          (size_t)t->node->shape.c, err));
done:
    return st;
}

/* Prepare the weight for the kernel from the current parameters. */
static dms_status fused_load(dms_job *t, dms_error *err)
{
    const fused_state *s = t->state;
    float *folded = (float *)((char *)t->scratch + s->folded_at);
    const void *plain = t->w[0];
    dms_status st;

    if (t->node->attr.quantised) {
        dms_fold_units(folded, kept_at(t, s->bias_at), t->node, t->params);
        TRY(weigh(t, folded, (size_t)t->node->shape.c, err));
        plain = weight_of(t)->integers;
    } else {
        if (s->folds && !s->w_reordered)
            folded = t->kept;
        if (s->folds)
            dms_fold_norm(folded, kept_at(t, s->bias_at), t->node, t->params);
        plain = s->folds ? folded : plain;
        TRY(weigh(t, plain, weight_of(t)->len, err));
    }
    if (s->w_reordered)
        st = dms_prim_run(&s->w_reorder, t->backend, t->scratch,
                          (const void *[]){plain, t->kept}, err);
    if (s->w_kept)
        dms_param_let_go(t->params, t->node->param[0]);
done:
    return st;
}

static dms_status fused_forward(dms_job *t, dms_error *err)
{
    dms_status st;
    const dms_node *node = t->node;
    const fused_state *s = t->state;
    const void *x = t->x[0];
    const void *bias = s->folds ? kept_at(t, s->bias_at) : t->w[1];

    if (s->x_reordered) {
        TRY(dms_prim_run(&s->x_reorder, t->backend, t->scratch,
                         (const void *[]){x, t->saved}, err));
        x = t->saved;
    }
    if (node->attr.sum && t->x[1] != t->y)
        memcpy(t->y, t->x[1],
               dms_shape_len(&node->shape) * dms_type_size(node->type));
    TRY(dms_prim_run(
        &s->forward, t->backend, t->scratch,
        (const void *[]){x, s->w_kept ? t->kept : t->w[0], t->y, bias}, err));
done:
    return st;
}

const dms_op dms_op_conv_fused = {
    .name = "conv_fused",
    .any_layout = true,
    .typed = true,
    .fuses_relu = true,
    .fuses_sum = true,
    .prepare = fused_prepare,
    .load = fused_load,
    .forward = fused_forward,
    .release = fused_release,
    .flops = dms_weight_flops,
    .emit = dms_emit_conv_fused,
};
