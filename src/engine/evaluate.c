/* `dmsnet evaluate`: predict a split with a model or an ensemble, optionally
 * tune thresholds on the validation split, measure, and write the results.
 * Relies on patient_logits.c for the forward passes; a single model is an
 * ensemble of one. */
#include "dms/evaluate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/evaluation.h"
#include "engine/model_dataset.h"
#include "engine/model_record.h"
#include "engine/model_split.h"
#include "engine/patient_logits.h"
#include "net/model.h"
#include "net/provenance.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/growing.h"
#include "base/log.h"
#include "data/cache.h"
#include "data/labels.h"
#include "data/loader.h"
#include "eval/probability.h"
#include "net/compute.h"
#include "machine/threads.h"

const char *dms_tune_name(int tune)
{
    static const char *const names[] = {"none", "f1", "kappa", "youden"};

    return tune >= 0 && tune < 4 ? names[tune] : NULL;
}

void dms_evaluate_options_init(dms_evaluate_options *options,
                               size_t struct_size)
{
    const dms_evaluate_options plain = {
        .split = DMS_SPLIT_VAL, .batch = 8, .resamples = 2000, .seed = 1};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

static void answers_release(dms_evaluation_answers *a)
{
    dms_free(a->patients);
    dms_free(a->logits);
    dms_free(a->probabilities);
    dms_free(a->labels);
}

/* By default where the first model's are. */
static dms_status open_caches(dms_evaluation *e, dms_error *err)
{
    const dms_evaluate_options *o = e->options;
    char *folder = NULL;
    dms_status st = DMS_OK;

    e->caches = dms_calloc(e->ensemble->count, sizeof *e->caches);
    if (!e->caches) {
        st = dms_fail_memory(err, "evaluation");
        goto done;
    }
    if (o->cache[0] == '\0')
        TRY(dms_model_cache_folder(&folder, o->models[0], o->out, err));
    for (size_t i = 0; i < e->ensemble->count; i++) {
        size_t same = dms_ensemble_same_input(e->ensemble, i);

        e->caches[i] = e->caches[same];
        if (same == i)
            TRY(dms_cache_open(
                &e->caches[i], folder ? folder : o->cache, e->dataset,
                &e->ensemble->models[i]->config.preprocess, e->monitor, err));
    }
done:
    dms_free(folder);
    return st;
}

/* The number of patients to predict, including those whose photographs turn out
 * unreadable. */
static size_t patients_to_run(const dms_evaluation *e)
{
    dms_split split = e->options->split;
    bool tune = e->options->tune != DMS_TUNE_NONE;
    size_t count = 0;

    for (size_t i = 0; i < e->dataset->count; i++) {
        const dms_patient *p = &e->dataset->patients[i];

        if (p->labelled)
            count += (split == DMS_SPLIT_NONE || p->split == split) +
                     (size_t)(tune && p->split == DMS_SPLIT_VAL);
    }
    return count;
}

static dms_status open_dataset(dms_evaluation *e, dms_error *err)
{
    const dms_evaluate_options *o = e->options;
    const dms_model_dataset asked = {.model = e->model,
                                     .path = e->ensemble->paths[0],
                                     .data = o->data,
                                     .images = o->images,
                                     .labels = o->labels,
                                     .encoding = o->encoding,
                                     .monitor = e->monitor};
    dms_status st;

    TRY(dms_model_dataset_open(&e->dataset, &asked, err));
    TRY(dms_dataset_need_photographs(e->dataset, err));
done:
    return st;
}

/* Checks every split that will be predicted, before the first prediction. */
static dms_status check_records(const dms_evaluation *e, dms_error *err)
{
    const dms_evaluate_options *o = e->options;
    dms_status st = DMS_OK;

    for (size_t i = 0; i < e->ensemble->count; i++) {
        const dms_model_record record = dms_evaluation_record(e, i);

        if (o->tune != DMS_TUNE_NONE && o->split != DMS_SPLIT_VAL)
            TRY(dms_model_record_check(&record, DMS_SPLIT_VAL, err));
        TRY(dms_model_record_check(&record, o->split, err));
    }
done:
    return st;
}

static dms_status open_models(dms_evaluation *e, dms_error *err)
{
    const dms_evaluate_options *o = e->options;
    dms_status st;

    TRY(dms_ensemble_open(&e->ensemble, o->models, o->model_count, e->monitor,
                          err));
    e->model = e->ensemble->models[0];
    for (size_t i = 0; o->strict && i < e->ensemble->count; i++)
        TRY(dms_model_record_need(e->ensemble->models[i], e->ensemble->paths[i],
                                  err));
    if (o->tuned_model[0] && e->ensemble->count > 1)
        st = dms_fail(err, DMS_EINVAL,
                      "tuned thresholds are written to one model's file, and "
                      "these are %zu models",
                      e->ensemble->count);
done:
    return st;
}

static dms_status make_engine(dms_evaluation *e, dms_error *err)
{
    dms_engine_options *more = dms_calloc(e->ensemble->count, sizeof *more);
    dms_engine_options options;
    dms_status st;

    if (!more)
        return dms_fail_memory(err, "evaluation");
    options = dms_ensemble_engine_options(more, e->ensemble);
    options.batch = e->options->batch;
    options.compute = e->compute;
    options.patients = patients_to_run(e);
    st = dms_engine_create(&e->engine, &options, err);
    dms_free(more);
    return st;
}

static dms_status open_all(dms_evaluation *e, dms_error *err)
{
    dms_status st;
    const dms_evaluate_options *o = e->options;

    TRY(open_models(e, err));
    TRY(open_dataset(e, err));
    TRY(dms_evaluation_prepare(e, err));
    TRY(dms_model_split(e->dataset, e->model, o->split, e->monitor, err));
    TRY(open_caches(e, err));
    TRY(check_records(e, err));
    TRY(make_engine(e, err));
done:
    return st;
}

/* Can every model use the patient's photographs? */
static bool all_can_use(const dms_evaluation *e, size_t patient)
{
    bool can = true;

    for (size_t i = 1; i < e->ensemble->count; i++)
        can = can && dms_loader_can_use(e->dataset, e->caches[i], patient,
                                        e->model->config.architecture.eyes);
    return can;
}

/* Keep the patients that all models can use and, for single-label, those with
 * exactly one label. */
static void choose_patients(dms_evaluation_answers *a, const dms_evaluation *e)
{
    bool one_of = e->model->config.architecture.task == DMS_TASK_SINGLE_LABEL;
    size_t all = a->count;

    a->count = 0;
    for (size_t i = 0; i < all; i++) {
        size_t patient = a->patients[i];

        if (!all_can_use(e, patient))
            continue;
        if (one_of && !dms_labels_single(e->dataset->patients[patient].labels,
                                         e->dataset->label_count))
            a->left_out++;
        else
            a->patients[a->count++] = patient;
    }
}

static dms_status answers_init(dms_evaluation_answers *a,
                               const dms_evaluation *e, dms_split split,
                               dms_error *err)
{
    dms_status st;
    size_t cells;

    TRY(dms_loader_usable(&a->patients, &a->count, e->dataset, e->caches[0],
                          split, e->model->config.architecture.eyes, err));
    choose_patients(a, e);
    if (a->count == 0) {
        st =
            dms_fail(err, DMS_EINVAL,
                     "%s: no labelled patient with a readable photograph in "
                     "the %s split",
                     e->dataset->table,
                     split == DMS_SPLIT_NONE ? "whole" : dms_split_name(split));
        goto done;
    }
    a->width = (size_t)e->model->config.architecture.labels;
    cells = a->count * a->width;
    a->logits = dms_calloc(e->ensemble->count * cells, sizeof *a->logits);
    a->probabilities = dms_calloc(cells, sizeof *a->probabilities);
    a->labels = dms_calloc(cells, sizeof *a->labels);
    if (!a->logits || !a->probabilities || !a->labels)
        st = dms_fail_memory(err, "evaluation");
done:
    return st;
}

/* From the models' logits to the ensemble's probabilities. */
static void decide(dms_evaluation_answers *a, const dms_evaluation *e)
{
    const dms_ensemble *all = e->ensemble;
    size_t cells = a->count * a->width;

    for (size_t i = 0; i < a->count; i++) {
        double *row = a->probabilities + i * a->width;
        float mean[DMS_LABELS_MAX];

        for (size_t k = 0; k < a->width; k++) {
            row[k] = (double)a->logits[i * a->width + k];
            for (size_t m = 1; m < all->count; m++)
                row[k] += (double)a->logits[m * cells + i * a->width + k];
        }
        dms_ensemble_mean(mean, row, a->width, all->count);
        dms_probabilities(row, mean, e->model->config.labels, all->calibration);
        memcpy(a->labels + i * a->width,
               e->dataset->patients[a->patients[i]].labels, a->width);
    }
}

static dms_status predict_split(dms_evaluation_answers *a,
                                const dms_evaluation *e, dms_split split,
                                dms_error *err)
{
    dms_status st;
    dms_patient_run run = {.dataset = e->dataset,
                           .caches = (const dms_cache *const *)e->caches,
                           .eyes = e->model->config.architecture.eyes,
                           .stage = "evaluate",
                           .monitor = e->monitor};

    TRY(answers_init(a, e, split, err));
    run.patients = a->patients;
    run.count = a->count;
    TRY(dms_patient_logits(a->logits, e->engine, &run, err));
    decide(a, e);
done:
    return st;
}

/* Write the only model with the ensemble's thresholds. */
static dms_status write_tuned(const dms_evaluation *e, dms_error *err)
{
    dms_model_config config = e->model->config; /* borrows all it points to */
    dms_status st;

    config.thresholds = e->ensemble->thresholds;
    TRY(dms_provenance_retune(&config, dms_tune_name((int)e->options->tune),
                              e->ensemble->paths[0], err));
    TRY(dms_model_file_write(e->options->tuned_model, &config, e->model->params,
                             NULL, err));
done:
    return st;
}

/* Tune the ensemble's thresholds on the validation split. */
static dms_status tune(dms_evaluation *e, dms_error *err)
{
    dms_status st;
    dms_evaluation_answers a = {0};
    dms_answers scored;
    dms_criterion criterion = (dms_criterion)(e->options->tune - DMS_TUNE_F1);

    TRY(predict_split(&a, e, DMS_SPLIT_VAL, err));
    scored = (dms_answers){e->model->config.labels, a.labels, a.probabilities,
                           a.count};
    TRY(dms_thresholds_tune(e->ensemble->thresholds, &scored, criterion, err));
    if (e->options->tuned_model[0])
        TRY(write_tuned(e, err));
done:
    answers_release(&a);
    return st;
}

/* Copy and check the caller's options; NULL texts become "", and a single model
 * a list of one. */
static dms_status take_options(dms_evaluate_options *own, dms_compute *compute,
                               const dms_evaluate_options *given,
                               dms_error *err)
{
    const char **texts[] = {&own->model,  &own->data,    &own->images,
                            &own->out,    &own->cache,   &own->tuned_model,
                            &own->labels, &own->encoding};
    dms_status st;

    dms_evaluate_options_init(own, sizeof *own);
    TRY(dms_growing_take(own, sizeof *own, given, "dms_evaluate_options", err));
    TRY(dms_compute_take(compute, own->compute, err));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!*texts[i])
            *texts[i] = "";
    if (own->models && own->model_count > 0 && own->model[0]) {
        st = dms_fail(err, DMS_EINVAL,
                      "'%.300s' is given as the model, and a list of models "
                      "too; expected one of them",
                      own->model);
        goto done;
    }
    if (!own->models || own->model_count == 0)
        own->models = &own->model, own->model_count = 1;
    if (!own->models[0][0] || !own->data[0] || !own->out[0])
        st = dms_fail(err, DMS_EINVAL,
                      "evaluation needs the paths of a model, a data set and a "
                      "folder for results; one is missing");
    else if (own->batch < 1 || own->batch > 256)
        st = dms_fail(err, DMS_EINVAL,
                      "a batch of %d patients, expected 1 to 256", own->batch);
done:
    return st;
}

