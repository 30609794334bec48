/* An evaluation's figures: of the ensemble, with intervals and floors, and of
 * each of its models by itself. Relies on eval to measure and on report to
 * print. */
#include "engine/evaluation.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/predictions.h"
#include "eval/probability.h"
#include "net/model.h"

/* The files in the folder for the results. */
#define PREDICTIONS "predictions.csv"
#define METRICS     "metrics.json"
#define REPORT      "report.txt"

dms_model_record dms_evaluation_record(const dms_evaluation *e, size_t model)
{
    return (dms_model_record){.model = e->ensemble->models[model],
                              .path = e->ensemble->paths[model],
                              .dataset = e->dataset,
                              .cache = e->caches[model],
                              .strict = e->options->strict,
                              .monitor = e->monitor};
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

/* Count the patients whom any of the models was trained on. */
static void add_records(dms_report *report, const dms_evaluation_answers *a,
                        const dms_evaluation *e)
{
    report->trained_on_known = true;
    for (size_t m = 0; m < e->ensemble->count; m++)
        report->trained_on_known =
            report->trained_on_known &&
            dms_model_record_known(e->ensemble->models[m]);
    for (size_t i = 0; i < a->count; i++) {
        bool seen = false;

        for (size_t m = 0; m < e->ensemble->count && !seen; m++) {
            const dms_model_record record = dms_evaluation_record(e, m);

            seen = dms_model_record_count(&record, &a->patients[i], 1) > 0;
        }
        report->trained_on += seen;
    }
}

/* The figures of one model by itself: with its own calibration and thresholds,
 * as its evaluation alone would give them. probabilities: room for
 * count x K. */
static dms_status measure_model(double *metrics, double *probabilities,
                                const dms_evaluation_answers *a,
                                const dms_evaluation *e, size_t model,
                                dms_error *err)
{
    const dms_model_config *config = &e->ensemble->models[model]->config;
    const float *logits = a->logits + model * a->count * a->width;
    const dms_answers scored = {config->labels, a->labels, probabilities,
                                a->count};
    dms_report_options options;
    dms_report *report = NULL;
    dms_status st;

    for (size_t i = 0; i < a->count; i++)
        dms_probabilities(probabilities + i * a->width, logits + i * a->width,
                          config->labels, config->calibration);
    dms_report_options_init(&options, sizeof options);
    options.resamples = 0;
    options.thresholds = config->thresholds;
    TRY(dms_report_measure(&report, &scored, &options, err));
    for (int i = 0; i < DMS_METRICS; i++)
        metrics[i] = report->metrics[i].value;
done:
    dms_report_destroy(report);
    return st;
}

/* The models' own figures; a single model's are the report's. */
static dms_status add_models(dms_report *report,
                             const dms_evaluation_answers *a,
                             const dms_evaluation *e, dms_error *err)
{
    size_t count = e->ensemble->count;
    double *probabilities = NULL;
    dms_status st = DMS_OK;

    if (count == 1)
        return DMS_OK;
    probabilities = dms_calloc(a->count * a->width, sizeof *probabilities);
    report->model_metrics =
        dms_calloc(count * DMS_METRICS, sizeof *report->model_metrics);
    report->model_paths = dms_calloc(count, sizeof *report->model_paths);
    if (!probabilities || !report->model_metrics || !report->model_paths) {
        st = dms_fail_memory(err, "evaluation");
        goto done;
    }
    for (; report->model_count < count; report->model_count++) {
        size_t m = report->model_count;

        TRY(measure_model(report->model_metrics + m * DMS_METRICS,
                          probabilities, a, e, m, err));
        report->model_paths[m] = dms_strdup(e->ensemble->paths[m]);
        if (!report->model_paths[m]) {
            st = dms_fail_memory(err, "evaluation");
            goto done;
        }
    }
done:
    dms_free(probabilities);
    return st;
}

/* Was a model's calibration fitted to these patients? */
static bool is_fitted_here(const dms_evaluation *e)
{
    bool fitted = false;

    for (size_t m = 0; m < e->ensemble->count; m++) {
        const dms_model_record record = dms_evaluation_record(e, m);

        fitted = fitted || dms_model_record_fitted(&record, e->options->split);
    }
    return fitted;
}

dms_status dms_evaluation_measure(dms_report **out,
                                  const dms_evaluation_answers *a,
                                  const dms_evaluation *e, dms_error *err)
{
    dms_status st;
    const dms_answers scored = {e->model->config.labels, a->labels,
                                a->probabilities, a->count};
    dms_report_options options;
    dms_report *report = NULL;
    double *priors = dms_calloc(a->width, sizeof *priors);

    if (!priors)
        return dms_fail_memory(err, "evaluation");
    training_priors(priors, e->dataset);
    dms_report_options_init(&options, sizeof options);
    options.resamples = e->options->resamples;
    options.seed = e->options->seed;
    options.priors = has_training_split(e->dataset) ? priors : NULL;
    options.thresholds = e->ensemble->thresholds;
    options.tuned_here = (e->options->tune != DMS_TUNE_NONE &&
                          e->options->split != DMS_SPLIT_TEST &&
                          e->options->split != DMS_SPLIT_TRAIN) ||
                         is_fitted_here(e);
    TRY(dms_report_measure(&report, &scored, &options, err));
    report->left_out = a->left_out;
    if (e->compute->tta != DMS_TTA_NONE)
        report->tta = dms_tta_name((int)e->compute->tta);
    add_records(report, a, e);
    TRY(add_models(report, a, e, err));
    *out = report, report = NULL;
done:
    dms_report_destroy(report);
    dms_free(priors);
    return st;
}

dms_status dms_evaluation_prepare(const dms_evaluation *e, dms_error *err)
{
    static const char *const names[] = {PREDICTIONS, METRICS, REPORT};
    const dms_evaluate_options *o = e->options;
    dms_status st = dms_folder_make(o->out, err);

    for (size_t i = 0; st == DMS_OK && i < sizeof names / sizeof *names; i++) {
        char *path = dms_path_join(o->out, names[i]);

        st =
            path ? dms_file_try(path, err) : dms_fail_memory(err, "evaluation");
        dms_free(path);
    }
    if (st == DMS_OK && o->tuned_model[0])
        st = dms_file_try(o->tuned_model, err);
    return st;
}

dms_status dms_evaluation_write(const dms_evaluation_answers *a,
                                const dms_report *report,
                                const dms_evaluation *e, dms_error *err)
{
    dms_status st = DMS_OK;
    const char *folder = e->options->out;
    char *json = NULL, *text = NULL;
    char *path = dms_path_join(folder, PREDICTIONS);
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
    TRY(dms_folder_write(folder, METRICS, json, err));
    TRY(dms_folder_write(folder, REPORT, text, err));
done:
    dms_text_free(json);
    dms_text_free(text);
    dms_free(ids);
    dms_free(path);
    return st;
}
