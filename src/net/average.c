/* `dmsnet average`: the mean of several models' weights. Relies on equal
 * architectures having equal parameter tables, and reads one file at a time. */
#include "dms/average.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "formats/json.h"
#include "net/model.h"
#include "net/model_file.h"
#include "net/provenance.h"

typedef struct averaging {
    const char *const *paths;
    size_t count;
    const dms_monitor *monitor;
    dms_model *first;          /* owned: what the others are compared with */
    dms_params *mean;          /* owned: of the result */
    double *sums;              /* owned: in mean's order */
    float *scratch;            /* owned: the longest tensor */
    json_t *files;             /* owned: name and digest of each */
    dms_trained_on trained_on; /* owned: by any of them */
    /* of all files so far */
    bool same_thresholds, same_calibration, same_split, all_known;
} averaging;

static json_t *split_of(const dms_model *model)
{
    json_t *root = dms_provenance_read(&model->config);
    json_t *split = json_incref(json_object_get(root, "split"));

    json_decref(root);
    return split;
}

static bool same_split(const dms_model *a, const dms_model *b)
{
    json_t *x = split_of(a), *y = split_of(b);
    bool same = (!x && !y) || json_equal(x, y);

    json_decref(x);
    json_decref(y);
    return same;
}

/* What differs between two models that cannot be averaged; NULL: nothing. */
static const char *find_difference(const dms_model *a, const dms_model *b)
{
    const dms_architecture *x = &a->config.architecture;
    const dms_architecture *y = &b->config.architecture;

    if (x->backbone != y->backbone)
        return "backbone";
    if (x->context != y->context)
        return "context module";
    if (x->fusion != y->fusion)
        return "fusion";
    if (x->eyes != y->eyes)
        return "choice of eyes";
    if (x->width != y->width)
        return "width";
    if (!dms_label_sets_equal(a->config.labels, b->config.labels))
        return "label set";
    return dms_models_prepare_alike(a, b) ? NULL : "preprocessing";
}

static dms_status check(const averaging *a, const dms_model *model,
                        const char *path, dms_error *err)
{
    const char *other;

    if (dms_params_quantised(model->params))
        return dms_fail(err, DMS_EINVAL,
                        "%s: is quantised: its weights are integers with "
                        "scales of their own, which have no mean; average the "
                        "models before quantising",
                        path);
    other = find_difference(a->first, model);
    return other ? dms_fail(err, DMS_EMISMATCH,
                            "%.200s: has another %s than %.200s; models can "
                            "be averaged if only their weights differ",
                            path, other, a->paths[0])
                 : DMS_OK;
}

/* Add the file's name, with its folder's since runs name theirs alike, and a
 * digest of its weights. */
static dms_status add_file(averaging *a, const dms_model *model,
                           const char *path, dms_error *err)
{
    const char *name = path + strlen(path);
    uint64_t digest = 0;
    char text[24];
    dms_status st;

    for (int slashes = 0; name > path; name--)
        if (name[-1] == '/' && ++slashes == 2)
            break;
    TRY(dms_params_digest(&digest, model->params, false, err));
    snprintf(text, sizeof text, "%016" PRIx64, digest);
    dms_json_append(&a->files, json_pack("{s:o, s:s}", "file",
                                         dms_json_name(name), "weights", text));
done:
    return st;
}

static void add_weights(averaging *a, const dms_model *model)
{
    for (size_t i = 0; i < a->mean->count; i++) {
        const dms_param *param = &a->mean->items[i];

        dms_param_read(a->scratch, model->params, i);
        for (size_t k = 0; k < param->len; k++)
            a->sums[param->offset + k] += (double)a->scratch[k];
    }
}

/* Note what the models have in common beside their weights. */
static dms_status compare(averaging *a, const dms_model *model, dms_error *err)
{
    const dms_model_config *x = &a->first->config, *y = &model->config;
    const dms_trained_on *seen = &y->trained_on;
    dms_status st = DMS_OK;

    for (int k = 0; k < x->architecture.labels; k++)
        a->same_thresholds =
            a->same_thresholds && x->thresholds[k] == y->thresholds[k];
    a->same_calibration =
        a->same_calibration && dms_model_config_same_calibration(x, y);
    a->same_split = a->same_split && same_split(a->first, model);
    a->all_known = a->all_known && seen->digests;
    if (seen->digests)
        TRY(dms_trained_on_add(&a->trained_on, seen->digests, seen->count,
                               err));
done:
    return st;
}

