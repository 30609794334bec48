/* Gathers logits and labels: from the photographs through the engine, or from
 * files of probabilities. Relies on data/predictions for the files. */
#include "engine/calibrate_patients.h"

#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/labels.h"
#include "data/loader.h"
#include "data/predictions.h"
#include "engine/model_dataset.h"
#include "engine/model_record.h"
#include "engine/patient_logits.h"
#include "net/model.h"

/* Where a probability of 0 or 1 is put; the sigmoid of it is 4e-18. */
#define LOGIT_MAX 40.0

void dms_calibrate_patients_release(dms_calibrate_patients *p)
{
    dms_free(p->logits);
    dms_free(p->labels);
    *p = (dms_calibrate_patients){0};
}

static dms_status make_room(dms_calibrate_patients *p, size_t count,
                            const dms_calibrate_source *s, dms_error *err)
{
    size_t width = (size_t)s->dataset->label_count;

    p->logits = dms_calloc(count, width * sizeof *p->logits);
    p->labels = dms_calloc(count, width);
    return p->logits && p->labels ? DMS_OK
                                  : dms_fail_memory(err, "calibration");
}

/* Append a patient whose logits are already in place, at p->count. One-of
 * labels need exactly one. */
static void take_patient(dms_calibrate_patients *p, const dms_patient *patient,
                         const dms_calibrate_source *s)
{
    int width = s->dataset->label_count;

    if (s->model->config.architecture.task == DMS_TASK_SINGLE_LABEL &&
        !dms_labels_single(patient->labels, width)) {
        p->left_out++;
        return;
    }
    memcpy(p->labels + p->count * (size_t)width, patient->labels,
           (size_t)width);
    p->splits[patient->split]++;
    p->count++;
}

static dms_status refuse_none(const dms_calibrate_source *s, const char *what,
                              dms_error *err)
{
    dms_split split = s->options->split;

    return dms_fail(err, DMS_EMISMATCH,
                    "%s: no labelled patient with %s in the %s split",
                    s->dataset->table, what,
                    split == DMS_SPLIT_NONE ? "whole" : dms_split_name(split));
}

static dms_status open_cache(dms_cache **cache, const dms_calibrate_source *s,
                             dms_error *err)
{
    const dms_calibrate_options *o = s->options;
    char *out = dms_strdup(o->out), *folder = NULL;
    dms_status st;

    if (!out)
        return dms_fail_memory(err, "calibration");
    if (o->cache[0] == '\0')
        TRY(dms_model_cache_folder(&folder, o->model, dirname(out), err));
    TRY(dms_cache_open(cache, folder ? folder : o->cache, s->dataset,
                       &s->model->config.preprocess, s->monitor, err));
done:
    dms_free(folder);
    dms_free(out);
    return st;
}

static dms_status check_record(const dms_calibrate_source *s,
                               const dms_cache *cache, dms_error *err)
{
    const dms_model_record record = {.model = s->model,
                                     .path = s->options->model,
                                     .dataset = s->dataset,
                                     .cache = cache,
                                     .monitor = s->monitor};

    if (s->options->split == DMS_SPLIT_TRAIN)
        dms_log(s->monitor, DMS_LOG_WARNING,
                "%s was trained on the training split and is too sure of it: "
                "fit the calibration to another split or to out-of-fold "
                "predictions",
                s->options->model);
    return dms_model_record_check(&record, s->options->split, err);
}

dms_status dms_calibrate_patients_run(dms_calibrate_patients *out,
                                      const dms_calibrate_source *s,
                                      dms_error *err)
{
    const dms_calibrate_options *o = s->options;
    dms_engine_options how = dms_engine_options_of(s->model);
    dms_eyes eyes = s->model->config.architecture.eyes;
    size_t width = (size_t)s->dataset->label_count;
    dms_engine *engine = NULL;
    dms_cache *cache = NULL;
    const dms_cache *caches[1];
    size_t *patients = NULL, count = 0;
    dms_status st;

    TRY(dms_dataset_need_photographs(s->dataset, err));
    TRY(open_cache(&cache, s, err));
    TRY(check_record(s, cache, err));
    TRY(dms_loader_usable(&patients, &count, s->dataset, cache, o->split, eyes,
                          err));
    if (count == 0) {
        st = refuse_none(s, "a readable photograph", err);
        goto done;
    }
    TRY(make_room(out, count, s, err));
    how.batch = o->batch;
    how.compute = s->compute;
    how.patients = count;
    TRY(dms_engine_create(&engine, &how, err));
    caches[0] = cache;
    TRY(dms_patient_logits(out->logits, engine,
                           &(dms_patient_run){.dataset = s->dataset,
                                              .caches = caches,
                                              .eyes = eyes,
                                              .patients = patients,
                                              .count = count,
                                              .stage = "calibrate",
                                              .monitor = s->monitor},
                           err));
    for (size_t i = 0; i < count; i++) {
        memmove(out->logits + out->count * width, out->logits + i * width,
                width * sizeof *out->logits);
        take_patient(out, &s->dataset->patients[patients[i]], s);
    }
done:
    dms_engine_destroy(engine);
    dms_cache_close(cache);
    dms_free(patients);
    return st;
}

