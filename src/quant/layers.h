/* The convolutions of a network as quantising sees them, and the parameter
 * table that comes of it. */
#ifndef DMS_QUANT_LAYERS_H
#define DMS_QUANT_LAYERS_H

#include "dms/architecture.h"
#include "graph/graph.h"
#include "quant/histogram.h"

typedef struct dms_quant_layer {
    size_t weight;      /* row of the parameter table */
    int kernel, stride; /* pixels */
    int64_t in, out;    /* channels */
    double flops;       /* of the net at hand */
    bool relu;          /* its output has no negative numbers */
    bool can;           /* may multiply integers */
    bool kept;          /* does not, though it may */
    bool sums;          /* something is added to it */
    bool makes;         /* its output is wanted as integers: has a scale */
    dms_histogram seen; /* of its output; where makes */
    float limit;        /* largest magnitude as an integer; where makes */
    dms_histogram branch_seen; /* the same before the addition; where sums */
    float branch_limit;
    /* Filled by compare.h: sums of squares of the output in fp32, of what this
     * layer alone adds to it, and of all that stands in it so far. */
    double signal, own_noise, noise;
} dms_quant_layer;

typedef struct dms_quant_layers {
    dms_quant_layer *items; /* owned; in the order in which they run */
    size_t count;
} dms_quant_layers;

/* List an inference net's convolutions (graph after all passes) that may
 * multiply integers, as their input comes of a convolution too, and those that
 * the input comes of. */
dms_status dms_quant_layers_find(dms_quant_layers *out, const dms_graph *graph,
                                 dms_error *err);
void dms_quant_layers_release(dms_quant_layers *layers);

/* The layer that multiplies with this row; NULL: none. */
dms_quant_layer *dms_quant_layer_of(const dms_quant_layers *layers,
                                    size_t weight);

typedef struct dms_quant_table {
    dms_params *params; /* owned; its floats are mapped from the source */
    int8_t *integers;   /* owned: all quantised weights */
} dms_quant_table;

/* The table of the same architecture as `from` in which the weights of all
 * layers that can and are not kept are integers: each output channel's largest
 * magnitude is 127. from, in plain order, must outlive it. */
dms_status dms_quant_table_make(dms_quant_table *out,
                                const dms_architecture *arch,
                                const dms_params *from,
                                const dms_quant_layers *layers, dms_error *err);
void dms_quant_table_release(dms_quant_table *table);

#endif
