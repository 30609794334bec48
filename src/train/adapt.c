/* Re-estimates batch norms, for a run's first weights and for a model file.
 * Relies on the statistics mode MEAN (graph/run_mode.h), in which each norm
 * averages over the batches that it has counted. */
#include "train/adapt.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "net/compute.h"
#include "train/trainer.h"

static dms_status make_net(dms_net **net, const dms_norm_adaptation *a,
                           int patients, dms_error *err)
{
    dms_net_options options = {.patients = patients,
                               .mode = {.statistics = DMS_STATISTICS_MEAN},
                               .labels = a->config->labels};
    dms_status st;

    TRY(dms_compute_apply(&options, a->compute, NULL, 0, err));
    TRY(dms_net_create(net, &a->config->architecture, a->params, &options,
                       err));
done:
    return st;
}

static dms_status run_batches(const dms_norm_adaptation *a, dms_net *net,
                              size_t *order, size_t batch, dms_error *err)
{
    size_t in_pass = a->count / batch, total = (size_t)a->batches;
    dms_batch out = {.images = dms_net_images(net)};
    dms_status st = DMS_OK;

    for (size_t i = 0; i < total; i++) {
        if (i % in_pass == 0)
            dms_sampler_order(order, a->patients, a->count, a->seed,
                              i / in_pass);
        if (dms_should_stop(a->monitor)) {
            st = dms_fail(err, DMS_ESTOPPED,
                          "stopped after %zu of %zu batches of adapting norms",
                          i, total);
            goto done;
        }
        dms_loader_fill(a->loader, &out, order + i % in_pass * batch,
                        (int)batch, 0);
        TRY(dms_net_forward(net, 0, err));
        dms_progress(a->monitor, "adapting norms", i + 1, total, NULL);
    }
done:
    return st;
}

dms_status dms_adapt_norms(const dms_norm_adaptation *a, dms_error *err)
{
    size_t batch = a->count < (size_t)a->batch ? a->count : (size_t)a->batch;
    size_t *order = dms_calloc(a->count, sizeof *order);
    dms_net *net = NULL;
    dms_status st;

    assert(batch >= 2 && a->batches >= 1);
    if (!order)
        return dms_fail_memory(err, "adapting norms");
    /* from counts of 0 the first batch replaces the statistics */
    for (size_t i = 0; i < a->params->count; i++)
        if (a->params->items[i].role == DMS_PARAM_COUNT)
            a->params->value[a->params->items[i].offset] = 0;
    TRY(make_net(&net, a, (int)batch, err));
    TRY(run_batches(a, net, order, batch, err));
    TRY(dms_train_weights_check(a->params, "adapted norms", err));
    dms_log(a->monitor, DMS_LOG_INFO,
            "norms adapted to %d batches of %zu patients", a->batches, batch);
done:
    dms_net_destroy(net);
    dms_free(order);
    return st;
}
