/* Rewrites of a finished graph, before it runs; graph.h says what each does and
 * in which order. They rely on nodes being in the order in which they run. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/op.h"

/* The largest integer of each type. */
#define LEVELS_U8 255.0f
#define LEVELS_S8 127.0f

/* A caller who wants value's gradient counts as a reader. */
static size_t count_readers(const dms_graph *graph, const dms_node *value)
{
    size_t readers = value->wanted;

    for (size_t i = 0; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i]->in_count; k++)
            readers += graph->nodes[i]->in[k] == value;
    return readers;
}

/* Remove the node at index: heir now produces its value and is watched in its
 * place. */
static void hand_over(dms_graph *graph, size_t index, dms_node *heir)
{
    const dms_node *node = graph->nodes[index];

    for (size_t i = 0; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i]->in_count; k++)
            if (graph->nodes[i]->in[k] == node)
                graph->nodes[i]->in[k] = heir;
    if (node->watched)
        heir->watched = node->watched;
    dms_free(graph->nodes[index]);
    graph->count--;
    memmove(&graph->nodes[index], &graph->nodes[index + 1],
            (graph->count - index) * sizeof(dms_node *));
    for (size_t i = index; i < graph->count; i++)
        graph->nodes[i]->index = i;
}

void dms_pass_fold_norm(dms_graph *graph, const dms_op *norm)
{
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i]->op->fused &&
            !dms_node_goes_back(graph, graph->nodes[i]))
            graph->nodes[i]->op = graph->nodes[i]->op->fused;
    for (size_t i = graph->count; i-- > 0;) {
        dms_node *node = graph->nodes[i];
        dms_node *producer = node->in_count ? node->in[0] : NULL;

        assert(node->op != norm || producer);
        if (node->op != norm || node->wanted ||
            node->attr.statistics != DMS_STATISTICS_RUNNING ||
            !producer->op->fuses_sum || count_readers(graph, producer) != 1)
            continue;
        producer->attr.norm = true;
        for (int p = 0; p < 4; p++) /* scale, shift, mean, variance */
            producer->param[producer->param_count++] = node->param[p];
        hand_over(graph, i, producer);
    }
}

void dms_pass_fuse_relu(dms_graph *graph, const dms_op *relu)
{
    for (size_t i = graph->count; i-- > 0;) {
        dms_node *node = graph->nodes[i];
        dms_node *producer = node->in_count ? node->in[0] : NULL;

        assert(node->op != relu || producer);
        if (node->op != relu || node->wanted || !producer->op->fuses_relu ||
            count_readers(graph, producer) != 1)
            continue;
        producer->attr.relu = true;
        hand_over(graph, i, producer);
    }
}

/* The input of add that can take the other in: the later one, or NULL. */
static dms_node *summing_input(const dms_graph *graph, const dms_node *add)
{
    dms_node *later = add->in[add->in[1]->index > add->in[0]->index];

    return later->op->fuses_sum && !later->attr.relu && !later->attr.sum &&
                   count_readers(graph, later) == 1
               ? later
               : NULL;
}

void dms_pass_fuse_add(dms_graph *graph, const dms_op *add)
{
    for (size_t i = graph->count; i-- > 0;) {
        dms_node *node = graph->nodes[i];
        dms_node *sum = node->op == add ? summing_input(graph, node) : NULL;

        if (!sum || node->wanted || dms_node_goes_back(graph, node))
            continue;
        sum->attr.sum = true;
        sum->attr.relu = node->attr.relu;
        sum->in[sum->in_count++] = node->in[node->in[0] == sum];
        hand_over(graph, i, sum);
    }
}

bool dms_node_fills_blocks(const dms_graph *graph, const dms_node *node)
{
    return node->attr.groups == 1 && node->shape.c % graph->block == 0 &&
           node->shape.h * node->shape.w > 1;
}

