/* The description of the network: a graph to be run, rewritten or exported. */
#ifndef DMS_NET_NETWORK_H
#define DMS_NET_NETWORK_H

#include "dms/architecture.h"
#include "formats/onnx.h"
#include "graph/graph.h"
#include "net/dmsnet.h"

typedef struct dms_network {
    dms_graph *graph;    /* owned */
    dms_node *images;    /* 2N x 3 x S x S, all left eyes first */
    dms_node *map;       /* 2N x C x S/32 x S/32, the backbone's output before
                            any pass; the input of a part FROM_MAP */
    dms_node *attention; /* 2N x 1 x H x W, with options.attention */
    dms_node *context;   /* 2N x D x S/32 x S/32, MSCAM's output (eq. 5) */
    dms_node *features;  /* 2N x 2D, the input of the heads (eq. 9) */
    dms_node *patient;   /* N x K logits */
    dms_node *eye;       /* 2N x K logits, all left eyes first */
} dms_network;           /* nodes outside options.part are NULL */

/* Compose the architecture and declare its tensors in params, which the graph
 * borrows. Runs no pass. */
dms_status dms_network_build(dms_network *out, const dms_architecture *arch,
                             dms_params *params, const dms_net_options *options,
                             dms_error *err);
/* The map's number type if the backbone runs in `type`: a map of one position
 * stays float32 (dms_pass_type). */
dms_type dms_network_map_type(const dms_shape *shape, dms_type type);

void dms_network_release(dms_network *network);

/* Append the network's nodes, as built for inference, to an ONNX graph that
 * has a value `images`, 2N x 3 x S x S. They write `patient_logits`,
 * N x K x 1 x 1, and `eye_logits`, 2N x K x 1 x 1. params, in plain order, must
 * outlive onnx. fold_norms: fold norms into the convolutions before them, which
 * rewrites network. A quantised network is written in QDQ form and must be
 * folded, else DMS_EINVAL. */
dms_status dms_network_emit(dms_onnx *onnx, dms_network *network,
                            bool fold_norms, dms_error *err);

#endif