static dms_status begin(averaging *a, dms_error *err)
{
    dms_status st;

    TRY(dms_model_open(&a->first, a->paths[0], a->monitor, err));
    TRY(dms_model_new_params(&a->mean, &a->first->config.architecture, false,
                             err));
    a->sums = dms_calloc(a->mean->total, sizeof *a->sums);
    a->scratch = dms_calloc(dms_params_longest(a->mean), sizeof *a->scratch);
    a->files = json_array();
    if (!a->sums || !a->scratch || !a->files)
        st = dms_fail_memory(err, "mean of weights");
done:
    return st;
}

static dms_status add_model(averaging *a, size_t i, dms_error *err)
{
    const char *path = a->paths[i];
    dms_model *model = NULL;
    dms_status st;

    if (dms_should_stop(a->monitor))
        return dms_fail(err, DMS_ESTOPPED,
                        "stopped after %zu of %zu models; nothing was written",
                        i, a->count);
    TRY(dms_model_open(&model, path, i > 0 ? a->monitor : NULL, err));
    TRY(check(a, model, path, err));
    TRY(compare(a, model, err));
    TRY(add_file(a, model, path, err));
    add_weights(a, model);
    dms_progress(a->monitor, "average", i + 1, a->count, NULL);
done:
    dms_model_destroy(model);
    return st;
}

/* The sums over all files become means; a count stays a whole number. */
static void divide(averaging *a)
{
    for (size_t i = 0; i < a->mean->count; i++) {
        const dms_param *param = &a->mean->items[i];

        for (size_t k = param->offset; k < param->offset + param->len; k++) {
            double mean = a->sums[k] / (double)a->count;

            a->mean->value[k] =
                (float)(param->role == DMS_PARAM_COUNT ? floor(mean + 0.5)
                                                       : mean);
        }
    }
}

static void tell(const averaging *a)
{
    if (!a->same_thresholds)
        dms_log(a->monitor, DMS_LOG_WARNING,
                "the models have different thresholds: the mean has 0.5");
    if (!a->same_calibration)
        dms_log(a->monitor, DMS_LOG_WARNING,
                "the models have different calibrations: the mean is not "
                "calibrated");
    if (!a->same_split)
        dms_log(a->monitor, DMS_LOG_WARNING,
                "the models were trained on different splits: the mean records "
                "none");
    if (!a->all_known)
        dms_log(a->monitor, DMS_LOG_WARNING,
                "not all models say which photographs they were trained on, so "
                "the mean does not either");
}

static dms_status write_provenance(dms_model_config *config, const averaging *a,
                                   const char *out, dms_error *err)
{
    json_t *root =
        json_pack("{s:O, s:s}", "averaged", a->files, "dmsnet", dms_version());
    json_t *split = a->same_split ? split_of(a->first) : NULL;

    if (split)
        dms_json_set(&root, "split", split);
    return dms_provenance_write(config, root, out, err);
}

/* The first file's description, as far as it is that of all. */
static dms_status write_mean(averaging *a, const char *out, dms_error *err)
{
    dms_model_config *config = &a->first->config;
    dms_status st;

    tell(a);
    for (int k = 0; k < config->architecture.labels; k++)
        if (!a->same_thresholds)
            config->thresholds[k] = 0.5;
    for (int k = 0; k < config->architecture.labels; k++)
        if (!a->same_calibration)
            config->calibration[k] = (dms_calibration){1, 0};
    if (!a->same_calibration)
        config->temperature = 1;
    TRY(write_provenance(config, a, out, err));
    dms_trained_on_release(&config->trained_on);
    if (a->all_known) {
        config->trained_on = a->trained_on; /* ownership moves */
        a->trained_on = (dms_trained_on){0};
    }
    TRY(dms_model_file_write(out, config, a->mean, NULL, err));
done:
    return st;
}

dms_status dms_average(const char *out, const char *const *paths, size_t count,
                       const dms_monitor *monitor, dms_error *err)
{
    averaging a = {.paths = paths,
                   .count = count,
                   .monitor = monitor,
                   .same_thresholds = true,
                   .same_calibration = true,
                   .same_split = true,
                   .all_known = true};
    dms_status st = DMS_OK;

    if (count < 2 || count > DMS_AVERAGE_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "%zu models to average, expected 2 to %d", count,
                        DMS_AVERAGE_MAX);
    TRY(dms_file_try(out, err));
    TRY(begin(&a, err));
    for (size_t i = 0; i < count; i++)
        TRY(add_model(&a, i, err));
    divide(&a);
    TRY(write_mean(&a, out, err));
done:
    dms_model_destroy(a.first);
    dms_params_destroy(a.mean);
    dms_free(a.sums);
    dms_free(a.scratch);
    json_decref(a.files);
    dms_trained_on_release(&a.trained_on);
    return st;
}
