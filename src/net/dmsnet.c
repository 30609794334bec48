/* Builds the network for a mode, runs the passes that the mode allows, and
 * explains overflows. Relies on the composition in network.c. */
#include "net/dmsnet.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "dms/data.h"
#include "graph/op.h"
#include "graph/run.h"
#include "graph/value.h"
#include "net/compute.h"
#include "net/network.h"
#include "net/parts.h"
#include "ops/ops.h"

struct dms_net {
    dms_network network;
    dms_net_part part;
    dms_precision precision;     /* for messages */
    const dms_label_set *labels; /* borrowed; NULL: none */
    dms_backend *backend;
    dms_run *run;
    dms_node *wanted[DMS_NET_PLACES]; /* gradient is wanted; NULL: it is not */
};

dms_status dms_net_declare(dms_params *params, const dms_architecture *arch,
                           bool training, bool zero_init_residual,
                           dms_error *err)
{
    dms_network network = {0};
    dms_net_options options = {.patients = 1,
                               .mode = training ? DMS_RUN_TRAINING
                                                : DMS_RUN_INFERENCE,
                               .zero_init_residual = zero_init_residual};
    dms_status st = dms_architecture_check(arch, err);

    if (st == DMS_OK)
        st = dms_network_build(&network, arch, params, &options, err);
    dms_network_release(&network);
    return st;
}

static bool has_gradients(const dms_net_options *options)
{
    return options->mode.gradients != DMS_GRADIENTS_NONE;
}

/* Only values, with running statistics: then narrower types reach as far as the
 * heads, and weights may be integers. */
static bool is_plain(const dms_net_options *options)
{
    return !has_gradients(options) &&
           options->mode.statistics == DMS_STATISTICS_RUNNING;
}

/* Can this net compute what the three switches ask for? */
static dms_status check_mode(const dms_net_options *options,
                             const dms_params *params, dms_error *err)
{
    bool chosen = false;

    for (int i = 0; i < DMS_NET_PLACES; i++)
        chosen |= options->gradient_of[i];
    if (options->mode.statistics != DMS_STATISTICS_RUNNING &&
        options->part != DMS_NET_TO_MAP && options->patients < 2)
        return dms_fail(err, DMS_EINVAL,
                        "a training batch of one patient: fuse_bn's batch "
                        "statistics need at least two values per channel; use "
                        "two or more patients");
    if (has_gradients(options) && options->part == DMS_NET_TO_MAP)
        return dms_fail(err, DMS_EINVAL,
                        "the backbone alone cannot be trained: it has no "
                        "logits");
    if (chosen ? !has_gradients(options)
               : options->mode.gradients == DMS_GRADIENTS_NODES)
        return dms_fail(err, DMS_EINVAL,
                        chosen ? "gradients of places were requested in a mode "
                                 "without gradients"
                               : "the mode asks for gradients of chosen "
                                 "places, but none is chosen");
    if (options->attention && options->part != DMS_NET_WHOLE)
        return dms_fail(err, DMS_EINVAL,
                        "only a whole net has a map of attention");
    if (options->gradient_of[DMS_PLACE_IMAGES] &&
        options->part == DMS_NET_FROM_MAP)
        return dms_fail(err, DMS_EINVAL,
                        "a net that begins with the map has no gradient of "
                        "the images");
    if (!is_plain(options) && dms_params_quantised(params))
        return dms_fail(err, DMS_EINVAL,
                        "a quantised model supports neither gradients nor "
                        "batch statistics; use the model it was made from");
    return DMS_OK;
}

