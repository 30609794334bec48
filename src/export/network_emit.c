/* The network as ONNX: each node's op writes itself (dms_op.emit). */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "net/network.h"
#include "ops/emit.h"
#include "ops/ops.h"

typedef struct node_name {
    char text[DMS_EMIT_NAME_MAX];
} node_name;

static bool is_taken(const node_name *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i].text, name) == 0)
            return true;
    return false;
}

/* Outputs have given names; a node with parameters gets their prefix,
 * "backbone.layer1.0.conv1"; others get their op and index, "relu_12". */
static void name_node(node_name *names, const dms_network *net, size_t index)
{
    const dms_node *node = net->graph->nodes[index];
    const char *param, *dot;

    if (node == net->images || node == net->patient || node == net->eye) {
        snprintf(names[index].text, sizeof names->text, "%s",
                 node == net->images    ? "images"
                 : node == net->patient ? "patient_logits"
                                        : "eye_logits");
        return;
    }
    if (node->param_count > 0) {
        param = net->graph->params->items[node->param[0]].name;
        dot = strrchr(param, '.');
        snprintf(names[index].text, sizeof names->text, "%.*s",
                 dot ? (int)(dot - param) : (int)strlen(param), param);
        if (!is_taken(names, index, names[index].text))
            return;
    }
    snprintf(names[index].text, sizeof names->text, "%s_%zu", node->op->name,
             index);
}

/* Does reader read its k-th input rounded to integers? */
static bool takes_rounded(const dms_node *reader, int k)
{
    const dms_node *value = reader->in[k];

    if (!dms_type_is_integer(value->narrow))
        return false;
    if (dms_node_makes_integers(value))
        return true;
    return reader->attr.quantised &&
           (k == 0 || dms_node_makes_integers(reader));
}

/* The name of the value before rounding, if it is rounded afterwards. */
static const char *exact_name(char text[DMS_EMIT_NAME_MAX],
                              const node_name *name)
{
    snprintf(text, DMS_EMIT_NAME_MAX, "%.*s/exact", DMS_EMIT_NAME_MAX - 8,
             name->text);
    return text;
}

static dms_status emit_node(dms_onnx *onnx, const dms_graph *graph,
                            const node_name *names, size_t index,
                            dms_error *err)
{
    const dms_node *node = graph->nodes[index];
    char exact[DMS_NODE_INPUTS + 1][DMS_EMIT_NAME_MAX];
    bool rounded = dms_type_is_integer(node->narrow);
    const char *y = names[index].text;
    dms_emit e = {
        .onnx = onnx,
        .node = node,
        .params = graph->params,
        .y = rounded ? exact_name(exact[DMS_NODE_INPUTS], &names[index]) : y,
        .name = y};

    for (int k = 0; k < node->in_count; k++) {
        const node_name *name = &names[node->in[k]->index];

        e.x[k] =
            dms_type_is_integer(node->in[k]->narrow) && !takes_rounded(node, k)
                ? exact_name(exact[k], name)
                : name->text;
    }
    if (!node->op->emit)
        return dms_fail(err, DMS_EINTERNAL, "op %s has no ONNX form",
                        node->op->name);
    node->op->emit(&e);
    if (rounded)
        dms_emit_rounding(&e, e.y, y, node->narrow, node->scale);
    return DMS_OK;
}

/* A quantised network is written as it runs, with norms, sums and relus fused
 * into its convolutions. */
static void rewrite(dms_graph *graph, bool fold_norms)
{
    if (fold_norms)
        dms_pass_fold_norm(graph, &dms_op_batch_norm);
    if (!dms_params_quantised(graph->params))
        return;
    dms_pass_fuse_relu(graph, &dms_op_relu);
    dms_pass_fuse_add(graph, &dms_op_add);
    dms_pass_narrow(graph);
}

dms_status dms_network_emit(dms_onnx *onnx, dms_network *network,
                            bool fold_norms, dms_error *err)
{
    dms_status st = DMS_OK;
    const dms_graph *graph = network->graph;
    node_name *names;

    if (!fold_norms && dms_params_quantised(graph->params))
        return dms_fail(err, DMS_EINVAL,
                        "a quantised model has its norms folded into its "
                        "convolutions: they cannot be kept separate");
    rewrite(network->graph, fold_norms);
    names = dms_calloc(graph->count, sizeof *names);
    if (!names)
        return dms_fail_memory(err, "ONNX graph");
    for (size_t i = 0; i < graph->count; i++)
        name_node(names, network, i);
    for (size_t i = 0; i < graph->count && st == DMS_OK; i++)
        if (graph->nodes[i] != network->images)
            st = emit_node(onnx, graph, names, i, err);
    dms_free(names);
    return st;
}
