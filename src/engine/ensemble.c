/* Checks that models can answer as one, and finds what they have in common:
 * thresholds, calibration, prepared photographs. Relies on the engine to run
 * its members one after another on the same patients. */
#include "engine/ensemble.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "data/labels.h"
#include "net/model.h"
#include "net/shipped.h"

/* The model's name in messages: its path or "model 2". */
static const char *name_of(char *text, size_t capacity, const dms_ensemble *e,
                           size_t i)
{
    if (e->paths)
        return e->paths[i];
    snprintf(text, capacity, "model %zu", i + 1);
    return text;
}

static dms_status refuse_labels(const dms_ensemble *e, size_t i, dms_error *err)
{
    const dms_label_set *first = e->models[0]->config.labels;
    const dms_label_set *other = e->models[i]->config.labels;
    char names[2][32], has[160], wants[160];

    dms_label_set_text(has, sizeof has, other);
    dms_label_set_text(wants, sizeof wants, first);
    return dms_fail(
        err, DMS_EMISMATCH,
        "%.100s: is a model of %s %s, but %.100s is a model of %s %s; an "
        "ensemble needs the same labels",
        name_of(names[0], sizeof names[0], e, i),
        dms_label_set_task(other) == DMS_TASK_SINGLE_LABEL ? "one of"
                                                           : "any of",
        has, name_of(names[1], sizeof names[1], e, 0),
        dms_label_set_task(first) == DMS_TASK_SINGLE_LABEL ? "one of"
                                                           : "any of",
        wants);
}

static dms_status check_models(const dms_ensemble *e, dms_error *err)
{
    const dms_model_config *first = &e->models[0]->config;
    char names[2][32];

    for (size_t i = 1; i < e->count; i++) {
        const dms_model_config *other = &e->models[i]->config;

        if (!dms_label_sets_equal(first->labels, other->labels))
            return refuse_labels(e, i, err);
        if (first->architecture.eyes != other->architecture.eyes)
            return dms_fail(err, DMS_EMISMATCH,
                            "%.150s: uses the eyes '%s', but %.150s uses "
                            "'%s'; an ensemble needs the same eyes",
                            name_of(names[0], sizeof names[0], e, i),
                            dms_eyes_name(other->architecture.eyes),
                            name_of(names[1], sizeof names[1], e, 0),
                            dms_eyes_name(first->architecture.eyes));
    }
    return DMS_OK;
}

/* How the averaged logits become findings: as the models do, if all agree. */
static dms_status take_decision(dms_ensemble *e, const dms_monitor *monitor,
                                dms_error *err)
{
    const dms_model_config *first = &e->models[0]->config;
    size_t width = (size_t)first->architecture.labels;
    bool thresholds = true, calibration = true;

    e->thresholds = dms_calloc(width, sizeof *e->thresholds);
    e->calibration = dms_calloc(width, sizeof *e->calibration);
    if (!e->thresholds || !e->calibration)
        return dms_fail_memory(err, "ensemble");
    for (size_t i = 1; i < e->count; i++) {
        const dms_model_config *other = &e->models[i]->config;

        for (size_t k = 0; k < width; k++)
            thresholds =
                thresholds && first->thresholds[k] == other->thresholds[k];
        calibration =
            calibration && dms_model_config_same_calibration(first, other);
    }
    for (size_t k = 0; k < width; k++) {
        e->thresholds[k] = thresholds ? first->thresholds[k] : 0.5;
        e->calibration[k] =
            calibration ? first->calibration[k] : (dms_calibration){1, 0};
    }
    if (!thresholds)
        dms_log(monitor, DMS_LOG_WARNING,
                "the %zu models have different thresholds: the ensemble uses "
                "0.5 for every label",
                e->count);
    if (!calibration)
        dms_log(monitor, DMS_LOG_WARNING,
                "the %zu models have different calibrations: the ensemble is "
                "not calibrated",
                e->count);
    return DMS_OK;
}

static dms_status check_count(size_t count, dms_error *err)
{
    return count >= 1 && count <= DMS_ENSEMBLE_MAX
               ? DMS_OK
               : dms_fail(err, DMS_EINVAL,
                          "an ensemble of %zu models, expected 1 to %d", count,
                          DMS_ENSEMBLE_MAX);
}

dms_status dms_ensemble_create(dms_ensemble **out,
                               const dms_model *const *models, size_t count,
                               const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_ensemble *e = NULL;

    TRY(check_count(count, err));
    e = dms_calloc(1, sizeof *e);
    if (e)
        e->models = dms_calloc(count, sizeof *e->models);
    if (!e || !e->models) {
        st = dms_fail_memory(err, "ensemble");
        goto done;
    }
    memcpy(e->models, models, count * sizeof *models);
    e->count = count;
    TRY(check_models(e, err));
    TRY(take_decision(e, monitor, err));
    *out = e, e = NULL;
done:
    dms_ensemble_destroy(e);
    return st;
}

