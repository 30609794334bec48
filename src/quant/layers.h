/* A network's convolutions as quantisation sees them, and the quantised
 * parameter table. */
#ifndef DMS_QUANT_LAYERS_H
#define DMS_QUANT_LAYERS_H

#include "dms/architecture.h"
#include "graph/graph.h"
#include "quant/histogram.h"

typedef struct dms_quant_layer {
    size_t weight;      /* row of the parameter table */
    int kernel, stride; /* pixels */
    int64_t in, out;    /* channels */
    double flops;       /* per forward of the net */
    bool relu;          /* its output is never negative */
    bool can;           /* can multiply integers */
    bool kept;          /* can, but stays in float */
    bool sums;          /* a term is added to its output */
    bool makes;         /* its output is read as integers and has a scale */
    dms_histogram seen; /* of its output, if makes */
    float limit;        /* the output's clipping point, if makes */
    dms_histogram branch_seen; /* the same before the addition, if sums */
    float branch_limit;
    /* Filled in by compare.h: sums of squares of the fp32 output, of the error
     * that this layer alone adds, and of the total error in its output. */
    double signal, own_noise, noise;
} dms_quant_layer;

typedef struct dms_quant_layers {
    dms_quant_layer *items; /* owned; in running order */
    size_t count;
} dms_quant_layers;

/* List the convolutions of an inference net (its graph after all passes) that
 * can multiply integers, and those that determine the range of their inputs. */
dms_status dms_quant_layers_find(dms_quant_layers *out, const dms_graph *graph,
                                 dms_error *err);
void dms_quant_layers_release(dms_quant_layers *layers);

/* The layer whose weight is this row; NULL if there is none. */
dms_quant_layer *dms_quant_layer_of(const dms_quant_layers *layers,
                                    size_t weight);

typedef struct dms_quant_table {
    dms_params *params; /* owned; its floats are mapped from the source */
    int8_t *integers;   /* owned: all quantised weights */
} dms_quant_table;

/* Make a table of the same architecture as `from` in which the weights of all
 * layers with `can` and without `kept` are integers: the largest magnitude of
 * each output channel becomes 127. from, in plain order, must outlive it. */
dms_status dms_quant_table_make(dms_quant_table *out,
                                const dms_architecture *arch,
                                const dms_params *from,
                                const dms_quant_layers *layers, dms_error *err);
void dms_quant_table_release(dms_quant_table *table);

#endif
