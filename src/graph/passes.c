#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/op.h"

static size_t count_readers(const dms_graph *graph, const dms_node *value)
{
    size_t readers = 0;

    for (size_t i = 0; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i]->in_count; k++)
            readers += graph->nodes[i]->in[k] == value;
    return readers;
}

static void replace_readers(dms_graph *graph, const dms_node *old,
                            dms_node *new)
{
    for (size_t i = 0; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i]->in_count; k++)
            if (graph->nodes[i]->in[k] == old)
                graph->nodes[i]->in[k] = new;
}

static void remove_node(dms_graph *graph, size_t index)
{
    dms_free(graph->nodes[index]);
    graph->count--;
    memmove(&graph->nodes[index], &graph->nodes[index + 1],
            (graph->count - index) * sizeof(dms_node *));
    for (size_t i = index; i < graph->count; i++)
        graph->nodes[i]->index = i;
}

void dms_pass_fold_norm(dms_graph *graph, const dms_op *norm)
{
    for (size_t i = graph->count; i-- > 0;) {
        dms_node *node = graph->nodes[i];
        dms_node *producer = node->in_count ? node->in[0] : NULL;

        if (node->op != norm || graph->training || !producer->op->takes_norm ||
            count_readers(graph, producer) != 1)
            continue;
        producer->attr.norm = true;
        for (int p = 0; p < 4; p++) /* scale, shift, mean, variance */
            producer->param[producer->param_count++] = node->param[p];
        replace_readers(graph, node, producer);
        remove_node(graph, i);
    }
}

void dms_pass_fuse_relu(dms_graph *graph, const dms_op *relu)
{
    for (size_t i = graph->count; i-- > 0;) {
        dms_node *node = graph->nodes[i];
        dms_node *producer = node->in_count ? node->in[0] : NULL;

        if (node->op != relu || !producer->op->fuses_relu ||
            count_readers(graph, producer) != 1)
            continue;
        producer->attr.relu = true;
        replace_readers(graph, node, producer);
        remove_node(graph, i);
    }
}

static dms_node *find_reorder(const dms_graph *graph, const dms_op *reorder,
                              const dms_node *value, dms_layout layout)
{
    for (size_t i = 0; i < graph->count; i++) {
        dms_node *node = graph->nodes[i];

        if (node->op == reorder && node->in[0] == value &&
            node->layout == layout)
            return node;
    }
    return NULL;
}

/* A new reorder of value, standing just before reader. */
static dms_node *insert_reorder(dms_graph *graph, const dms_op *reorder,
                                dms_node *value, const dms_node *reader,
                                dms_layout layout)
{
    dms_node_spec spec = {
        .op = reorder, .in = {value}, .in_count = 1, .shape = value->shape};
    dms_node *node = dms_graph_add(graph, &spec);
    size_t place = reader->index;

    if (!node)
        return NULL;
    node->layout = layout;
    memmove(&graph->nodes[place + 1], &graph->nodes[place],
            (graph->count - 1 - place) * sizeof(dms_node *));
    graph->nodes[place] = node;
    for (size_t i = place; i < graph->count; i++)
        graph->nodes[i]->index = i;
    return node;
}

/* The layout in which node reads its k-th input. */
static dms_layout wanted_layout(const dms_node *node, int k)
{
    if (k == 0 && node->op->any_layout)
        return node->in[0]->layout;
    return node->op->any_layout ? node->in[0]->layout : DMS_LAYOUT_NHWC;
}

/* Vectors lie the same way in every layout. */
static bool fits(const dms_node *value, dms_layout layout)
{
    return value->layout == layout ||
           (value->shape.h == 1 && value->shape.w == 1);
}

static dms_layout output_layout(const dms_graph *graph, const dms_node *node)
{
    dms_layout layout;

    if (node->in_count == 0)
        return node->layout;
    layout = wanted_layout(node, 0);
    if (layout == DMS_LAYOUT_NCHW)
        layout = graph->map_layout;
    if (layout == DMS_LAYOUT_BLOCKED && node->shape.c % graph->block != 0)
        layout = DMS_LAYOUT_NHWC;
    return layout;
}

static dms_status give_inputs(dms_graph *graph, const dms_op *reorder,
                              dms_node *node, dms_error *err)
{
    for (int k = 0; k < node->in_count; k++) {
        dms_node *value = node->in[k];
        dms_layout layout = wanted_layout(node, k);
        dms_node *between;

        if (fits(value, layout))
            continue;
        between = find_reorder(graph, reorder, value, layout);
        if (!between)
            between = insert_reorder(graph, reorder, value, node, layout);
        if (!between)
            return dms_fail(err, graph->error.code, "%s", graph->error.message);
        node->in[k] = between;
    }
    return DMS_OK;
}

dms_status dms_pass_layout(dms_graph *graph, const dms_op *reorder,
                           dms_error *err)
{
    /* Nodes put in before node push it on; its index keeps the place. */
    for (size_t i = 0; i < graph->count; i++) {
        dms_node *node = graph->nodes[i];
        dms_status st;

        if (node->op == reorder)
            continue;
        st = give_inputs(graph, reorder, node, err);
        if (st != DMS_OK)
            return st;
        node->layout = output_layout(graph, node);
        i = node->index;
    }
    return DMS_OK;
}
