/* `dmsnet evaluate`: predict a split with a model, optionally tune thresholds
 * on the validation split, measure, and write the results. Relies on the engine
 * for the forward passes and on the cache for preprocessed photographs. */
#include "dms/evaluate.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "net/model.h"
#include "engine/model_record.h"
#include "engine/model_split.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/growing.h"
#include "base/log.h"
#include "data/cache.h"
#include "data/labels.h"
#include "data/loader.h"
#include "data/predictions.h"
#include "eval/probability.h"
#include "net/compute.h"
#include "net/dmsnet.h"
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

/* A running evaluation. open_all opens in the order of the fields; NULL: not
 * yet open. */
typedef struct evaluation {
    const dms_evaluate_options *options; /* its texts may be "", not NULL */
    const dms_compute *compute;
    const dms_monitor *monitor;
    dms_model *model;
    dms_dataset *dataset;
    dms_cache *cache;
    dms_engine *engine;
} evaluation;

/* The usable patients of one split and their predictions. */
typedef struct answers {
    size_t width;     /* K */
    size_t *patients; /* indices into the data set, in its order */
    size_t count;
    double *probabilities; /* count x K, each from 0 to 1 */
    uint8_t *labels;       /* count x K of 0, 1 or DMS_LABEL_UNKNOWN */
} answers;

static void answers_release(answers *a)
{
    dms_free(a->patients);
    dms_free(a->probabilities);
    dms_free(a->labels);
}

/* By default the cache is next to the model, where training leaves it, or in
 * the results' folder if the model's folder is not writable or the model was
 * found by its name: it ships with dmsnet, and many may use it. */
static dms_status open_cache(evaluation *e, dms_error *err)
{
    const dms_evaluate_options *o = e->options;
    const char *folder = o->cache;
    char *model = dms_strdup(o->model);
    dms_status st;

    if (!model)
        return dms_fail_memory(err, "evaluation");
    if (folder[0] == '\0') {
        bool named = strcmp(model, dms_tensor_file_path(e->model->file)) != 0;

        folder = dirname(model);
        folder = !named && access(folder, W_OK) == 0 ? folder : o->out;
    }
    st = dms_cache_open(&e->cache, folder, e->dataset,
                        &e->model->config.preprocess, e->monitor, err);
    dms_free(model);
    return st;
}

/* The number of patients to predict, including those whose photographs turn out
 * unreadable. */
static size_t patients_to_run(const evaluation *e)
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

/* Labels given by --labels must have the model's codes, but may be in another
 * column. Without it, the model's own labels are searched for. */
static dms_status open_dataset(evaluation *e, dms_error *err)
{
    const dms_evaluate_options *o = e->options;
    const dms_label_set *own = e->model->config.labels;
    dms_label_set *asked = NULL;
    dms_dataset_options options = {.struct_size = sizeof options,
                                   .images = o->images[0] ? o->images : NULL,
                                   .labels = own,
                                   .monitor = e->monitor,
                                   .encoding = o->encoding,
                                   .split_ignored =
                                       dms_model_overrides_split(e->model)};
    dms_status st = DMS_OK;

    if (o->labels[0]) {
        TRY(dms_label_set_parse(&asked, o->labels, err));
        if (!dms_label_sets_same_codes(asked, own)) {
            char has[160], wants[160];

            dms_label_set_text(has, sizeof has, own);
            dms_label_set_text(wants, sizeof wants, asked);
            st = dms_fail(err, DMS_EMISMATCH,
                          "%s: is a model of the labels %s; --labels is %s",
                          o->model, has, wants);
            goto done;
        }
        options.labels = asked;
    }
    TRY(dms_dataset_open_with(&e->dataset, o->data, &options, err));
    TRY(dms_dataset_need_photographs(e->dataset, err));
done:
    dms_label_set_destroy(asked);
    return st;
}

static dms_model_record record_of(const evaluation *e)
{
    return (dms_model_record){.model = e->model,
                              .path = e->options->model,
                              .dataset = e->dataset,
                              .cache = e->cache,
                              .strict = e->options->strict,
                              .monitor = e->monitor};
}

/* Checks every split that will be predicted, before the first prediction. */
static dms_status check_record(const evaluation *e, dms_error *err)
{
    const dms_evaluate_options *o = e->options;
    const dms_model_record record = record_of(e);
    dms_status st = DMS_OK;

    if (o->tune != DMS_TUNE_NONE && o->split != DMS_SPLIT_VAL)
        TRY(dms_model_record_check(&record, DMS_SPLIT_VAL, err));
    TRY(dms_model_record_check(&record, o->split, err));
done:
    return st;
}

