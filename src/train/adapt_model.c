/* `dmsnet adapt`: reads a model file and the photographs of a data set, and
 * writes another model file. Relies on the cache and the split that evaluation
 * uses, and on train/adapt.c for the estimation. */
#include "dms/adapt.h"

#include <libgen.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/growing.h"
#include "base/log.h"
#include "engine/model_split.h"
#include "machine/threads.h"
#include "net/compute.h"
#include "net/model.h"
#include "train/adapt.h"

typedef struct adapting {
    const dms_adapt_options *options;
    const dms_monitor *monitor;
    const char *cache_folder;
    char *out_copy; /* where cache_folder may lie; owned, as are the pointers
                       from here on */
    dms_model *model;
    dms_dataset *dataset;
    dms_cache *cache;
    dms_loader *loader;
    dms_params *params; /* the model's parameters, not mapped */
    size_t *patients;   /* count of the split that have a photograph */
    size_t count;
} adapting;

void dms_adapt_options_init(dms_adapt_options *options, size_t struct_size)
{
    const dms_adapt_options plain = {
        .split = DMS_SPLIT_TRAIN, .batches = 24, .batch = 16, .seed = 1};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

static dms_status check(const dms_adapt_options *o, dms_error *err)
{
    if (!o->model || !o->data || !o->out)
        return dms_fail(err, DMS_EINVAL,
                        "adapting needs a model, data and an output file; one "
                        "path is missing");
    if (o->batches < 1 || o->batches > 100000)
        return dms_fail(err, DMS_EINVAL, "%d batches, expected 1 to 100000",
                        o->batches);
    if (o->batch < 2 || o->batch > 256)
        return dms_fail(err, DMS_EINVAL,
                        "a batch of %d patients, expected 2 to 256", o->batch);
    return DMS_OK;
}

static dms_status open_model(adapting *a, dms_error *err)
{
    dms_status st;

    TRY(dms_model_open(&a->model, a->options->model, a->monitor, err));
    if (dms_params_quantised(a->model->params)) {
        st = dms_fail(err, DMS_EINVAL,
                      "%s: is quantised, and its norms are part of its "
                      "integers; adapt the model that it was made from",
                      a->options->model);
        goto done;
    }
    TRY(dms_model_new_params(&a->params, &a->model->config.architecture, false,
                             err));
    for (size_t i = 0; i < a->params->count; i++)
        dms_param_read(a->params->value + a->params->items[i].offset,
                       a->model->params, i);
done:
    return st;
}

/* Without an option the cache is in the folder of the output, which is created
 * like any folder of a cache. Then check that the output can be written, before
 * photographs are read. */
static dms_status prepare_output(adapting *a, dms_error *err)
{
    const dms_adapt_options *o = a->options;
    bool asked = o->cache && o->cache[0];
    dms_status st;

    a->out_copy = dms_strdup(o->out);
    if (!a->out_copy) {
        st = dms_fail_memory(err, "adapting norms");
        goto done;
    }
    a->cache_folder = asked ? o->cache : dirname(a->out_copy);
    if (!asked)
        TRY(dms_folder_make(a->cache_folder, err));
    TRY(dms_file_try(o->out, err));
done:
    return st;
}

/* Select the split's patients that have a photograph, labelled or not. */
static dms_status choose_patients(adapting *a, dms_error *err)
{
    dms_eyes eyes = a->model->config.architecture.eyes;
    dms_split split = a->options->split;

    a->patients = dms_calloc(a->dataset->count, sizeof *a->patients);
    if (!a->patients)
        return dms_fail_memory(err, "patients");
    for (size_t i = 0; i < a->dataset->count; i++)
        if ((split == DMS_SPLIT_NONE ||
             a->dataset->patients[i].split == split) &&
            dms_loader_can_use(a->dataset, a->cache, i, eyes))
            a->patients[a->count++] = i;
    if (a->count >= 2)
        return DMS_OK;
    return dms_fail(err, DMS_EINVAL,
                    "%s: %zu patients with a readable photograph in the %s "
                    "split; batch statistics need at least 2",
                    a->dataset->table, a->count,
                    split == DMS_SPLIT_NONE ? "whole" : dms_split_name(split));
}

static dms_status open_data(adapting *a, dms_error *err)
{
    const dms_adapt_options *o = a->options;
    const dms_dataset_options options = {
        .struct_size = sizeof options,
        .images = o->images && o->images[0] ? o->images : NULL,
        .labels = a->model->config.labels,
        .wanted = DMS_LABELS_OPTIONAL,
        .monitor = a->monitor,
        .encoding = o->encoding,
        .split_ignored = dms_model_overrides_split(a->model)};
    const dms_loader_options plain = {.eyes =
                                          a->model->config.architecture.eyes};
    dms_status st;

    TRY(dms_dataset_open_with(&a->dataset, o->data, &options, err));
    TRY(dms_dataset_need_photographs(a->dataset, err));
    TRY(dms_model_split(a->dataset, a->model, o->split, a->monitor, err));
    TRY(dms_cache_open(&a->cache, a->cache_folder, a->dataset,
                       &a->model->config.preprocess, a->monitor, err));
    TRY(choose_patients(a, err));
    TRY(dms_loader_create(&a->loader, a->dataset, a->cache, &plain, err));
done:
    return st;
}

static void close_all(adapting *a)
{
    dms_loader_destroy(a->loader);
    dms_cache_close(a->cache);
    dms_dataset_close(a->dataset);
    dms_params_destroy(a->params);
    dms_model_destroy(a->model);
    dms_free(a->patients);
    dms_free(a->out_copy);
}

static dms_status adapt(adapting *a, const dms_compute *compute, dms_error *err)
{
    const dms_adapt_options *o = a->options;
    bool dropped;
    dms_status st;

    TRY(open_model(a, err));
    TRY(prepare_output(a, err));
    TRY(open_data(a, err));
    TRY(dms_adapt_norms(&(dms_norm_adaptation){.config = &a->model->config,
                                               .params = a->params,
                                               .loader = a->loader,
                                               .patients = a->patients,
                                               .count = a->count,
                                               .batch = o->batch,
                                               .batches = o->batches,
                                               .seed = o->seed,
                                               .compute = compute,
                                               .monitor = a->monitor},
                        err));
    TRY(dms_model_config_undecide(&a->model->config, &dropped, o->model, err));
    if (dropped)
        dms_log(a->monitor, DMS_LOG_WARNING,
                "%s: calibration and thresholds were fitted to the outputs of "
                "%s and are dropped; fit them again with dmsnet calibrate",
                o->out, o->model);
    TRY(dms_model_file_write(o->out, &a->model->config, a->params, NULL, err));
done:
    return st;
}

dms_status dms_adapt(const dms_adapt_options *given, const dms_monitor *monitor,
                     dms_error *err)
{
    dms_adapt_options options;
    dms_compute compute;
    adapting a = {.options = &options, .monitor = monitor};
    int threads = 0;
    dms_status st;

    dms_adapt_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given, "dms_adapt_options",
                         err));
    TRY(dms_compute_take(&compute, options.compute, err));
    TRY(check(&options, err));
    threads = dms_threads_use(compute.threads);
    st = adapt(&a, &compute, err);
    dms_threads_use(threads);
done:
    close_all(&a);
    return st;
}
