/* DMFF, dual-modal feature fusion (docs/model.md, 6-9).
 *
 * Both directions are one batch of 2N maps, left eyes first; swap_halves puts
 * each eye's fellow in its place. So every weight is named once. */
#include "net/parts.h"

enum { HEADS = 8 };

/* (6): both eyes' pooled vectors gate each eye's channels. */
static dms_node *semantic_gate(dms_graph *g, dms_node *own, int64_t width)
{
    dms_node *mean = dms_spatial_mean(g, own);
    dms_node *pair[] = {mean, dms_swap_halves(g, mean)};
    dms_node *v = dms_concat(g, pair, 2);

    v = dms_relu(g, dms_linear(g, v, "dmff.semantic1", width / 4));
    return dms_sigmoid(g, dms_linear(g, v, "dmff.semantic2", width));
}

/* (7): own and fellow channel mean and maximum gate each position. */
static dms_node *position_gate(dms_graph *g, dms_node *own)
{
    dms_node *mean = dms_channel_mean(g, own);
    dms_node *max = dms_channel_max(g, own);
    dms_node *maps[] = {mean, max, dms_swap_halves(g, mean),
                        dms_swap_halves(g, max)};
    dms_node *x = dms_concat(g, maps, 4);

    return dms_sigmoid(
        g, dms_conv(g, x, "dmff.spatial", 1, 7, 1, 1, DMS_INIT_FAN_IN));
}

/* (8): each eye's positions query the fellow eye's. */
static dms_node *attend(dms_graph *g, dms_node *own, int64_t width)
{
    dms_node *tokens = dms_layer_norm(g, own, "dmff.norm");
    dms_node *fellow = dms_swap_halves(g, tokens);
    dms_node *q = dms_linear(g, tokens, "dmff.query", width);
    dms_node *k = dms_linear(g, fellow, "dmff.key", width);
    dms_node *v = dms_linear(g, fellow, "dmff.value", width);
    dms_node *y = dms_attention(g, q, k, v, HEADS);

    return dms_add(g, dms_linear(g, y, "dmff.out", width), own);
}

/* (9): global context next to local edges. */
static dms_node *describe(dms_graph *g, dms_node *x, int64_t width)
{
    dms_node *edges = dms_conv(g, x, "dmff.edge", width, 3, 1, (int)width,
                               DMS_INIT_LAPLACIAN);
    dms_node *local = dms_conv_bn_relu(g, edges, "dmff.local", width, 1);
    dms_node *parts[] = {dms_spatial_mean(g, x), dms_spatial_max(g, local)};

    return dms_concat(g, parts, 2);
}

dms_node *dms_dmff_build(dms_graph *g, dms_node *maps, int64_t width)
{
    dms_node *x = dms_mul(g, maps, semantic_gate(g, maps, width));

    x = dms_mul(g, x, position_gate(g, maps));
    x = dms_add(g, x, maps); /* maps * (1 + c * s) */
    return describe(g, attend(g, x, width), width);
}

dms_node *dms_concat_build(dms_graph *g, dms_node *maps)
{
    dms_node *parts[] = {dms_spatial_mean(g, maps), dms_spatial_max(g, maps)};

    return dms_concat(g, parts, 2);
}