static dms_status open_all(evaluation *e, dms_error *err)
{
    dms_status st;
    const dms_evaluate_options *o = e->options;
    dms_engine_options engine;

    TRY(dms_model_open(&e->model, o->model, e->monitor, err));
    if (o->strict)
        TRY(dms_model_record_need(e->model, o->model, err));
    TRY(open_dataset(e, err));
    TRY(dms_model_split(e->dataset, e->model, o->split, e->monitor, err));
    TRY(dms_folder_make(o->out, err));
    TRY(open_cache(e, err));
    TRY(check_record(e, err));
    engine = dms_engine_options_of(e->model);
    engine.batch = o->batch;
    engine.compute = e->compute;
    engine.patients = patients_to_run(e);
    TRY(dms_engine_create(&e->engine, &engine, err));
done:
    return st;
}

static dms_status answers_init(answers *a, const evaluation *e, dms_split split,
                               dms_error *err)
{
    dms_status st;

    TRY(dms_loader_usable(&a->patients, &a->count, e->dataset, e->cache, split,
                          e->model->config.architecture.eyes, err));
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
    a->probabilities =
        dms_calloc(a->count * a->width, sizeof *a->probabilities);
    a->labels = dms_calloc(a->count * a->width, sizeof *a->labels);
    if (!a->probabilities || !a->labels)
        st = dms_fail_memory(err, "evaluation");
done:
    return st;
}

/* A running prediction, shared by all workers. */
typedef struct prediction {
    answers *answers;
    const evaluation *evaluation;
    dms_loader *loader; /* without augmentation, so all may fill at once */
} prediction;

/* A partial batch is padded with its first patient. */
static dms_status show_patients(void *user, const dms_engine_batch *batch,
                                dms_error *err)
{
    const prediction *p = user;
    size_t rows = (size_t)batch->size, chosen[DMS_ENGINE_BATCH_MAX];
    const dms_batch filled = {.images = dms_net_images(batch->net)};

    (void)err; /* reading from the cache cannot fail */
    for (size_t i = 0; i < rows; i++)
        chosen[i] =
            p->answers->patients[batch->at + (i < batch->count ? i : 0)];
    dms_loader_fill(p->loader, &filled, chosen, batch->size, 0);
    return DMS_OK;
}

static dms_status take_answers(void *user, const dms_engine_batch *batch,
                               dms_error *err)
{
    const prediction *p = user;
    const evaluation *e = p->evaluation;
    const dms_model_config *config = &e->model->config;
    answers *a = p->answers;
    size_t width = a->width;
    char who[DMS_NET_WHO];
    dms_status st = DMS_OK;

    for (size_t i = 0; i < batch->count; i++) {
        size_t at = batch->at + i;
        const dms_patient *patient = &e->dataset->patients[a->patients[at]];

        TRY(dms_net_check(batch->net, i, dms_net_who(who, patient->id), err));
        dms_probabilities(a->probabilities + at * width,
                          batch->patient_logits + i * width, config->labels,
                          config->temperature);
        memcpy(a->labels + at * width, patient->labels, width);
    }
done:
    return st;
}

static dms_status predict_split(answers *a, const evaluation *e,
                                dms_split split, dms_error *err)
{
    dms_status st;
    const dms_architecture *arch = &e->model->config.architecture;
    dms_loader_options options = {.eyes = arch->eyes};
    size_t done;
    prediction p = {.answers = a, .evaluation = e};
    dms_feed feed = {.fill = show_patients,
                     .take = take_answers,
                     .user = &p,
                     .stage = "evaluate"};

    TRY(answers_init(a, e, split, err));
    TRY(dms_loader_create(&p.loader, e->dataset, e->cache, &options, err));
    feed.total = a->count;
    TRY(dms_engine_run(&done, e->engine, &feed, e->monitor, err));
done:
    dms_loader_destroy(p.loader);
    return st;
}

/* priors, out: K; each label's share of 1 among the training patients for whom
 * it is known. */
static void training_priors(double *priors, const dms_dataset *dataset)
{
    for (int k = 0; k < dataset->label_count; k++) {
        size_t count = 0, positives = 0;

        for (size_t i = 0; i < dataset->count; i++) {
            const dms_patient *p = &dataset->patients[i];

            if (p->split != DMS_SPLIT_TRAIN ||
                p->labels[k] == DMS_LABEL_UNKNOWN)
                continue;
            count++;
            positives += p->labels[k];
        }
        priors[k] = count ? (double)positives / (double)count : 0;
    }
}

static bool has_training_split(const dms_dataset *dataset)
{
    for (size_t i = 0; i < dataset->count; i++)
        if (dataset->patients[i].split == DMS_SPLIT_TRAIN)
            return true;
    return false;
}