static dms_status check_options(const dms_net_options *options, dms_error *err)
{
    if (options->patients < 1)
        return dms_fail(err, DMS_EINVAL, "%d patients, expected at least 1",
                        options->patients);
    if (options->size != 0 && options->size < 32)
        return dms_fail(err, DMS_EINVAL,
                        "images of %d pixels per side, expected at least 32",
                        options->size);
    if (!dms_net_has_type(options->type))
        return dms_fail(err, DMS_EINVAL,
                        "bf16: this CPU has no instructions for it");
    if (options->int8 && (!is_plain(options) || !dms_net_has_type(DMS_TYPE_U8)))
        return dms_fail(err, DMS_EINVAL, "8-bit integers: %s",
                        is_plain(options)
                            ? "this CPU has no instructions for them"
                            : "not supported in training");
    if (!(options->dropout >= 0 && options->dropout < 1))
        return dms_fail(err, DMS_EINVAL, "dropout %g, expected 0 <= p < 1",
                        (double)options->dropout);
    return DMS_OK;
}

/* Before any pass, since passes keep wanted nodes. */
static void choose_places(dms_net *net, const dms_net_options *options)
{
    const dms_network *network = &net->network;
    dms_node *const nodes[DMS_NET_PLACES] = {
        [DMS_PLACE_IMAGES] = network->images,
        [DMS_PLACE_MAP] = network->map,
        [DMS_PLACE_CONTEXT] = network->context,
        [DMS_PLACE_FEATURES] = network->features};

    for (int i = 0; i < DMS_NET_PLACES; i++)
        if (options->gradient_of[i]) {
            net->wanted[i] = nodes[i];
            dms_graph_want_gradient(network->graph, nodes[i]);
        }
}

/* With gradients, only the backbone is in bf16: the modules after it are a
 * hundredth of the work, and their sums are long. */
static void rewrite(const dms_network *network, const dms_net_options *options)
{
    dms_graph *graph = network->graph;

    dms_pass_type(graph, &dms_op_conv, is_plain(options) ? NULL : network->map,
                  options->type);
    if (is_plain(options))
        dms_pass_type(graph, &dms_op_linear, network->features, options->type);
    if (options->mode.gradients != DMS_GRADIENTS_PARAMS)
        dms_pass_fold_norm(graph, &dms_op_batch_norm);
    dms_pass_fuse_relu(graph, &dms_op_relu);
    if (!options->sums_apart)
        dms_pass_fuse_add(graph, &dms_op_add);
    if (options->int8)
        dms_pass_narrow(graph);
}

/* Passes replace the map's node; find the last one. A net that begins with the
 * map must agree on its layout and type. */
static dms_status find_map(dms_network *network, const dms_net_options *options,
                           dms_error *err)
{
    const dms_graph *graph = network->graph;
    dms_node *map = graph->nodes[graph->count - 1];

    network->map = map;
    if (map->layout != graph->map_layout ||
        map->type != dms_network_map_type(&map->shape, options->type))
        return dms_fail(err, DMS_EINTERNAL,
                        "the backbone's map has a layout or type that the "
                        "part behind it does not expect");
    return DMS_OK;
}

/* List the nodes that the caller reads; returns how many. With gradients, the
 * caller writes the gradient of each. */
static size_t list_outputs(dms_node *outputs[4], const dms_network *network,
                           const dms_net_options *options)
{
    size_t count = 2;

    if (options->part == DMS_NET_TO_MAP) {
        outputs[0] = network->map;
        return 1;
    }
    outputs[0] = network->patient;
    outputs[1] = network->eye;
    if (!has_gradients(options))
        outputs[count++] = network->features;
    if (network->attention)
        outputs[count++] = network->attention;
    return count;
}

