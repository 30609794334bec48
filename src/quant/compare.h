/* Compares two nets on the same images: the outputs of a float net's
 * convolutions are counted, kept, and compared with a quantised net's. */
#ifndef DMS_QUANT_COMPARE_H
#define DMS_QUANT_COMPARE_H

#include "net/dmsnet.h"
#include "quant/layers.h"

/* An observer of a net's values and its argument: see dms_observer. */
typedef struct dms_quant_watch {
    dms_observer *observer;
    void *user;
} dms_quant_watch;

/* For a float net: count the outputs of the layers that need a scale. apart:
 * the net's sums are separate nodes (dms_net_options), and the layers' branches
 * are counted instead. */
dms_quant_watch dms_quant_count(dms_quant_layers *layers, bool apart);

typedef struct dms_quant_outputs dms_quant_outputs;

/* Allocate room for all layers' outputs, as floats, for nets of this batch
 * size. */
dms_status dms_quant_outputs_create(dms_quant_outputs **out, const dms_net *net,
                                    dms_quant_layers *layers, dms_error *err);
void dms_quant_outputs_destroy(dms_quant_outputs *outputs);

/* For the float net: keep its layers' outputs; adds to each layer's signal. */
dms_quant_watch dms_quant_outputs_keep(dms_quant_outputs *outputs);

/* For the quantised net, run on the same images afterwards: add to each layer's
 * noise. forced: each layer reads the float net's values, so that it adds only
 * its own noise, to own_noise. */
dms_quant_watch dms_quant_outputs_compare(dms_quant_outputs *outputs,
                                          bool forced);

#endif