/* Tune thresholds on the validation split; sets them in the model in memory. */
static dms_status tune(evaluation *e, dms_error *err)
{
    dms_status st;
    answers a = {0};
    dms_answers scored;
    dms_criterion criterion = (dms_criterion)(e->options->tune - DMS_TUNE_F1);

    TRY(predict_split(&a, e, DMS_SPLIT_VAL, err));
    scored = (dms_answers){e->model->config.labels, a.labels, a.probabilities,
                           a.count};
    TRY(dms_thresholds_tune(e->model->config.thresholds, &scored, criterion,
                            err));
    if (e->options->tuned_model[0])
        TRY(dms_model_write(e->model, e->options->tuned_model, err));
done:
    answers_release(&a);
    return st;
}

/* For single-label: keep only patients with exactly one label. Returns how many
 * are kept. */
static size_t keep_single(answers *a)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->count; i++) {
        if (!dms_labels_single(a->labels + i * a->width, (int)a->width))
            continue;
        a->patients[kept] = a->patients[i];
        memmove(a->labels + kept * a->width, a->labels + i * a->width,
                a->width);
        memmove(a->probabilities + kept * a->width,
                a->probabilities + i * a->width,
                a->width * sizeof *a->probabilities);
        kept++;
    }
    return kept;
}

static dms_status measure(dms_report **report, answers *a, const evaluation *e,
                          dms_error *err)
{
    dms_status st;
    const dms_model_config *config = &e->model->config;
    const dms_model_record record = record_of(e);
    dms_report_options options;
    size_t all = a->count;
    dms_answers scored;
    double *priors = dms_calloc(a->width, sizeof *priors);

    if (!priors)
        return dms_fail_memory(err, "evaluation");
    training_priors(priors, e->dataset);
    dms_report_options_init(&options, sizeof options);
    options.resamples = e->options->resamples;
    options.seed = e->options->seed;
    options.priors = has_training_split(e->dataset) ? priors : NULL;
    options.thresholds = config->thresholds;
    options.tuned_here = e->options->tune != DMS_TUNE_NONE &&
                         e->options->split != DMS_SPLIT_TEST &&
                         e->options->split != DMS_SPLIT_TRAIN;
    if (config->architecture.task == DMS_TASK_SINGLE_LABEL)
        a->count = keep_single(a);
    scored =
        (dms_answers){config->labels, a->labels, a->probabilities, a->count};
    TRY(dms_report_measure(report, &scored, &options, err));
    (*report)->left_out = all - a->count;
    if (e->compute->tta != DMS_TTA_NONE)
        (*report)->tta = dms_tta_name((int)e->compute->tta);
    (*report)->trained_on_known = dms_model_record_known(e->model);
    (*report)->trained_on =
        dms_model_record_count(&record, a->patients, a->count);
done:
    dms_free(priors);
    return st;
}

static dms_status write_results(const answers *a, const dms_report *report,
                                const evaluation *e, dms_error *err)
{
    dms_status st = DMS_OK;
    const char *folder = e->options->out;
    char *json = NULL, *text = NULL;
    char *path = dms_path_join(folder, "predictions.csv");
    const char **ids = dms_calloc(a->count, sizeof *ids);

    if (!path || !ids) {
        st = dms_fail_memory(err, "evaluation");
        goto done;
    }
    for (size_t i = 0; i < a->count; i++)
        ids[i] = e->dataset->patients[a->patients[i]].id;
    TRY(dms_prediction_rows_write(path, ids, a->probabilities, a->count,
                                  e->model->config.labels, err));
    TRY(dms_report_json(&json, report, err));
    TRY(dms_report_text(&text, report, err));
    TRY(dms_folder_write(folder, "metrics.json", json, err));
    TRY(dms_folder_write(folder, "report.txt", text, err));
done:
    dms_text_free(json);
    dms_text_free(text);
    dms_free(ids);
    dms_free(path);
    return st;
}

/* Copy and check the caller's options; NULL texts become "". */
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
    if (!own->model[0] || !own->data[0] || !own->out[0])
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
    evaluation e = {
        .options = &options, .compute = &compute, .monitor = monitor};
    answers a = {0};
    dms_report *report = NULL;
    int threads = 0;

    TRY(take_options(&options, &compute, given, err));
    threads = dms_threads_use(compute.threads);
    TRY(open_all(&e, err));
    if (options.tune != DMS_TUNE_NONE)
        TRY(tune(&e, err));
    TRY(predict_split(&a, &e, options.split, err));
    TRY(measure(&report, &a, &e, err));
    TRY(write_results(&a, report, &e, err));
    *out = report, report = NULL;
    if (unreadable)
        *unreadable = dms_cache_unreadable(e.cache);
done:
    dms_threads_use(threads);
    dms_report_destroy(report);
    answers_release(&a);
    dms_engine_destroy(e.engine);
    dms_cache_close(e.cache);
    dms_dataset_close(e.dataset);
    dms_model_destroy(e.model);
    return st;
}
