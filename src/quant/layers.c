/* Finds the convolutions that can multiply integers, by the rule in
 * graph/graph.h, and makes the parameter table with integers and scales. */
#include "quant/layers.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/op.h"
#include "net/dmsnet.h"

/* Is node one of the convolutions that determine value's range? */
static bool comes_of(const dms_node *value, const dms_node *node)
{
    bool any = value == node;

    for (int k = 0; value->op->bounded && k < value->in_count; k++)
        any = any || comes_of(value->in[k], node);
    return any;
}

/* Does a convolution that can multiply integers need node's output scale? */
static bool is_wanted(const dms_graph *graph, const dms_node *node)
{
    for (size_t i = node->index + 1; i < graph->count; i++) {
        const dms_node *reader = graph->nodes[i];

        if (!dms_node_can_be_integer(graph, reader))
            continue;
        for (int k = 0; k < reader->in_count; k++)
            if (comes_of(reader->in[k], node))
                return true;
    }
    return false;
}

static void describe(dms_quant_layer *layer, const dms_graph *graph,
                     const dms_node *node)
{
    layer->weight = node->param[0];
    layer->kernel = node->attr.kernel;
    layer->stride = node->attr.stride;
    layer->in = node->in[0]->shape.c;
    layer->out = node->shape.c;
    layer->relu = node->attr.relu;
    layer->sums = node->attr.sum;
    layer->flops = node->op->flops ? node->op->flops(node, graph->params) : 0;
    layer->can = dms_node_can_be_integer(graph, node);
    layer->makes = is_wanted(graph, node);
}

dms_status dms_quant_layers_find(dms_quant_layers *out, const dms_graph *graph,
                                 dms_error *err)
{
    dms_quant_layers layers = {dms_calloc(graph->count, sizeof *layers.items),
                               0};

    if (!layers.items)
        return dms_fail_memory(err, "layers");
    for (size_t i = 0; i < graph->count; i++) {
        dms_quant_layer *layer = &layers.items[layers.count];

        if (!graph->nodes[i]->op->fuses_sum)
            continue;
        describe(layer, graph, graph->nodes[i]);
        layers.count += layer->can || layer->makes;
    }
    *out = layers;
    return DMS_OK;
}

void dms_quant_layers_release(dms_quant_layers *layers)
{
    dms_free(layers->items);
    *layers = (dms_quant_layers){0};
}

dms_quant_layer *dms_quant_layer_of(const dms_quant_layers *layers,
                                    size_t weight)
{
    for (size_t i = 0; i < layers->count; i++)
        if (layers->items[i].weight == weight)
            return &layers->items[i];
    return NULL;
}

/* A value that is always 0 can have any scale. */
static float scale_of(float limit, float integers)
{
    float scale = limit > 0 ? limit / integers : 1;

    return fminf(fmaxf(scale, DMS_SCALE_LEAST), DMS_SCALE_MOST);
}

static void quantise(int8_t *integers, float *scale, const float *weight,
                     int64_t channels, size_t row)
{
#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < channels; o++) {
        const float *w = weight + (size_t)o * row;
        int8_t *q = integers + (size_t)o * row;
        float largest = 0;

        for (size_t i = 0; i < row; i++)
            largest = fmaxf(largest, fabsf(w[i]));
        scale[o] = scale_of(largest, 127);
        for (size_t i = 0; i < row; i++)
            q[i] = (int8_t)rintf(fminf(fmaxf(w[i] / scale[o], -127), 127));
    }
}

/* Declare the rows for scales, and assign the integers their memory. */
static dms_status declare(dms_quant_table *table, const dms_params *from,
                          const dms_quant_layers *layers, dms_error *err)
{
    dms_params *params = table->params;
    size_t len = 0;

    for (size_t i = 0; i < params->count; i++)
        params->items[i].mapped = dms_param_value(from, i);
    for (size_t i = 0; i < layers->count; i++) {
        const dms_quant_layer *layer = &layers->items[i];
        bool integers = layer->can && !layer->kept;
        const bool wanted[DMS_SCALES] = {[DMS_SCALE_WEIGHT] = integers,
                                         [DMS_SCALE_OUTPUT] = layer->makes,
                                         [DMS_SCALE_BRANCH] =
                                             layer->makes && layer->sums};

        for (int s = 0; s < DMS_SCALES; s++)
            if (wanted[s] &&
                !dms_param_declare_scale(params, layer->weight, (dms_scale)s))
                return dms_fail_memory(err, "scales");
        len += integers ? params->items[layer->weight].len : 0;
    }
    table->integers = dms_calloc(len, 1);
    return table->integers ? DMS_OK : dms_fail_memory(err, "8-bit weights");
}

/* The values of one kind of a weight's scales; NULL if it has none. */
static float *scales_of(dms_params *params, const dms_param *weight,
                        dms_scale scale)
{
    size_t row = weight->scale[scale];

    return row ? params->value + params->items[row].offset : NULL;
}

static void fill_scales(dms_params *params, const dms_quant_layer *layer)
{
    const dms_param *weight = &params->items[layer->weight];
    float *output = scales_of(params, weight, DMS_SCALE_OUTPUT);
    float *branch = scales_of(params, weight, DMS_SCALE_BRANCH);

    if (output)
        *output = scale_of(layer->limit, layer->relu ? 255 : 127);
    if (branch)
        *branch = scale_of(layer->branch_limit, 127);
}

static void fill(dms_quant_table *table, const dms_params *from,
                 const dms_quant_layers *layers)
{
    dms_params *params = table->params;
    int8_t *next = table->integers;

    for (size_t i = 0; i < layers->count; i++) {
        const dms_quant_layer *layer = &layers->items[i];
        dms_param *weight = &params->items[layer->weight];

        fill_scales(params, layer);
        if (!layer->can || layer->kept)
            continue;
        quantise(next, scales_of(params, weight, DMS_SCALE_WEIGHT),
                 dms_param_value(from, layer->weight), weight->shape[0],
                 weight->len / (size_t)weight->shape[0]);
        weight->integers = next;
        weight->mapped = NULL;
        next += weight->len;
    }
}

dms_status dms_quant_table_make(dms_quant_table *out,
                                const dms_architecture *arch,
                                const dms_params *from,
                                const dms_quant_layers *layers, dms_error *err)
{
    dms_quant_table table = {.params = dms_params_create()};
    dms_status st;

    if (!table.params)
        return dms_fail_memory(err, "parameters");
    TRY(dms_net_declare(table.params, arch, false, false, err));
    TRY(declare(&table, from, layers, err));
    TRY(dms_params_allocate(table.params, false, err));
    fill(&table, from, layers);
    *out = table, table = (dms_quant_table){0};
done:
    dms_quant_table_release(&table);
    return st;
}

void dms_quant_table_release(dms_quant_table *table)
{
    dms_params_destroy(table->params);
    dms_free(table->integers);
    *table = (dms_quant_table){0};
}