/* A prediction of one of the files, sorted by id. */
typedef struct entry {
    const char *id;
    const double *probabilities; /* K */
    const char *file;
} entry;

static int by_id(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->id, ((const entry *)b)->id);
}

/* All predictions of the files, which entries borrow. */
typedef struct predicted {
    dms_prediction_rows *files; /* owned, as are entries */
    size_t file_count;
    entry *entries;
    size_t count;
} predicted;

static dms_status read_files(predicted *p, const dms_calibrate_source *s,
                             dms_error *err)
{
    const dms_calibrate_options *o = s->options;
    const dms_label_set *labels = s->model->config.labels;
    dms_status st = DMS_OK;

    p->files = dms_calloc(o->predictions_count, sizeof *p->files);
    if (!p->files)
        return dms_fail_memory(err, "predictions");
    for (; p->file_count < o->predictions_count; p->file_count++) {
        dms_prediction_rows *file = &p->files[p->file_count];

        TRY(dms_prediction_rows_read(file, o->predictions[p->file_count],
                                     labels, err));
        p->count += file->count;
    }
done:
    return st;
}

static dms_status sort_entries(predicted *p, const dms_calibrate_source *s,
                               dms_error *err)
{
    size_t width = (size_t)s->dataset->label_count, at = 0;

    p->entries = dms_calloc(p->count, sizeof *p->entries);
    if (!p->entries)
        return dms_fail_memory(err, "predictions");
    for (size_t f = 0; f < p->file_count; f++)
        for (size_t i = 0; i < p->files[f].count; i++)
            p->entries[at++] = (entry){p->files[f].ids[i],
                                       p->files[f].probabilities + i * width,
                                       p->files[f].name};
    qsort(p->entries, p->count, sizeof *p->entries, by_id);
    for (size_t i = 1; i < p->count; i++)
        if (by_id(&p->entries[i - 1], &p->entries[i]) == 0)
            return dms_fail(err, DMS_EMISMATCH,
                            "patient '%.64s' is both in %.150s and in %.150s",
                            p->entries[i].id, p->entries[i - 1].file,
                            p->entries[i].file);
    return DMS_OK;
}

/* The inverse of the sigmoid, or of the softmax but for a constant. */
static void logits_of(float *logits, const double *p, size_t width, bool one_of)
{
    for (size_t k = 0; k < width; k++) {
        double z = one_of ? log(p[k]) : log(p[k]) - log1p(-p[k]);
        double max = one_of ? 0 : LOGIT_MAX;

        logits[k] = (float)fmin(fmax(z, -LOGIT_MAX), max);
    }
}

dms_status dms_calibrate_patients_read(dms_calibrate_patients *out,
                                       const dms_calibrate_source *s,
                                       dms_error *err)
{
    dms_split split = s->options->split;
    bool one_of = s->model->config.architecture.task == DMS_TASK_SINGLE_LABEL;
    size_t width = (size_t)s->dataset->label_count, used = 0;
    predicted all = {0};
    dms_status st;

    TRY(read_files(&all, s, err));
    TRY(sort_entries(&all, s, err));
    TRY(make_room(out, all.count, s, err));
    for (size_t i = 0; i < s->dataset->count; i++) {
        const dms_patient *patient = &s->dataset->patients[i];
        const entry key = {.id = patient->id}, *found;

        if (!patient->labelled ||
            (split != DMS_SPLIT_NONE && patient->split != split))
            continue;
        found = bsearch(&key, all.entries, all.count, sizeof key, by_id);
        if (!found)
            continue;
        used++;
        logits_of(out->logits + out->count * width, found->probabilities, width,
                  one_of);
        take_patient(out, patient, s);
    }
    if (used == 0)
        st = refuse_none(s, "a prediction", err);
    else if (used < all.count)
        dms_log(s->monitor, DMS_LOG_WARNING,
                "%zu of %zu predictions are not used: %s has no labelled "
                "patient of that id%s",
                all.count - used, all.count, s->dataset->table,
                split == DMS_SPLIT_NONE ? "" : " in the split");
done:
    for (size_t f = 0; f < all.file_count; f++)
        dms_prediction_rows_release(&all.files[f]);
    dms_free(all.files);
    dms_free(all.entries);
    return st;
}