static dms_status open_one(dms_ensemble *e, const char *path,
                           const dms_monitor *monitor, dms_error *err)
{
    dms_model *model = NULL;
    dms_status st;

    TRY(check_count(e->count + 1, err));
    e->paths[e->count] = dms_strdup(path);
    if (!e->paths[e->count]) {
        st = dms_fail_memory(err, "ensemble");
        goto done;
    }
    st = dms_model_open(&model, path, monitor, err);
    e->models[e->count++] = model;
done:
    return st;
}

/* The best models of a run with folds: as many as there are, one after another.
 * A run that has ended also has out-of-fold.csv. */
static dms_status open_run(dms_ensemble *e, const char *folder,
                           const dms_monitor *monitor, dms_error *err)
{
    dms_status st = DMS_OK;
    char *ended = dms_path_join(folder, "out-of-fold.csv");
    char *path = NULL;
    int fold = 1;

    for (;; fold++) {
        char name[48];

        snprintf(name, sizeof name, "fold%d/best.safetensors", fold);
        path = dms_path_join(folder, name);
        if (!path || !dms_path_exists(path))
            break;
        TRY(open_one(e, path, monitor, err));
        dms_free(path), path = NULL;
    }
    if (!ended || !path)
        st = dms_fail_memory(err, "ensemble");
    else if (fold == 1)
        st = dms_fail(err, DMS_EINVAL,
                      "%.300s: is a folder without fold1/best.safetensors, "
                      "expected a model file or the folder of a run with folds",
                      folder);
    else if (!dms_path_exists(ended))
        dms_log(monitor, DMS_LOG_WARNING,
                "%s: the run has not ended; the models of %d folds are used",
                folder, fold - 1);
done:
    dms_free(path);
    dms_free(ended);
    return st;
}

dms_status dms_ensemble_open(dms_ensemble **out, const char *const *paths,
                             size_t count, const dms_monitor *monitor,
                             dms_error *err)
{
    dms_status st;
    dms_ensemble *e = NULL;
    char *path = NULL;

    TRY(check_count(count, err));
    e = dms_calloc(1, sizeof *e);
    if (e)
        e->models = dms_calloc(DMS_ENSEMBLE_MAX, sizeof *e->models);
    if (e)
        e->paths = dms_calloc(DMS_ENSEMBLE_MAX, sizeof *e->paths);
    if (!e || !e->models || !e->paths) {
        st = dms_fail_memory(err, "ensemble");
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        dms_free(path);
        path = NULL;
        TRY(dms_shipped_resolve(&path, paths[i], err));
        if (dms_path_is_folder(path))
            TRY(open_run(e, path, monitor, err));
        else
            TRY(open_one(e, path, monitor, err));
    }
    TRY(check_models(e, err));
    TRY(take_decision(e, monitor, err));
    *out = e, e = NULL;
done:
    dms_free(path);
    dms_ensemble_destroy(e);
    return st;
}

void dms_ensemble_destroy(dms_ensemble *e)
{
    if (!e)
        return;
    for (size_t i = 0; e->paths && i < e->count; i++) {
        dms_model_destroy((dms_model *)(uintptr_t)e->models[i]);
        dms_free(e->paths[i]);
    }
    dms_free(e->paths);
    dms_free((void *)e->models);
    dms_free(e->thresholds);
    dms_free(e->calibration);
    dms_free(e);
}

size_t dms_ensemble_count(const dms_ensemble *ensemble)
{
    return ensemble->count;
}

const dms_model *dms_ensemble_get(const dms_ensemble *ensemble, size_t i)
{
    return i < ensemble->count ? ensemble->models[i] : NULL;
}

double dms_ensemble_threshold(const dms_ensemble *ensemble, int k)
{
    return k >= 0 && k < dms_model_label_count(ensemble->models[0])
               ? ensemble->thresholds[k]
               : NAN;
}

dms_calibration dms_ensemble_calibration(const dms_ensemble *ensemble, int k)
{
    return k >= 0 && k < dms_model_label_count(ensemble->models[0])
               ? ensemble->calibration[k]
               : (dms_calibration){NAN, NAN};
}

dms_engine_options dms_ensemble_engine_options(dms_engine_options *more,
                                               const dms_ensemble *e)
{
    dms_engine_options options = dms_engine_options_of(e->models[0]);

    for (size_t i = 1; i < e->count; i++)
        more[i - 1] = dms_engine_options_of(e->models[i]);
    options.more = more;
    options.more_count = (int)e->count - 1;
    return options;
}

size_t dms_ensemble_same_input(const dms_ensemble *e, size_t i)
{
    size_t first = 0;

    while (first < i &&
           !dms_models_prepare_alike(e->models[first], e->models[i]))
        first++;
    return first;
}

void dms_ensemble_mean(float *logits, const double *sums, size_t len,
                       size_t count)
{
    assert(count > 0);
    for (size_t i = 0; i < len; i++)
        logits[i] = (float)(sums[i] / (double)count);
}
