/* A small network with norms as unruly as may be, and what quantising makes of
 * it, layer by layer. */
#ifndef TESTS_QUANT_NET_H
#define TESTS_QUANT_NET_H

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "graph/op.h"
#include "graph/value.h"
#include "net/dmsnet.h"
#include "quant/compare.h"
#include "quant/layers.h"

typedef struct quant_net {
    dms_architecture arch;
    dms_params *params; /* of floats */
    dms_net *exact;
    dms_quant_layers layers; /* with limits */
    dms_quant_table table;
} quant_net;

static inline void quant_net_ok(dms_status st, const dms_error *err)
{
    if (st != DMS_OK)
        fail_msg("%s", err->message);
}

static inline dms_status quant_net_run(dms_net *net, dms_quant_watch watch,
                                       dms_error *err)
{
    dms_status st;

    dms_net_observe(net, watch.observer, watch.user);
    st = dms_net_forward(net, 0, err);
    dms_net_observe(net, NULL, NULL);
    return st;
}

/* Scales below 0 and of 0 too; the last norm of each block near 0.3. */
static inline void quant_net_stir(dms_params *params)
{
    dms_rng rng = dms_rng_seeded(11);

    for (size_t i = 0; i < params->count; i++) {
        const dms_param *p = &params->items[i];
        float *value = params->value + p->offset;
        bool variance = strstr(p->name, "running_var");
        bool scale = p->role == DMS_PARAM_NORM && strstr(p->name, ".weight");

        if (!variance && !scale && p->role != DMS_PARAM_STAT &&
            p->role != DMS_PARAM_NORM)
            continue;
        for (size_t k = 0; k < p->len; k++)
            value[k] = variance ? (float)dms_rng_range(&rng, 0.5, 1.5)
                       : scale && strstr(p->name, "backbone")
                           ? (float)dms_rng_range(&rng, 0.8, 1.2) *
                                 (k % 7 == 3 ? -1 : 1) * (k % 11 != 5) *
                                 (strstr(p->name, "bn2") ? 0.3f : 1)
                       : scale ? (float)dms_rng_range(&rng, 0.8, 1.2)
                               : (float)(0.1 * dms_rng_normal(&rng));
    }
}

static inline dms_net *quant_net_make(const quant_net *q, dms_params *params,
                                      const dms_net_options *options)
{
    dms_net *net = NULL;
    dms_error err = {0};

    quant_net_ok(dms_net_create(&net, &q->arch, params, options, &err), &err);
    return net;
}

static inline void quant_net_show(dms_net *net, uint64_t seed, int patients,
                                  int size)
{
    float *x = dms_net_images(net);
    dms_rng rng = dms_rng_seeded(seed);
    size_t area = (size_t)size * (size_t)size;

    for (size_t plane = 0; plane < (size_t)patients * 6; plane++) {
        double level = dms_rng_normal(&rng);

        for (size_t i = 0; i < area; i++)
            *x++ = (float)(level + 0.5 * dms_rng_normal(&rng));
    }
}

/* Ranges of the float net's outputs on three patients. */
static inline void quant_net_calibrate(quant_net *q)
{
    dms_error err = {0};
    dms_net *apart = quant_net_make(q, q->params,
                                    &(dms_net_options){.patients = 1,
                                                       .size = q->arch.size,
                                                       .sums_apart = true});

    quant_net_ok(
        dms_quant_layers_find(&q->layers, dms_net_graph(q->exact), &err), &err);
    for (uint64_t i = 0; i < 3; i++) {
        quant_net_show(q->exact, i, 1, q->arch.size);
        quant_net_ok(
            quant_net_run(q->exact, dms_quant_count(&q->layers, false), &err),
            &err);
        quant_net_show(apart, i, 1, q->arch.size);
        quant_net_ok(
            quant_net_run(apart, dms_quant_count(&q->layers, true), &err),
            &err);
    }
    for (size_t i = 0; i < q->layers.count; i++) {
        dms_quant_layer *layer = &q->layers.items[i];

        layer->limit = dms_histogram_percentile(&layer->seen, 99.9);
        layer->branch_limit =
            dms_histogram_percentile(&layer->branch_seen, 99.9);
    }
    dms_net_destroy(apart);
}

/* After a change of what is kept. */
static inline void quant_net_remake(quant_net *q)
{
    dms_error err = {0};

    dms_quant_table_release(&q->table);
    quant_net_ok(
        dms_quant_table_make(&q->table, &q->arch, q->params, &q->layers, &err),
        &err);
}

static inline void quant_net_init(quant_net *q, dms_backbone backbone, int size)
{
    dms_error err = {0};

    *q = (quant_net){.arch = dms_architecture_default(),
                     .params = dms_params_create()};
    q->arch.backbone = backbone;
    q->arch.width = 16;
    q->arch.size = size;
    quant_net_ok(dms_net_declare(q->params, &q->arch, false, false, &err),
                 &err);
    quant_net_ok(dms_params_allocate(q->params, false, &err), &err);
    quant_net_ok(dms_params_fill(q->params, 5, &err), &err);
    quant_net_stir(q->params);
    q->exact = quant_net_make(q, q->params,
                              &(dms_net_options){.patients = 1, .size = size});
    quant_net_calibrate(q);
    quant_net_remake(q);
}

static inline void quant_net_release(quant_net *q)
{
    dms_net_destroy(q->exact);
    dms_quant_table_release(&q->table);
    dms_quant_layers_release(&q->layers);
    dms_params_destroy(q->params);
}

static inline dms_quant_layer *quant_net_layer(const quant_net *q,
                                               const char *name)
{
    for (size_t i = 0; i < q->layers.count; i++)
        if (strcmp(q->params->items[q->layers.items[i].weight].name, name) == 0)
            return &q->layers.items[i];
    fail_msg("no layer %s", name);
    return NULL;
}

#endif
