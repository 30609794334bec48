/* torchvision's ResNet v1.5 (stride in the bottleneck's 3x3) without avgpool
 * and fc; He et al. 2016. */
#include <stdio.h>

#include "net/parts.h"

/* Each stage's map is watched, and within a stage every WATCHED blocks. */
enum { STAGES = 4, WATCHED = 12 };

typedef struct resnet {
    bool bottleneck;
    int depth[STAGES];
} resnet;

static const resnet resnets[] = {
    [DMS_BACKBONE_RESNET18] = {false, {2, 2, 2, 2}},
    [DMS_BACKBONE_RESNET34] = {false, {3, 4, 6, 3}},
    [DMS_BACKBONE_RESNET50] = {true, {3, 4, 6, 3}},
    [DMS_BACKBONE_RESNET101] = {true, {3, 4, 23, 3}},
    [DMS_BACKBONE_RESNET152] = {true, {3, 8, 36, 3}},
};

/* Shared by the convolutions of one block. */
typedef struct block {
    dms_graph *g;
    char name[48]; /* "backbone.layer1.0" */
    int64_t planes;
    int64_t out;
    int stride;
    dms_param_init last_scale; /* of the norm before the addition */
} block;

static dms_node *conv_bn(const block *b, dms_node *x, int number, int64_t out,
                         int kernel, int stride, dms_param_init scale)
{
    char name[DMS_PARAM_NAME_MAX];

    snprintf(name, sizeof name, "%s.conv%d", b->name, number);
    x = dms_conv(b->g, x, name, out, kernel, stride, 1, DMS_INIT_HE_FAN_OUT);
    snprintf(name, sizeof name, "%s.bn%d", b->name, number);
    return dms_batch_norm(b->g, x, name, scale);
}

/* The identity, or a strided 1x1 where the shape changes. */
static dms_node *shortcut(const block *b, dms_node *x)
{
    char name[DMS_PARAM_NAME_MAX];

    if (!x || (b->stride == 1 && x->shape.c == b->out))
        return x;
    snprintf(name, sizeof name, "%s.downsample.0", b->name);
    x = dms_conv(b->g, x, name, b->out, 1, b->stride, 1, DMS_INIT_HE_FAN_OUT);
    snprintf(name, sizeof name, "%s.downsample.1", b->name);
    return dms_batch_norm(b->g, x, name, DMS_INIT_ONE);
}

static dms_node *basic_block(const block *b, dms_node *x)
{
    dms_node *y = conv_bn(b, x, 1, b->planes, 3, b->stride, DMS_INIT_ONE);

    y = dms_relu(b->g, y);
    y = conv_bn(b, y, 2, b->planes, 3, 1, b->last_scale);
    return dms_relu(b->g, dms_add(b->g, y, shortcut(b, x)));
}

static dms_node *bottleneck(const block *b, dms_node *x)
{
    dms_node *y = conv_bn(b, x, 1, b->planes, 1, 1, DMS_INIT_ONE);

    y = dms_relu(b->g, y);
    y = conv_bn(b, y, 2, b->planes, 3, b->stride, DMS_INIT_ONE);
    y = dms_relu(b->g, y);
    y = conv_bn(b, y, 3, b->out, 1, 1, b->last_scale);
    return dms_relu(b->g, dms_add(b->g, y, shortcut(b, x)));
}

static dms_node *stem(dms_graph *g, dms_node *images)
{
    dms_node *x =
        dms_conv(g, images, "backbone.conv1", 64, 7, 2, 1, DMS_INIT_HE_FAN_OUT);

    x = dms_relu(g, dms_batch_norm(g, x, "backbone.bn1", DMS_INIT_ONE));
    return dms_max_pool(g, x);
}

dms_node *dms_backbone_build(dms_graph *g, dms_node *images,
                             dms_backbone backbone, bool zero_init_residual)
{
    static const char *const parts[STAGES] = {"stage 1", "stage 2", "stage 3",
                                              "stage 4"};
    static const char *const layers[STAGES] = {"layer1", "layer2", "layer3",
                                               "layer4"};
    const resnet *net = &resnets[backbone];
    dms_node *x;

    g->segment = 1; /* the stem is a segment, then each block is one */
    x = stem(g, images);
    for (int stage = 0; stage < STAGES; stage++) {
        block b = {.g = g, .planes = 64 << stage};

        g->part = parts[stage];
        b.out = net->bottleneck ? 4 * b.planes : b.planes;
        b.last_scale = zero_init_residual ? DMS_INIT_ZERO : DMS_INIT_ONE;
        for (int i = 0; i < net->depth[stage]; i++) {
            b.stride = stage > 0 && i == 0 ? 2 : 1;
            snprintf(b.name, sizeof b.name, "backbone.layer%d.%d", stage + 1,
                     i);
            g->segment++;
            x = net->bottleneck ? bottleneck(&b, x) : basic_block(&b, x);
            if (x && ((i + 1) % WATCHED == 0 || i + 1 == net->depth[stage]))
                x->watched = layers[stage];
        }
    }
    g->segment = 0;
    return x;
}

dms_shape dms_backbone_map(dms_backbone backbone, int64_t size)
{
    enum { HALVINGS = 5, LAST_PLANES = 64 << (STAGES - 1) };
    int64_t channels =
        resnets[backbone].bottleneck ? 4 * LAST_PLANES : LAST_PLANES;

    for (int i = 0; i < HALVINGS; i++)
        size = (size + 1) / 2;
    return (dms_shape){1, channels, size, size};
}
