#include "net/dmsnet.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/run.h"
#include "net/parts.h"

struct dms_net {
    dms_graph *graph;
    dms_backend *backend;
    dms_run *run;
    dms_node *images;
    dms_node *patient;
    dms_node *eye;
};

/* photographs -> backbone -> MSCAM -> DMFF -> heads */
static void compose(dms_net *net, const dms_architecture *arch,
                    const dms_net_options *options)
{
    dms_graph *g = net->graph;
    int64_t size = options->size ? options->size : arch->size;
    dms_node *x, *h;

    net->images =
        dms_input(g, (dms_shape){2 * options->patients, 3, size, size});
    g->frozen = options->frozen_backbone;
    x = dms_backbone_build(g, net->images, arch->backbone,
                           options->zero_init_residual);
    g->frozen = false;
    x = dms_mscam_build(g, x, arch->width, arch->context);
    h = arch->fusion == DMS_FUSION_DMFF ? dms_dmff_build(g, x, arch->width)
                                        : dms_concat_build(g, x);
    net->patient = dms_patient_head_build(g, h, arch->width, options->dropout);
    net->eye = dms_eye_head_build(g, h);
}

static dms_status build(dms_net *net, const dms_architecture *arch,
                        dms_params *params, const dms_net_options *options,
                        dms_error *err)
{
    dms_graph *g = dms_graph_create(params, options->training);

    if (!g)
        return dms_fail_memory(err, "graph");
    net->graph = g;
    g->block = dms_backend_block();
    /* Training is quickest in blocks. So is inference without AVX-512: oneDNN
     * 2.6 has only its reference kernel from 3-channel pixels to NHWC there. */
    g->map_layout = options->training || g->block == 8 ? DMS_LAYOUT_BLOCKED
                                                       : DMS_LAYOUT_NHWC;
    compose(net, arch, options);
    if (g->error.code != DMS_OK)
        return dms_fail(err, g->error.code, "%s", g->error.message);
    return DMS_OK;
}

dms_status dms_net_declare(dms_params *params, const dms_architecture *arch,
                           bool training, bool zero_init_residual,
                           dms_error *err)
{
    dms_net net = {0};
    dms_net_options options = {.patients = 1,
                               .training = training,
                               .zero_init_residual = zero_init_residual};
    dms_status st = dms_architecture_check(arch, err);

    if (st == DMS_OK)
        st = build(&net, arch, params, &options, err);
    dms_graph_destroy(net.graph);
    return st;
}

static dms_status check_options(const dms_net_options *options, dms_error *err)
{
    if (options->patients < 1)
        return dms_fail(err, DMS_EINVAL, "a batch of %d patients",
                        options->patients);
    if (options->training && options->patients < 2)
        return dms_fail(err, DMS_EINVAL,
                        "a training batch of one patient: fuse_bn's batch "
                        "statistics need two values a channel or more");
    if (options->size != 0 && options->size < 32)
        return dms_fail(err, DMS_EINVAL,
                        "images of %d pixels a side: at least 32 are needed",
                        options->size);
    if (!(options->dropout >= 0 && options->dropout < 1))
        return dms_fail(err, DMS_EINVAL, "dropout %g is not in [0, 1)",
                        (double)options->dropout);
    return DMS_OK;
}

dms_status dms_net_create(dms_net **out, const dms_architecture *arch,
                          dms_params *params, const dms_net_options *options,
                          dms_error *err)
{
    dms_status st;
    dms_net *net = NULL;
    dms_node *outputs[2];

    TRY(dms_architecture_check(arch, err));
    TRY(check_options(options, err));
    net = dms_calloc(1, sizeof *net);
    if (!net) {
        st = dms_fail_memory(err, "network");
        goto done;
    }
    TRY(build(net, arch, params, options, err));
    dms_pass_fuse_relu(net->graph, &dms_op_relu);
    TRY(dms_pass_layout(net->graph, &dms_op_reorder, err));
    TRY(dms_backend_create(&net->backend, err));
    outputs[0] = net->patient;
    outputs[1] = net->eye;
    TRY(dms_run_create(&net->run, net->graph, outputs, 2, net->backend, err));
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
    dms_graph_destroy(net->graph);
    dms_free(net);
}

int dms_net_backend(char *text, size_t capacity)
{
    return dms_backend_describe(text, capacity);
}

size_t dms_net_memory(const dms_net *net)
{
    return dms_run_memory(net->run);
}

float *dms_net_images(dms_net *net)
{
    return dms_run_value(net->run, net->images);
}

void dms_net_weights_changed(dms_net *net)
{
    dms_run_weights_changed(net->run);
}

dms_status dms_net_forward(dms_net *net, uint64_t dropout_seed, dms_error *err)
{
    return dms_run_forward(net->run, dropout_seed, err);
}

const float *dms_net_patient_logits(const dms_net *net)
{
    return dms_run_value(net->run, net->patient);
}

const float *dms_net_eye_logits(const dms_net *net)
{
    return dms_run_value(net->run, net->eye);
}

float *dms_net_patient_gradient(dms_net *net)
{
    return dms_run_gradient(net->run, net->patient);
}

float *dms_net_eye_gradient(dms_net *net)
{
    return dms_run_gradient(net->run, net->eye);
}

dms_status dms_net_backward(dms_net *net, dms_error *err)
{
    return dms_run_backward(net->run, err);
}
