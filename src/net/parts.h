/* The network's parts in data-flow order; composition only. Shapes use N
 * patients, C channels, H x W positions, D width, K labels (docs/model.md). */
#ifndef DMS_NET_PARTS_H
#define DMS_NET_PARTS_H

#include "dms/architecture.h"
#include "ops/ops.h"

/* relu(bn(conv(x))) with parameters "name.conv" and "name.bn"; stride 1,
 * torch's default initial values. */
dms_node *dms_conv_bn_relu(dms_graph *g, dms_node *x, const char *name,
                           int64_t out, int kernel);

/* ResNet v1.5: 2N,3,S,S -> 2N,C,S/32,S/32 (eq. 1). */
dms_node *dms_backbone_build(dms_graph *g, dms_node *images,
                             dms_backbone backbone, bool zero_init_residual);

/* The shape of its output for one eye of size x size pixels: 1,C,S/32,S/32. */
dms_shape dms_backbone_map(dms_backbone backbone, int64_t size);

/* MSCAM: 2N,C,H,W -> 2N,D,H,W (eqs. 2-5). */
dms_node *dms_mscam_build(dms_graph *g, dms_node *f, int64_t width,
                          dms_context context);

/* DMFF: maps 2N,D,H,W, left eyes first -> descriptors 2N,2D (eqs. 6-9). */
dms_node *dms_dmff_build(dms_graph *g, dms_node *maps, int64_t width);

/* The ablation "fusion = concat": mean and maximum of each map. */
dms_node *dms_concat_build(dms_graph *g, dms_node *maps);

/* Descriptors 2N,2D -> patient logits N,K (eq. 10). */
dms_node *dms_patient_head_build(dms_graph *g, dms_node *h,
                                 const dms_architecture *arch, float dropout);

/* Descriptors 2N,2D -> eye logits 2N,K (eq. 11). */
dms_node *dms_eye_head_build(dms_graph *g, dms_node *h,
                             const dms_architecture *arch);

#endif