dms_status dms_net_create(dms_net **out, const dms_architecture *arch,
                          dms_params *params, const dms_net_options *options,
                          dms_error *err)
{
    dms_status st;
    dms_net *net = NULL;
    dms_graph *graph;
    dms_node *outputs[4];
    size_t count;

    TRY(dms_architecture_check(arch, err));
    TRY(check_options(options, err));
    TRY(check_mode(options, params, err));
    net = dms_calloc(1, sizeof *net);
    if (!net) {
        st = dms_fail_memory(err, "network");
        goto done;
    }
    TRY(dms_network_build(&net->network, arch, params, options, err));
    graph = net->network.graph;
    choose_places(net, options);
    rewrite(&net->network, options);
    TRY(dms_pass_layout(graph, &dms_op_reorder, err));
    TRY(dms_backend_create(&net->backend, err));
    dms_backend_set_winograd(net->backend, options->winograd);
    if (options->part == DMS_NET_TO_MAP)
        TRY(find_map(&net->network, options, err));
    count = list_outputs(outputs, &net->network, options);
    TRY(dms_run_create_sharing(&net->run, graph, outputs, count, net->backend,
                               options->store, err));
    if (options->mode.gradients != DMS_GRADIENTS_PARAMS)
        TRY(dms_run_watch(net->run, err));
    net->part = options->part;
    net->precision = options->int8                    ? DMS_PRECISION_INT8
                     : options->type == DMS_TYPE_BF16 ? DMS_PRECISION_BF16
                                                      : DMS_PRECISION_FP32;
    net->labels = options->labels;
    *out = net, net = NULL;
done:
    dms_net_destroy(net);
    return st;
}

void dms_net_destroy(dms_net *net)
{
    if (!net)
        return;
    dms_run_destroy(net->run);
    dms_backend_destroy(net->backend);
    dms_network_release(&net->network);
    dms_free(net);
}

bool dms_net_has_type(dms_type type)
{
    return dms_backend_has_type(type);
}

int dms_net_backend(char *text, size_t capacity)
{
    return dms_backend_describe(text, capacity);
}

size_t dms_net_memory(const dms_net *net)
{
    return dms_run_memory(net->run);
}

const dms_kept *dms_net_kept(const dms_net *net)
{
    return dms_run_kept(net->run);
}

dms_status dms_net_memory_map(dms_run_map *out, const dms_net *net,
                              dms_error *err)
{
    return dms_run_map_create(out, net->run, err);
}

const dms_graph *dms_net_graph(const dms_net *net)
{
    return net->network.graph;
}

void dms_net_profile(dms_net *net, double *forward_s, double *backward_s)
{
    dms_run_profile(net->run, forward_s, backward_s);
}

void dms_net_observe(dms_net *net, dms_observer *observer, void *user)
{
    dms_run_observe(net->run, observer, user);
}

float *dms_net_images(dms_net *net)
{
    return net->network.images ? dms_run_value(net->run, net->network.images)
                               : NULL;
}

void *dms_net_map(dms_net *net)
{
    return net->part == DMS_NET_WHOLE
               ? NULL
               : (void *)dms_run_value(net->run, net->network.map);
}

size_t dms_net_map_bytes(const dms_architecture *arch, dms_type type)
{
    dms_shape shape = dms_backbone_map(arch->backbone, arch->size);

    return dms_shape_len(&shape) *
           dms_type_size(dms_network_map_type(&shape, type));
}

dms_status dms_net_load(dms_net *net, dms_error *err)
{
    return dms_run_load(net->run, err);
}

void dms_net_weights_changed(dms_net *net)
{
    dms_run_weights_changed(net->run);
}

dms_status dms_net_forward(dms_net *net, uint64_t dropout_seed, dms_error *err)
{
    return dms_run_forward(net->run, dropout_seed, err);
}

void dms_net_keep_flaws(dms_net *net, bool kept)
{
    dms_run_keep_flaws(net->run, kept);
}

/* Name the value that overflowed: "layer3", or one of the logits. */
static void name_flaw(char *text, size_t capacity, const dms_net *net,
                      const dms_node *flaw, size_t image)
{
    const dms_params *params = net->network.graph->params;
    const float *logits;
    int k = 0;

    if (flaw == net->network.patient || flaw == net->network.eye) {
        int count = (int)flaw->shape.c;

        logits = dms_run_value(net->run, flaw) + image * (size_t)count;
        while (k < count - 1 && isfinite(logits[k]))
            k++;
        if (net->labels)
            snprintf(text, capacity, "logit %s",
                     dms_label_set_code(net->labels, k));
        else
            snprintf(text, capacity, "logit %d", k + 1);
    } else if (flaw->watched) {
        snprintf(text, capacity, "%s", flaw->watched);
    } else {
        snprintf(text, capacity, "the output of %s",
                 flaw->param_count ? params->items[flaw->param[0]].name
                                   : flaw->op->name);
    }
}

