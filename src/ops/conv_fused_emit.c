/* conv_fused in ONNX: Conv, then Add and Relu if they are fused in.
 *
 * A quantised one is written in QDQ form: integers and scales are constants,
 * each followed by its own DequantizeLinear. A program that knows the pattern
 * multiplies integers; any other computes the same in float. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/emit.h"
#include "ops/ops.h"

static const dms_param *weight_of(const dms_emit *e)
{
    return &e->params->items[e->node->param[0]];
}

/* The weight's description; a linear layer's weight gets a 1x1 kernel. */
static dms_onnx_tensor weight_tensor(const dms_emit *e, const char *name,
                                     dms_onnx_type type)
{
    const dms_param *param = weight_of(e);
    dms_onnx_tensor tensor = {.name = name, .type = type, .axes = 4};

    memcpy(tensor.shape, param->shape, sizeof tensor.shape);
    if (param->axes == 2)
        tensor.shape[2] = tensor.shape[3] = 1;
    return tensor;
}

static dms_onnx_tensor channels_tensor(const dms_emit *e, const char *name,
                                       dms_onnx_type type)
{
    return (dms_onnx_tensor){.name = name,
                             .type = type,
                             .axes = 1,
                             .shape = {weight_of(e)->shape[0]}};
}

/* W' and b' as constants. */
static void emit_folded(const dms_emit *e)
{
    char weight[DMS_EMIT_NAME_MAX], bias[DMS_EMIT_NAME_MAX];
    dms_onnx_tensor w_tensor =
        weight_tensor(e, dms_emit_name(weight, e, "weight"), DMS_ONNX_F32);
    dms_onnx_tensor b_tensor =
        channels_tensor(e, dms_emit_name(bias, e, "bias"), DMS_ONNX_F32);
    float *w = dms_onnx_take(e->onnx, &w_tensor);
    float *b = dms_onnx_take(e->onnx, &b_tensor);

    if (w && b)
        dms_fold_norm(w, b, e->node, e->params);
    dms_emit_conv(e, weight, bias);
}

/* Inputs and outputs for the constants of a quantised convolution; all but
 * weight have one element per output channel. */
typedef struct integers {
    int8_t *weight;
    int32_t *bias;
    float *weight_scale, *bias_scale;
} integers;

/* Fill one output channel. unit: the value of 1 in its integer sum, may be
 * negative; bias: in units. ONNX scales must be positive and the bias must fit
 * into 32 bits: a channel that is almost only bias gets coarser integers. */
static void fill_channel(const integers *out, const dms_emit *e, int64_t o,
                         float unit, float bias)
{
    const double limit = 1 << 30;
    const dms_param *param = weight_of(e);
    size_t row = param->len / (size_t)param->shape[0];
    const int8_t *from = param->integers + (size_t)o * row;
    double coarser = fmax(1, fabs((double)bias) / limit);
    double turn = (unit < 0 ? -1 : 1) / coarser;

    for (size_t i = 0; i < row; i++)
        out->weight[(size_t)o * row + i] =
            (int8_t)fmax(-127, rint(from[i] * turn));
    out->bias_scale[o] = (float)(fabs((double)unit) * coarser);
    out->weight_scale[o] = out->bias_scale[o] / e->node->in[0]->scale;
    out->bias[o] = (int32_t)rint((double)bias * turn);
}

static void fill(const integers *out, const dms_emit *e)
{
    int64_t channels = weight_of(e)->shape[0];
    float *unit = dms_calloc(2 * (size_t)channels, sizeof *unit);
    float *bias = unit + channels;

    if (!unit)
        return; /* dms_onnx_write reports it */
    dms_fold_units(unit, bias, e->node, e->params);
    for (int64_t o = 0; o < channels; o++)
        fill_channel(out, e, o, unit[o], bias[o]);
    dms_free(unit);
}

/* value = (constant - 0) * scale, along its first axis. */
static void dequantise(const dms_emit *e, const char *value,
                       const char *constant, const char *scale)
{
    dms_onnx_add(e->onnx, &(dms_onnx_node){.op = "DequantizeLinear",
                                           .name = value,
                                           .inputs = {constant, scale},
                                           .outputs = {value}});
    dms_onnx_int(e->onnx, "axis", 0);
}

static void emit_integers(const dms_emit *e)
{
    char names[6][DMS_EMIT_NAME_MAX];
    const char *weight = dms_emit_name(names[0], e, "weight");
    const char *bias = dms_emit_name(names[1], e, "bias");
    dms_onnx_tensor tensors[] = {
        weight_tensor(e, dms_emit_name(names[2], e, "weight_int8"),
                      DMS_ONNX_I8),
        channels_tensor(e, dms_emit_name(names[3], e, "bias_int32"),
                        DMS_ONNX_I32),
        channels_tensor(e, dms_emit_name(names[4], e, "weight_scale"),
                        DMS_ONNX_F32),
        channels_tensor(e, dms_emit_name(names[5], e, "bias_scale"),
                        DMS_ONNX_F32)};
    integers out = {dms_onnx_take(e->onnx, &tensors[0]),
                    dms_onnx_take(e->onnx, &tensors[1]),
                    dms_onnx_take(e->onnx, &tensors[2]),
                    dms_onnx_take(e->onnx, &tensors[3])};

    if (out.weight && out.bias && out.weight_scale && out.bias_scale)
        fill(&out, e);
    dequantise(e, weight, names[2], names[4]);
    dequantise(e, bias, names[3], names[5]);
    dms_emit_conv(e, weight, bias);
}

static void emit_convolution(const dms_emit *e)
{
    const dms_attr *attr = &e->node->attr;

    if (attr->quantised)
        emit_integers(e);
    else if (attr->norm || weight_of(e)->integers)
        emit_folded(e);
    else
        dms_emit_conv(e, dms_emit_weight(e),
                      attr->bias ? dms_emit_param(e, 1) : NULL);
}

/* Other programs also round the convolution before the addition if both terms
 * are integers. */
static const char *round_branch(const dms_emit *e, char *rounded,
                                const char *value)
{
    size_t row = weight_of(e)->scale[DMS_SCALE_BRANCH];

    if (row == 0 || !dms_node_makes_integers(e->node))
        return value;
    dms_emit_rounding(e, value, dms_emit_name(rounded, e, "branch"),
                      DMS_TYPE_S8, *dms_param_value(e->params, row));
    return rounded;
}

static void emit_node(const dms_emit *e, const char *op, const char *a,
                      const char *b, const char *y)
{
    dms_onnx_add(e->onnx,
                 &(dms_onnx_node){
                     .op = op, .name = y, .inputs = {a, b}, .outputs = {y}});
}

void dms_emit_conv_fused(const dms_emit *e)
{
    const dms_node *node = e->node;
    char conv[DMS_EMIT_NAME_MAX], branch[DMS_EMIT_NAME_MAX];
    char sum[DMS_EMIT_NAME_MAX];
    dms_emit first = *e;
    const char *value;

    dms_emit_name(conv, e, "conv");
    dms_emit_name(sum, e, "sum");
    value = first.y = node->attr.sum || node->attr.relu ? conv : e->y;
    emit_convolution(&first);
    if (node->attr.sum) {
        const char *y = node->attr.relu ? sum : e->y;

        emit_node(e, "Add", round_branch(e, branch, value),
                  e->x[node->in_count - 1], y);
        value = y;
    }
    if (node->attr.relu)
        emit_node(e, "Relu", value, NULL, e->y);
}
