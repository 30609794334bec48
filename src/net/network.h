/* The description of the network: a graph that whoever needs it runs, rewrites
 * or writes out. */
#ifndef DMS_NET_NETWORK_H
#define DMS_NET_NETWORK_H

#include "dms/architecture.h"
#include "formats/onnx.h"
#include "graph/graph.h"
#include "net/dmsnet.h"

typedef struct dms_network {
    dms_graph *graph;   /* owned */
    dms_node *images;   /* 2N x 3 x S x S, all left eyes first */
    dms_node *map;      /* 2N x C x S/32 x S/32, the backbone's; as built; the
                           input of a part FROM_MAP, which has no images */
    dms_node *context;  /* 2N x D x S/32 x S/32, MSCAM's (eq. 5) */
    dms_node *features; /* 2N x 2D, what the heads read (eq. 9) */
    dms_node *patient;  /* N x K logits */
    dms_node *eye;      /* 2N x K logits, all left eyes first */
} dms_network;          /* what lies outside of options.part is NULL */

/* Compose the architecture; its tensors are declared in params, which is
 * borrowed by the graph. No pass has run over it. */
dms_status dms_network_build(dms_network *out, const dms_architecture *arch,
                             dms_params *params, const dms_net_options *options,
                             dms_error *err);
/* How the map's numbers are stored when its backbone runs in `type`: a single
 * position stays float32 (dms_pass_type). */
dms_type dms_network_map_type(const dms_shape *shape, dms_type type);

void dms_network_release(dms_network *network);

/* Append the network's nodes, as built for inference, to an ONNX graph that
 * has a value `images`, 2N x 3 x S x S; they write `patient_logits`,
 * N x K x 1 x 1, and `eye_logits`, 2N x K x 1 x 1. params, in plain order, must
 * outlive onnx. fold_norms: into the convolutions before them; network is
 * rewritten. A quantised network is in QDQ form; DMS_EINVAL where its norms are
 * not to be folded. */
dms_status dms_network_emit(dms_onnx *onnx, dms_network *network,
                            bool fold_norms, dms_error *err);

#endif
