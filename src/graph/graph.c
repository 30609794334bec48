#include "graph/graph.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/number.h"
#include "graph/op.h"

dms_graph *dms_graph_create(dms_params *params, dms_run_mode mode)
{
    dms_graph *graph = dms_calloc(1, sizeof *graph);

    if (graph) {
        graph->params = params;
        graph->mode = mode;
        graph->block = 16;
    }
    return graph;
}

void dms_graph_destroy(dms_graph *graph)
{
    if (!graph)
        return;
    for (size_t i = 0; i < graph->count; i++)
        dms_free(graph->nodes[i]);
    dms_free(graph->nodes);
    dms_free(graph);
}

dms_node *dms_graph_fail(dms_graph *graph, dms_status status,
                         const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    dms_vformat(text, sizeof text, format, args);
    va_end(args);
    dms_fail(&graph->error, status, "%s", text);
    return NULL;
}

static bool reserve_node(dms_graph *graph)
{
    size_t capacity = graph->capacity ? 2 * graph->capacity : 512;
    dms_node **nodes;

    if (graph->count < graph->capacity)
        return true;
    nodes = dms_resize(graph->nodes, capacity, sizeof(dms_node *));
    if (!nodes)
        return false;
    graph->nodes = nodes;
    graph->capacity = capacity;
    return true;
}

dms_node *dms_graph_add(dms_graph *graph, const dms_node_spec *spec)
{
    dms_node *node;

    for (int i = 0; i < spec->in_count; i++)
        if (!spec->in[i])
            return NULL;
    node = reserve_node(graph) ? dms_calloc(1, sizeof *node) : NULL;
    if (!node)
        return dms_graph_fail(graph, DMS_ENOMEM, "out of memory (graph)");
    node->op = spec->op;
    node->attr = spec->attr;
    node->shape = spec->shape;
    node->part = graph->part;
    node->segment = graph->segment;
    node->in_count = spec->in_count;
    for (int i = 0; i < spec->in_count; i++) {
        node->in[i] = spec->in[i];
        node->needs_grad |= spec->in[i]->needs_grad;
    }
    node->index = graph->count;
    graph->nodes[graph->count++] = node;
    return node;
}

dms_node *dms_graph_map(dms_graph *graph, const dms_op *op, dms_node *x)
{
    dms_node_spec spec = {.op = op, .in = {x}, .in_count = 1};

    if (!x)
        return NULL;
    spec.shape = x->shape;
    return dms_graph_add(graph, &spec);
}

/* Why this row cannot be node's next parameter; NULL if it can. */
static const char *find_frozen_fault(const dms_graph *graph,
                                     const dms_node *node,
                                     const dms_param *param)
{
    const dms_params *params = graph->params;

    if (graph->mode.gradients != DMS_GRADIENTS_PARAMS)
        return NULL;
    if (node->param_count > 0 &&
        params->items[node->param[0]].frozen != param->frozen)
        return "only part of its layer is frozen; freeze all of it or none";
    /* such a node would need a backward through data only; training freezes
     * the first stages */
    if (param->frozen && node->needs_grad)
        return "frozen, but a layer before it is trained";
    return NULL;
}

void dms_graph_param(dms_graph *graph, dms_node *node, const char *name,
                     const char *suffix, const dms_param *spec)
{
    dms_param wanted = *spec;
    const dms_param *param;
    const char *fault;

    if (!node)
        return;
    snprintf(wanted.name, sizeof wanted.name, "%s.%s", name, suffix);
    if (wanted.block_out == 0)
        wanted.block_out = wanted.block_in = 1;
    param = dms_params_declare(graph->params, &wanted);
    if (!param && !graph->params->value &&
        !dms_params_find(graph->params, wanted.name)) {
        dms_graph_fail(graph, DMS_ENOMEM, "parameter %s: out of memory",
                       wanted.name);
        return;
    }
    if (!param) {
        dms_graph_fail(graph, DMS_EMISMATCH,
                       "parameter %s: not in the table, or declared there "
                       "with another shape",
                       wanted.name);
        return;
    }
    fault = find_frozen_fault(graph, node, param);
    if (fault) {
        dms_graph_fail(graph, DMS_EINVAL, "parameter %s: %s", wanted.name,
                       fault);
        return;
    }
    node->param[node->param_count++] = (size_t)(param - graph->params->items);
    node->needs_grad |= dms_node_trains(graph, node, node->param_count - 1);
}

void dms_graph_want_gradient(dms_graph *graph, dms_node *node)
{
    if (!node)
        return;
    node->wanted = node->needs_grad = true;
    for (size_t i = node->index + 1; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i]->in_count; k++)
            graph->nodes[i]->needs_grad |= graph->nodes[i]->in[k]->needs_grad;
}

bool dms_node_trains(const dms_graph *graph, const dms_node *node, int p)
{
    return graph->mode.gradients == DMS_GRADIENTS_PARAMS &&
           dms_param_trained(&graph->params->items[node->param[p]]);
}

bool dms_node_goes_back(const dms_graph *graph, const dms_node *node)
{
    for (int k = 0; k < node->in_count; k++)
        if (node->in[k]->needs_grad)
            return true;
    for (int p = 0; p < node->param_count; p++)
        if (dms_node_trains(graph, node, p))
            return true;
    return false;
}

size_t dms_type_size(dms_type type)
{
    static const size_t sizes[] = {[DMS_TYPE_F32] = sizeof(float),
                                   [DMS_TYPE_BF16] = sizeof(uint16_t),
                                   [DMS_TYPE_U8] = sizeof(uint8_t),
                                   [DMS_TYPE_S8] = sizeof(int8_t)};

    return sizes[type];
}

bool dms_type_is_integer(dms_type type)
{
    return type == DMS_TYPE_U8 || type == DMS_TYPE_S8;
}

size_t dms_shape_len(const dms_shape *shape)
{
    return (size_t)(shape->n * shape->c * shape->h * shape->w);
}
