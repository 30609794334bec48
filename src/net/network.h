/* The description of the network: a graph that whoever needs it runs, rewrites
 * or writes out. */
#ifndef DMS_NET_NETWORK_H
#define DMS_NET_NETWORK_H

#include "dms/architecture.h"
#include "graph/graph.h"
#include "net/dmsnet.h"

typedef struct dms_network {
    dms_graph *graph;   /* owned */
    dms_node *images;   /* 2N x 3 x S x S, all left eyes first */
    dms_node *features; /* 2N x 2D, what the heads read (eq. 9) */
    dms_node *patient;  /* N x K logits */
    dms_node *eye;      /* 2N x K logits, all left eyes first */
} dms_network;

/* Compose the architecture; its tensors are declared in params, which is
 * borrowed by the graph. No pass has run over it. */
dms_status dms_network_build(dms_network *out, const dms_architecture *arch,
                             dms_params *params, const dms_net_options *options,
                             dms_error *err);
void dms_network_release(dms_network *network);

#endif
