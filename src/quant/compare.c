/* Observes a net's layers while it runs; relies on the graph calling the
 * observer after each node. */
#include "quant/compare.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/op.h"
#include "graph/value.h"

struct dms_quant_outputs {
    dms_quant_layers *layers;
    float **kept; /* each layer's output, N x H x W x C */
    size_t *len;  /* its floats */
    float *given; /* one layer's output in the observed net */
    bool forced;
    int block;
};

static dms_quant_layer *layer_of(const dms_quant_layers *layers,
                                 const dms_node *node)
{
    return node->op->fuses_sum ? dms_quant_layer_of(layers, node->param[0])
                               : NULL;
}

static void count(void *user, const dms_node *node, void *y)
{
    dms_quant_layer *layer = layer_of(user, node);

    if (layer && layer->makes)
        dms_histogram_add(&layer->seen, y, dms_shape_len(&node->shape));
}

static void count_branch(void *user, const dms_node *node, void *y)
{
    dms_quant_layer *layer = layer_of(user, node);

    if (layer && layer->makes && layer->sums)
        dms_histogram_add(&layer->branch_seen, y, dms_shape_len(&node->shape));
}

dms_quant_watch dms_quant_count(dms_quant_layers *layers, bool apart)
{
    return (dms_quant_watch){apart ? count_branch : count, layers};
}

static dms_status take_memory(dms_quant_outputs *o, const dms_graph *graph,
                              dms_error *err)
{
    size_t longest = 0;

    for (size_t i = 0; i < graph->count; i++) {
        const dms_node *node = graph->nodes[i];
        const dms_quant_layer *layer = layer_of(o->layers, node);
        size_t at = layer ? (size_t)(layer - o->layers->items) : 0;

        if (!layer)
            continue;
        o->len[at] = dms_shape_len(&node->shape);
        o->kept[at] = dms_calloc(o->len[at], sizeof(float));
        if (!o->kept[at])
            return dms_fail_memory(err, "outputs to compare");
        if (o->len[at] > longest)
            longest = o->len[at];
    }
    o->given = dms_calloc(longest, sizeof(float));
    return o->given ? DMS_OK : dms_fail_memory(err, "outputs to compare");
}

dms_status dms_quant_outputs_create(dms_quant_outputs **out, const dms_net *net,
                                    dms_quant_layers *layers, dms_error *err)
{
    dms_status st;
    dms_quant_outputs *o = dms_calloc(1, sizeof *o);

    if (!o)
        return dms_fail_memory(err, "outputs to compare");
    o->layers = layers;
    o->block = dms_net_graph(net)->block;
    o->kept = dms_calloc(layers->count, sizeof(float *));
    o->len = dms_calloc(layers->count, sizeof *o->len);
    if (!o->kept || !o->len) {
        st = dms_fail_memory(err, "outputs to compare");
        goto done;
    }
    TRY(take_memory(o, dms_net_graph(net), err));
    *out = o, o = NULL;
done:
    dms_quant_outputs_destroy(o);
    return st;
}

void dms_quant_outputs_destroy(dms_quant_outputs *outputs)
{
    if (!outputs)
        return;
    for (size_t i = 0; outputs->kept && i < outputs->layers->count; i++)
        dms_free(outputs->kept[i]);
    dms_free(outputs->kept);
    dms_free(outputs->len);
    dms_free(outputs->given);
    dms_free(outputs);
}

/* By one thread, so that the sum is repeatable. */
static double sum_of_squares(const float *values, size_t len)
{
    double sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < len; i++)
        sum += (double)values[i] * (double)values[i];
    return sum;
}

static double squared_distance(const float *a, const float *b, size_t len)
{
    double sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < len; i++) {
        double d = (double)a[i] - (double)b[i];

        sum += d * d;
    }
    return sum;
}

static void keep(void *user, const dms_node *node, void *y)
{
    dms_quant_outputs *o = user;
    dms_quant_layer *layer = layer_of(o->layers, node);
    size_t at = layer ? (size_t)(layer - o->layers->items) : 0;

    if (!layer)
        return;
    dms_value_read(o->kept[at], node, y, o->block);
    layer->signal += sum_of_squares(o->kept[at], o->len[at]);
}

static void compare(void *user, const dms_node *node, void *y)
{
    dms_quant_outputs *o = user;
    dms_quant_layer *layer = layer_of(o->layers, node);
    size_t at = layer ? (size_t)(layer - o->layers->items) : 0;

    if (!layer)
        return;
    dms_value_read(o->given, node, y, o->block);
    *(o->forced ? &layer->own_noise : &layer->noise) +=
        squared_distance(o->given, o->kept[at], o->len[at]);
    if (o->forced)
        dms_value_write(y, node, o->kept[at], o->block);
}

dms_quant_watch dms_quant_outputs_keep(dms_quant_outputs *outputs)
{
    return (dms_quant_watch){keep, outputs};
}

dms_quant_watch dms_quant_outputs_compare(dms_quant_outputs *outputs,
                                          bool forced)
{
    outputs->forced = forced;
    return (dms_quant_watch){compare, outputs};
}
