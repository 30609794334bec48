/* Two nets run over the same images: what a float net's convolutions give is
 * counted, kept, and compared with what a quantised net's give. */
#ifndef DMS_QUANT_COMPARE_H
#define DMS_QUANT_COMPARE_H

#include "net/dmsnet.h"
#include "quant/layers.h"

/* Who looks at each value that a net makes: see dms_observer. */
typedef struct dms_quant_watch {
    dms_observer *observer;
    void *user;
} dms_quant_watch;

/* Of a float net: count the outputs of those layers that need a scale. apart:
 * the net's sums are nodes of their own (dms_net_options), and the layers'
 * branches are counted instead. */
dms_quant_watch dms_quant_count(dms_quant_layers *layers, bool apart);

typedef struct dms_quant_outputs dms_quant_outputs;

/* Room for all layers' outputs, in floats, of nets of this batch. */
dms_status dms_quant_outputs_create(dms_quant_outputs **out, const dms_net *net,
                                    dms_quant_layers *layers, dms_error *err);
void dms_quant_outputs_destroy(dms_quant_outputs *outputs);

/* Of the float net: keep what its layers give; adds to each layer's signal. */
dms_quant_watch dms_quant_outputs_keep(dms_quant_outputs *outputs);

/* Of the quantised net, run on the same images after that: add to each layer's
 * noise. forced: each layer is given what the float net's would have given it,
 * so that it adds its own noise only, to own_noise. */
dms_quant_watch dms_quant_outputs_compare(dms_quant_outputs *outputs,
                                          bool forced);

#endif