void dms_pass_type(dms_graph *graph, const dms_op *op, const dms_node *last,
                   dms_type type)
{
    size_t end = last ? last->index + 1 : graph->count;

    for (size_t i = 0; i < end; i++) {
        dms_node *node = graph->nodes[i];

        if (node->op == op && dms_node_fills_blocks(graph, node))
            node->attr.type = type;
    }
}

/* Is value's range determined by convolutions alone? */
static bool has_range(const dms_node *value)
{
    bool all = value->op->bounded || value->op->fuses_sum;

    for (int k = 0; value->op->bounded && k < value->in_count; k++)
        all = all && has_range(value->in[k]);
    return all;
}

bool dms_node_can_be_integer(const dms_graph *graph, const dms_node *node)
{
    return node->op->fuses_sum && dms_node_fills_blocks(graph, node) &&
           has_range(node->in[0]);
}

/* Widen scale and sign to cover the outputs of the convolutions that determine
 * value's range. false if one has no scale, or if something other than a
 * convolution determines the range. */
static bool find_range(const dms_graph *graph, const dms_node *value,
                       float *scale, bool *negative)
{
    size_t row;

    for (int k = 0; value->op->bounded && k < value->in_count; k++)
        if (!find_range(graph, value->in[k], scale, negative))
            return false;
    if (value->op->bounded)
        return true;
    row = value->op->fuses_sum
              ? graph->params->items[value->param[0]].scale[DMS_SCALE_OUTPUT]
              : 0;
    if (row == 0)
        return false;
    *scale = fmaxf(*scale, *dms_param_value(graph->params, row) *
                               (value->attr.relu ? LEVELS_U8 : LEVELS_S8));
    *negative |= !value->attr.relu;
    return true;
}

/* Mark value as wanted in integers, if its range is known. */
static bool want_narrow(const dms_graph *graph, dms_node *value)
{
    float range = 0;
    bool negative = false;

    if (!find_range(graph, value, &range, &negative))
        return false;
    value->narrow = negative ? DMS_TYPE_S8 : DMS_TYPE_U8;
    value->scale = range / (negative ? LEVELS_S8 : LEVELS_U8);
    return true;
}

void dms_pass_narrow(dms_graph *graph)
{
    /* readers before the values they read */
    for (size_t i = graph->count; i-- > 0;) {
        dms_node *node = graph->nodes[i];

        if (!dms_node_can_be_integer(graph, node) ||
            !graph->params->items[node->param[0]].integers ||
            !want_narrow(graph, node->in[0]))
            continue;
        node->attr.quantised = true;
        if (node->attr.sum && node->narrow != DMS_TYPE_F32)
            want_narrow(graph, node->in[node->in_count - 1]);
    }
}

bool dms_node_makes_integers(const dms_node *node)
{
    return node->attr.quantised && dms_type_is_integer(node->narrow) &&
           (!node->attr.sum ||
            dms_type_is_integer(node->in[node->in_count - 1]->narrow));
}

/* A value's layout and type. */
typedef struct form {
    dms_layout layout;
    dms_type type;
} form;

static dms_node *find_reorder(const dms_graph *graph, const dms_op *reorder,
                              const dms_node *value, form wanted)
{
    for (size_t i = 0; i < graph->count; i++) {
        dms_node *node = graph->nodes[i];

        if (node->op == reorder && node->in[0] == value &&
            node->layout == wanted.layout && node->type == wanted.type)
            return node;
    }
    return NULL;
}

/* Insert a reorder of value just before reader. */
static dms_node *insert_reorder(dms_graph *graph, const dms_op *reorder,
                                dms_node *value, const dms_node *reader,
                                form wanted)
{
    dms_node_spec spec = {
        .op = reorder, .in = {value}, .in_count = 1, .shape = value->shape};
    dms_node *node = dms_graph_add(graph, &spec);
    size_t place = reader->index;

    if (!node)
        return NULL;
    node->part = reader->part;
    node->segment = reader->segment;
    node->layout = wanted.layout;
    node->type = wanted.type;
    node->narrow = value->narrow;
    node->scale = value->scale;
    memmove(&graph->nodes[place + 1], &graph->nodes[place],
            (graph->count - 1 - place) * sizeof(dms_node *));
    graph->nodes[place] = node;
    for (size_t i = place; i < graph->count; i++)
        graph->nodes[i]->index = i;
    return node;
}

