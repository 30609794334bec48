/* Composes the network's parts in data-flow order. */
#include "net/network.h"

#include "base/fail.h"
#include "net/parts.h"

/* photographs -> backbone */
static void compose_to_map(dms_network *net, const dms_architecture *arch,
                           int64_t size, const dms_net_options *options)
{
    dms_graph *g = net->graph;

    g->part = "stem";
    net->images =
        dms_input(g, (dms_shape){2 * options->patients, 3, size, size});
    net->map = dms_backbone_build(g, net->images, arch->backbone,
                                  options->zero_init_residual);
    if (options->attention)
        net->attention = dms_attention_map(g, net->map);
}

/* Make the map an input, in the form that compose_to_map and the passes give
 * it. */
static void begin_with_map(dms_network *net, const dms_architecture *arch,
                           int64_t size, const dms_net_options *options)
{
    dms_shape shape = dms_backbone_map(arch->backbone, size);

    shape.n = 2 * options->patients;
    net->map = dms_input(net->graph, shape);
    if (net->map) {
        net->map->layout = net->graph->map_layout;
        net->map->type = dms_network_map_type(&shape, options->map_type);
    }
}

/* MSCAM -> DMFF -> heads */
static void compose_from_map(dms_network *net, const dms_architecture *arch,
                             const dms_net_options *options)
{
    dms_graph *g = net->graph;
    dms_node *x = net->map;

    g->part = "MSCAM";
    x = net->context = dms_mscam_build(g, x, arch->width, arch->context);
    g->part = "DMFF";
    net->features = arch->fusion == DMS_FUSION_DMFF
                        ? dms_dmff_build(g, x, arch->width)
                        : dms_concat_build(g, x);
    g->part = "heads";
    net->patient =
        dms_patient_head_build(g, net->features, arch, options->dropout);
    net->eye = dms_eye_head_build(g, net->features, arch);
    if (net->patient && net->eye)
        net->patient->watched = net->eye->watched = "logit";
}

static void compose(dms_network *net, const dms_architecture *arch,
                    const dms_net_options *options)
{
    int64_t size = options->size ? options->size : arch->size;

    if (options->part == DMS_NET_FROM_MAP)
        begin_with_map(net, arch, size, options);
    else
        compose_to_map(net, arch, size, options);
    if (options->part != DMS_NET_TO_MAP)
        compose_from_map(net, arch, options);
}

dms_type dms_network_map_type(const dms_shape *shape, dms_type type)
{
    return shape->h * shape->w > 1 ? type : DMS_TYPE_F32;
}

dms_status dms_network_build(dms_network *out, const dms_architecture *arch,
                             dms_params *params, const dms_net_options *options,
                             dms_error *err)
{
    dms_network net = {.graph = dms_graph_create(params, options->mode)};
    dms_graph *g = net.graph;
    dms_status st = DMS_OK;

    if (!g)
        return dms_fail_memory(err, "graph");
    g->block = dms_backend_block();
    g->map_layout = DMS_LAYOUT_BLOCKED;
    g->recompute = options->recompute;
    compose(&net, arch, options);
    if (g->error.code != DMS_OK) {
        st = dms_fail(err, g->error.code, "%s", g->error.message);
        dms_network_release(&net);
        return st;
    }
    *out = net;
    return st;
}

void dms_network_release(dms_network *network)
{
    dms_graph_destroy(network->graph);
    *network = (dms_network){0};
}
