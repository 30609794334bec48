/* ONNX nodes and constants that several ops write. */
#include "ops/emit.h"

#include <stdio.h>

const char *dms_emit_param_as(const dms_emit *e, int p, int axes,
                              const int64_t *shape)
{
    const dms_param *param = &e->params->items[e->node->param[p]];
    dms_onnx_tensor tensor = {
        .name = param->name, .type = DMS_ONNX_F32, .axes = axes};

    for (int i = 0; i < axes; i++)
        tensor.shape[i] = shape[i];
    if (!dms_onnx_has_tensor(e->onnx, param->name))
        dms_onnx_borrow(e->onnx, &tensor,
                        dms_param_value(e->params, e->node->param[p]));
    return param->name;
}

const char *dms_emit_param(const dms_emit *e, int p)
{
    const dms_param *param = &e->params->items[e->node->param[p]];

    return dms_emit_param_as(e, p, param->axes, param->shape);
}

void dms_emit_op(const dms_emit *e, const char *op)
{
    dms_onnx_node node = {.op = op, .name = e->name, .outputs = {e->y}};

    for (int k = 0; k < e->node->in_count; k++)
        node.inputs[k] = e->x[k];
    dms_onnx_add(e->onnx, &node);
}

const char *dms_emit_weight(const dms_emit *e)
{
    const dms_param *param = &e->params->items[e->node->param[0]];
    int64_t shape[] = {param->shape[0], param->shape[1], 1, 1};

    return param->axes == 2 ? dms_emit_param_as(e, 0, 4, shape)
                            : dms_emit_param(e, 0);
}

void dms_emit_conv(const dms_emit *e, const char *weight, const char *bias)
{
    const dms_attr *attr = &e->node->attr;
    int64_t side = attr->kernel / 2;

    dms_onnx_add(e->onnx, &(dms_onnx_node){.op = "Conv",
                                           .name = e->y,
                                           .inputs = {e->x[0], weight, bias},
                                           .outputs = {e->y}});
    dms_onnx_ints(e->onnx, "kernel_shape",
                  (const int64_t[]){attr->kernel, attr->kernel}, 2);
    dms_onnx_ints(e->onnx, "strides",
                  (const int64_t[]){attr->stride, attr->stride}, 2);
    dms_onnx_ints(e->onnx, "pads", (const int64_t[]){side, side, side, side},
                  4);
    dms_onnx_int(e->onnx, "group", attr->groups);
}

const char *dms_emit_name(char text[DMS_EMIT_NAME_MAX], const dms_emit *e,
                          const char *part)
{
    snprintf(text, DMS_EMIT_NAME_MAX, "%s/%s", e->name, part);
    return text;
}

typedef float weight_of(int64_t i, int64_t j, int64_t out, int64_t in);

/* A constant of out x in weights, or its transpose. */
static void emit_matrix(const dms_emit *e, const char *name, int64_t out,
                        int64_t in, bool transposed, weight_of *weight)
{
    dms_onnx_tensor tensor = {
        .name = name,
        .type = DMS_ONNX_F32,
        .axes = 2,
        .shape = {transposed ? in : out, transposed ? out : in}};
    float *values = dms_onnx_take(e->onnx, &tensor);

    for (int64_t i = 0; values && i < out; i++)
        for (int64_t j = 0; j < in; j++)
            values[transposed ? j * out + i : i * in + j] =
                weight(i, j, out, in);
}

void dms_emit_separable(const dms_emit *e, weight_of *weight)
{
    const dms_shape *in = &e->node->in[0]->shape;
    const dms_shape *out = &e->node->shape;
    char rows[DMS_EMIT_NAME_MAX], columns[DMS_EMIT_NAME_MAX];
    char between[DMS_EMIT_NAME_MAX];

    dms_emit_name(rows, e, "rows");
    dms_emit_name(columns, e, "columns");
    dms_emit_name(between, e, "between");
    emit_matrix(e, rows, out->h, in->h, false, weight);
    emit_matrix(e, columns, out->w, in->w, true, weight);
    dms_onnx_add(e->onnx, &(dms_onnx_node){.op = "MatMul",
                                           .name = between,
                                           .inputs = {rows, e->x[0]},
                                           .outputs = {between}});
    dms_onnx_add(e->onnx, &(dms_onnx_node){.op = "MatMul",
                                           .name = e->name,
                                           .inputs = {between, columns},
                                           .outputs = {e->y}});
}

void dms_emit_split(const dms_emit *e, const char *x, const char *const *parts,
                    int count)
{
    char name[DMS_EMIT_NAME_MAX];
    dms_onnx_node node = {
        .op = "Split", .name = dms_emit_name(name, e, "split"), .inputs = {x}};

    for (int i = 0; i < count && i < DMS_ONNX_OUTPUTS; i++)
        node.outputs[i] = parts[i];
    dms_onnx_add(e->onnx, &node);
    dms_onnx_int(e->onnx, "axis", 0);
}

void dms_emit_rounding(const dms_emit *e, const char *x, const char *y,
                       dms_type type, float scale)
{
    char names[4][DMS_EMIT_NAME_MAX + 16];
    float *scale_value;
    uint8_t *zero_value;

    snprintf(names[0], sizeof *names, "%s/int8", y);
    snprintf(names[1], sizeof *names, "%s/scale", y);
    snprintf(names[2], sizeof *names, "%s/zero", y);
    snprintf(names[3], sizeof *names, "%s/rounded", y);
    scale_value = dms_onnx_take(
        e->onnx, &(dms_onnx_tensor){.name = names[1], .type = DMS_ONNX_F32});
    zero_value = dms_onnx_take(
        e->onnx, &(dms_onnx_tensor){.name = names[2], .type = DMS_ONNX_U8});
    if (!scale_value || !zero_value)
        return;
    *scale_value = scale;
    *zero_value = type == DMS_TYPE_S8 ? 128 : 0;
    dms_onnx_add(e->onnx, &(dms_onnx_node){.op = "QuantizeLinear",
                                           .name = names[0],
                                           .inputs = {x, names[1], names[2]},
                                           .outputs = {names[0]}});
    dms_onnx_add(e->onnx,
                 &(dms_onnx_node){.op = "DequantizeLinear",
                                  .name = names[3],
                                  .inputs = {names[0], names[1], names[2]},
                                  .outputs = {y}});
}