/* Can node use Winograd's algorithm? Its kernels need the blocked layout. */
static bool wants_blocks(const dms_graph *graph, const dms_node *node)
{
    return node->op->typed && node->attr.type == DMS_TYPE_F32 &&
           node->attr.kernel == 3 && node->attr.stride == 1 &&
           node->attr.groups == 1 && node->in[0]->shape.c % graph->block == 0 &&
           node->shape.c % graph->block == 0;
}

/* The form in which node reads its first input. Images stay as they are. */
static form first_form(const dms_graph *graph, const dms_node *node)
{
    const dms_node *value = node->in[0];
    form wanted = {DMS_LAYOUT_NHWC, DMS_TYPE_F32};

    if (node->attr.quantised)
        return (form){DMS_LAYOUT_NHWC, value->narrow};
    if (node->op->any_layout)
        wanted.layout = value->layout;
    if (wants_blocks(graph, node))
        wanted.layout = graph->map_layout;
    if (node->op->any_type && !dms_type_is_integer(value->type))
        wanted.type = value->type;
    if (node->op->typed && wanted.layout != DMS_LAYOUT_NCHW)
        wanted.type = node->attr.type;
    return wanted;
}

/* The form of node's output. */
static form output_form(const dms_graph *graph, const dms_node *node)
{
    form out = first_form(graph, node);

    if (out.layout == DMS_LAYOUT_NCHW)
        out.layout = graph->map_layout;
    if (out.layout == DMS_LAYOUT_BLOCKED && node->shape.c % graph->block != 0)
        out.layout = DMS_LAYOUT_NHWC;
    if (node->op->typed)
        out.type =
            dms_node_makes_integers(node) ? node->narrow : node->attr.type;
    return out;
}

/* The form in which node reads its k-th input: like the first, except that a
 * fused sum's term is read in the form of the sum; an integer term keeps its
 * own sign and scale. */
static form input_form(const dms_graph *graph, const dms_node *node, int k)
{
    form wanted;

    if (k == 0 || !node->attr.sum)
        return first_form(graph, node);
    wanted = output_form(graph, node);
    if (dms_type_is_integer(wanted.type))
        wanted.type = node->in[k]->narrow;
    return wanted;
}

static dms_status give_inputs(dms_graph *graph, const dms_op *reorder,
                              dms_node *node, dms_error *err)
{
    for (int k = node->in_count; k-- > 0;) { /* others depend on the first */
        dms_node *value = node->in[k];
        form wanted = input_form(graph, node, k);
        bool vector = value->shape.h == 1 && value->shape.w == 1;
        dms_node *between;

        /* vectors are the same in every layout */
        if (value->type == wanted.type &&
            (vector || value->layout == wanted.layout))
            continue;
        between = find_reorder(graph, reorder, value, wanted);
        if (!between)
            between = insert_reorder(graph, reorder, value, node, wanted);
        if (!between)
            return dms_fail(err, graph->error.code, "%s", graph->error.message);
        node->in[k] = between;
    }
    return DMS_OK;
}

dms_status dms_pass_layout(dms_graph *graph, const dms_op *reorder,
                           dms_error *err)
{
    /* Nodes inserted before node move it; its index follows. */
    for (size_t i = 0; i < graph->count; i++) {
        dms_node *node = graph->nodes[i];
        form out;
        dms_status st;

        if (node->op == reorder || node->in_count == 0)
            continue;
        out = output_form(graph, node);
        st = give_inputs(graph, reorder, node, err);
        if (st != DMS_OK)
            return st;
        node->layout = out.layout;
        node->type = out.type;
        i = node->index;
    }
    return DMS_OK;
}