dms_status dms_evaluate(dms_report **out, size_t *unreadable,
                        const dms_evaluate_options *given,
                        const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_evaluate_options options;
    dms_compute compute;
    dms_evaluation e = {
        .options = &options, .compute = &compute, .monitor = monitor};
    dms_evaluation_answers a = {0};
    dms_report *report = NULL;
    int threads = 0;

    TRY(take_options(&options, &compute, given, err));
    threads = dms_threads_use(compute.threads);
    TRY(open_all(&e, err));
    if (options.tune != DMS_TUNE_NONE)
        TRY(tune(&e, err));
    TRY(predict_split(&a, &e, options.split, err));
    TRY(dms_evaluation_measure(&report, &a, &e, err));
    TRY(dms_evaluation_write(&a, report, &e, err));
    *out = report, report = NULL;
    if (unreadable)
        *unreadable = dms_cache_unreadable(e.caches[0]);
done:
    dms_threads_use(threads);
    dms_report_destroy(report);
    answers_release(&a);
    dms_engine_destroy(e.engine);
    for (size_t i = 0; e.caches && i < e.ensemble->count; i++)
        if (dms_ensemble_same_input(e.ensemble, i) == i)
            dms_cache_close(e.caches[i]);
    dms_free(e.caches);
    dms_dataset_close(e.dataset);
    dms_ensemble_destroy(e.ensemble);
    return st;
}
