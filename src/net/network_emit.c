/* The network as ONNX: each node of the description writes itself. */
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

/* The outputs' names are given; a node with parameters is called as they are,
 * "backbone.layer1.0.conv1"; others as their op and place, "relu_12". */
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

static dms_status emit_node(dms_onnx *onnx, const dms_graph *graph,
                            const node_name *names, size_t index,
                            dms_error *err)
{
    const dms_node *node = graph->nodes[index];
    dms_emit e = {.onnx = onnx,
                  .node = node,
                  .params = graph->params,
                  .y = names[index].text,
                  .name = names[index].text};

    for (int k = 0; k < node->in_count; k++)
        e.x[k] = names[node->in[k]->index].text;
    if (!node->op->emit)
        return dms_fail(err, DMS_EINTERNAL, "op %s has no form in ONNX",
                        node->op->name);
    node->op->emit(&e);
    return DMS_OK;
}

dms_status dms_network_emit(dms_onnx *onnx, dms_network *network,
                            bool fold_norms, dms_error *err)
{
    dms_status st = DMS_OK;
    const dms_graph *graph = network->graph;
    node_name *names;

    if (fold_norms)
        dms_pass_fold_norm(network->graph, &dms_op_batch_norm);
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
