/* MSCAM, the multi-scale context-aware module (docs/model.md, 2-5). */
#include <stdio.h>

#include "net/parts.h"

enum { LEVELS = 4 };

dms_node *dms_conv_bn_relu(dms_graph *g, dms_node *x, const char *name,
                           int64_t out, int kernel)
{
    char part[DMS_PARAM_NAME_MAX + 8];

    snprintf(part, sizeof part, "%s.conv", name);
    x = dms_conv(g, x, part, out, kernel, 1, 1, DMS_INIT_FAN_IN);
    snprintf(part, sizeof part, "%s.bn", name);
    return dms_relu(g, dms_batch_norm(g, x, part, DMS_INIT_ONE));
}

/* (3): x together with its averages at four scales. */
static dms_node *pyramid(dms_graph *g, dms_node *x, int64_t width)
{
    static const int bins[LEVELS] = {1, 2, 3, 6};
    dms_node *levels[1 + LEVELS] = {x};

    for (int i = 0; x && i < LEVELS; i++) {
        char name[DMS_PARAM_NAME_MAX];
        dms_node *y = dms_adaptive_pool(g, x, bins[i]);

        snprintf(name, sizeof name, "context.pyramid.%d", i);
        y = dms_conv_bn_relu(g, y, name, width / 4, 1);
        levels[1 + i] = dms_upsample(g, y, x->shape.h, x->shape.w);
    }
    return dms_concat(g, levels, 1 + LEVELS);
}

static dms_node *channel_mlp(dms_graph *g, dms_node *v, int64_t width)
{
    v = dms_relu(g, dms_linear(g, v, "context.channel1", width / 16));
    return dms_linear(g, v, "context.channel2", width);
}

/* (4): which channels matter; mean and maximum share one MLP. */
static dms_node *channel_gate(dms_graph *g, dms_node *z, int64_t width)
{
    dms_node *mean = channel_mlp(g, dms_spatial_mean(g, z), width);
    dms_node *max = channel_mlp(g, dms_spatial_max(g, z), width);

    return dms_sigmoid(g, dms_add(g, mean, max));
}

/* (5): which positions matter. */
static dms_node *spatial_gate(dms_graph *g, dms_node *z)
{
    dms_node *maps[] = {dms_channel_mean(g, z), dms_channel_max(g, z)};
    dms_node *both = dms_concat(g, maps, 2);

    return dms_sigmoid(
        g, dms_conv(g, both, "context.spatial", 1, 7, 1, 1, DMS_INIT_FAN_IN));
}

dms_node *dms_mscam_build(dms_graph *g, dms_node *f, int64_t width,
                          dms_context context)
{
    dms_node *x = dms_conv_bn_relu(g, f, "context.reduce", width, 1);
    dms_node *z;

    if (context == DMS_CONTEXT_NONE)
        return x;
    z = dms_conv_bn_relu(g, pyramid(g, x, width), "context.fuse", width, 3);
    z = dms_mul(g, z, channel_gate(g, z, width));
    z = dms_mul(g, z, spatial_gate(g, z));
    return dms_add(g, z, x);
}