/* eye: NULL for the patient as a whole. */
static dms_status tell_flaw(const dms_net *net, const dms_node *flaw,
                            size_t image, const char *eye, const char *who,
                            dms_error *err)
{
    char what[DMS_PARAM_NAME_MAX + 16];

    name_flaw(what, sizeof what, net, flaw, image);
    return dms_fail(err, DMS_EFORMAT,
                    "%s of %s%s%s%.200s overflows in %s: the model has no "
                    "answer",
                    what, eye ? "the " : "", eye ? eye : "",
                    eye ? " eye of " : "", who,
                    dms_precision_name(net->precision));
}

const char *dms_net_who(char who[DMS_NET_WHO], const char *id)
{
    snprintf(who, DMS_NET_WHO, "patient %.100s", id ? id : "?");
    return who;
}

static const char *const eye_names[] = {"left", "right"};

dms_status dms_net_check_eye(const dms_net *net, size_t image, int eye,
                             const char *who, dms_error *err)
{
    const dms_node *flaw = dms_run_flaw(net->run, image);

    return flaw ? tell_flaw(net, flaw, image, eye_names[eye], who, err)
                : DMS_OK;
}

dms_status dms_net_check(const dms_net *net, size_t patient, const char *who,
                         dms_error *err)
{
    size_t patients = (size_t)net->network.patient->shape.n;
    size_t right = patients + patient;
    const dms_node *flaw = dms_run_flaw(net->run, patient);
    const dms_node *other = dms_run_flaw(net->run, right);

    if (other && (!flaw || other->index < flaw->index))
        return dms_net_check_eye(net, right, DMS_RIGHT, who, err);
    if (flaw && (size_t)flaw->shape.n == patients)
        return tell_flaw(net, flaw, patient, NULL, who, err);
    return dms_net_check_eye(net, patient, DMS_LEFT, who, err);
}

const float *dms_net_patient_logits(const dms_net *net)
{
    return dms_run_value(net->run, net->network.patient);
}

const float *dms_net_eye_logits(const dms_net *net)
{
    return dms_run_value(net->run, net->network.eye);
}

const float *dms_net_attention(const dms_net *net)
{
    return dms_run_value(net->run, net->network.attention);
}

size_t dms_net_attention_size(const dms_net *net)
{
    const dms_shape *shape = &net->network.attention->shape;

    return (size_t)(shape->h * shape->w);
}

const float *dms_net_features(const dms_net *net)
{
    return net->network.graph->mode.gradients != DMS_GRADIENTS_NONE
               ? NULL
               : dms_run_value(net->run, net->network.features);
}

float *dms_net_patient_gradient(dms_net *net)
{
    return dms_run_gradient(net->run, net->network.patient);
}

float *dms_net_eye_gradient(dms_net *net)
{
    return dms_run_gradient(net->run, net->network.eye);
}

float *dms_net_attention_gradient(dms_net *net)
{
    return dms_run_gradient(net->run, net->network.attention);
}

dms_status dms_net_backward(dms_net *net, dms_error *err)
{
    return dms_run_backward(net->run, err);
}

dms_shape dms_net_place_shape(const dms_net *net, dms_net_place place)
{
    return net->wanted[place]->shape;
}

void dms_net_read_value(float *plain, const dms_net *net, dms_net_place place)
{
    const dms_node *node = net->wanted[place];

    dms_value_read(plain, node, dms_run_value(net->run, node),
                   net->network.graph->block);
}

void dms_net_read_gradient(float *plain, const dms_net *net,
                           dms_net_place place)
{
    const dms_node *node = net->wanted[place];

    dms_value_read(plain, node, dms_run_gradient(net->run, node),
                   net->network.graph->block);
}
