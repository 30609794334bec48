/* `dmsnet calibrate`: gathers logits and labels, fits, and writes the model
 * file with the new calibration and thresholds. Relies on
 * eval/calibration_report for everything that is computed. */
#include "dms/calibrate.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/growing.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "engine/calibrate_patients.h"
#include "engine/model_dataset.h"
#include "engine/model_split.h"
#include "eval/calibration_report.h"
#include "machine/threads.h"
#include "net/compute.h"
#include "net/model.h"
#include "net/provenance.h"

void dms_calibrate_options_init(dms_calibrate_options *options,
                                size_t struct_size)
{
    const dms_calibrate_options plain = {
        .split = DMS_SPLIT_VAL, .point = "f1", .batch = 8};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

/* A running calibration; model and dataset are owned. */
typedef struct calibrating {
    dms_calibrate_options options; /* its texts may be "", not NULL */
    dms_compute compute;
    const dms_monitor *monitor;
    dms_operating_point point;
    dms_model *model;
    dms_dataset *dataset;
} calibrating;

/* Copy and check the caller's options; NULL texts become "". */
static dms_status
take_options(calibrating *c, const dms_calibrate_options *given, dms_error *err)
{
    dms_calibrate_options *o = &c->options;
    const char **texts[] = {&o->model,    &o->data,  &o->images, &o->labels,
                            &o->encoding, &o->cache, &o->out,    &o->point};
    dms_status st;

    dms_calibrate_options_init(o, sizeof *o);
    TRY(dms_growing_take(o, sizeof *o, given, "dms_calibrate_options", err));
    TRY(dms_compute_take(&c->compute, o->compute, err));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!*texts[i])
            *texts[i] = "";
    TRY(dms_operating_point_parse(&c->point, o->point, err));
    if (!o->model[0] || !o->data[0] || !o->out[0])
        st = dms_fail(err, DMS_EINVAL,
                      "calibration needs the paths of a model, a data set and "
                      "an output file; one is missing");
    else if (!dms_calibrate_method_name((int)o->method))
        st = dms_fail(err, DMS_EINVAL,
                      "calibration method %d is unknown; expected platt, "
                      "temperature or none",
                      (int)o->method);
    else if (o->batch < 1 || o->batch > 256)
        st = dms_fail(err, DMS_EINVAL,
                      "a batch of %d patients, expected 1 to 256", o->batch);
done:
    return st;
}

static dms_status open_all(calibrating *c, dms_error *err)
{
    const dms_calibrate_options *o = &c->options;
    dms_model_dataset asked = {.path = o->model,
                               .data = o->data,
                               .images = o->images,
                               .labels = o->labels,
                               .encoding = o->encoding,
                               .monitor = c->monitor};
    dms_status st;

    TRY(dms_model_open(&c->model, o->model, c->monitor, err));
    TRY(dms_file_try(o->out, err));
    if (o->predictions_count &&
        dms_model_config_calibrated(&c->model->config)) {
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: is already calibrated, and so may be the "
                      "predictions; calibrate the model that it was made from, "
                      "or run this one on photographs, without predictions",
                      o->model);
        goto done;
    }
    asked.model = c->model;
    TRY(dms_model_dataset_open(&c->dataset, &asked, err));
    TRY(dms_dataset_need_labels(c->dataset, err));
    /* a split that nobody asked for is not worth reading all photographs */
    if (!o->predictions_count || o->split != DMS_SPLIT_NONE ||
        c->dataset->has_split_column)
        TRY(dms_model_split(c->dataset, c->model, o->split, c->monitor, err));
done:
    return st;
}

typedef bool of_label(const dms_calibrate_label *label);

static bool lacks_cases(const dms_calibrate_label *label, size_t least)
{
    return label->support < least || label->known - label->support < least;
}

static bool too_few_to_fit(const dms_calibrate_label *label)
{
    return !label->own && lacks_cases(label, DMS_CALIBRATE_FIT_MIN);
}

static bool not_fitted(const dms_calibrate_label *label)
{
    return !label->own && !lacks_cases(label, DMS_CALIBRATE_FIT_MIN);
}

static bool too_few_to_choose(const dms_calibrate_label *label)
{
    return !label->chosen;
}

/* Warn of the labels for which something holds: "G, H: reason". */
static void warn_of(const calibrating *c, const dms_calibrate_report *report,
                    of_label *holds, const char *reason)
{
    dms_strbuf codes;

    dms_strbuf_init(&codes);
    for (int k = 0; k < dms_label_set_count(report->label_set); k++)
        if (holds(&report->labels[k]))
            dms_strbuf_printf(&codes, "%s%s", codes.len ? ", " : "",
                              dms_label_set_code(report->label_set, k));
    if (codes.len && !codes.failed)
        dms_log(c->monitor, DMS_LOG_WARNING, "%s: %s", codes.data, reason);
    dms_strbuf_release(&codes);
}

static void warn(const calibrating *c, const dms_calibrate_report *report)
{
    bool one_of =
        dms_label_set_task(report->label_set) == DMS_TASK_SINGLE_LABEL;

    if (report->splits[DMS_SPLIT_TEST])
        dms_log(c->monitor, DMS_LOG_WARNING,
                "fitted to %zu patients of the test split: results on it are "
                "no longer held out",
                report->splits[DMS_SPLIT_TEST]);
    if (one_of)
        return;
    if (report->method != DMS_CALIBRATE_NONE) {
        warn_of(c, report, too_few_to_fit,
                "fewer than 10 patients with or without the label: the common "
                "temperature is used");
        warn_of(
            c, report, not_fitted,
            "no slope fits the logits, which fall with the label or separate "
            "it without an error: the common temperature is used");
    }
    warn_of(c, report, too_few_to_choose,
            "fewer than 5 patients with or without the label: the threshold is "
            "0.5");
}

static dms_status fit(dms_calibrate_report **out, const calibrating *c,
                      dms_error *err)
{
    const dms_calibrate_source source = {&c->options, &c->compute, c->monitor,
                                         c->model, c->dataset};
    dms_calibrate_patients patients = {0};
    dms_calibration_plan plan = {.before = c->model->config.calibration,
                                 .method = c->options.method,
                                 .point = c->point};
    dms_status st;

    if (dms_label_set_task(c->model->config.labels) == DMS_TASK_SINGLE_LABEL &&
        plan.method == DMS_CALIBRATE_PLATT)
        plan.method = DMS_CALIBRATE_TEMPERATURE; /* one for the softmax */
    if (c->options.predictions_count)
        TRY(dms_calibrate_patients_read(&patients, &source, err));
    else
        TRY(dms_calibrate_patients_run(&patients, &source, err));
    plan.outcomes = (dms_outcomes){c->model->config.labels, patients.logits,
                                   patients.labels, patients.count};
    TRY(dms_calibrate_report_make(out, &plan, err));
    memcpy((*out)->splits, patients.splits, sizeof(*out)->splits);
    (*out)->left_out = patients.left_out;
    snprintf((*out)->point, sizeof(*out)->point, "%s", c->options.point);
    warn(c, *out);
done:
    dms_calibrate_patients_release(&patients);
    return st;
}

/* What the new file says of the fit. */
static json_t *record_of(const calibrating *c,
                         const dms_calibrate_report *report)
{
    json_t *patients = json_object(), *positives = json_array(), *root;

    for (int s = 0; s <= DMS_SPLIT_TEST; s++)
        if (report->splits[s])
            dms_json_set(&patients,
                         s == DMS_SPLIT_NONE ? "unsplit"
                                             : dms_split_name((dms_split)s),
                         json_integer((json_int_t)report->splits[s]));
    for (int k = 0; k < dms_label_set_count(report->label_set); k++)
        dms_json_append(&positives,
                        json_integer((json_int_t)report->labels[k].support));
    root = json_pack("{s:s, s:o, s:o, s:o, s:b}", "method",
                     dms_calibrate_method_name((int)report->method), "patients",
                     patients, "positives", positives, "table",
                     dms_json_name(dms_path_name(c->dataset->table)),
                     "from_predictions", c->options.predictions_count > 0);
    if (dms_label_set_task(report->label_set) == DMS_TASK_MULTI_LABEL)
        dms_json_set(&root, "point", json_string(report->point));
    if (!c->options.predictions_count && c->compute.tta != DMS_TTA_NONE)
        dms_json_set(&root, "tta",
                     json_string(dms_tta_name((int)c->compute.tta)));
    return root;
}

static dms_status write_model(const calibrating *c,
                              const dms_calibrate_report *report,
                              dms_error *err)
{
    dms_model_config *config = &c->model->config;
    dms_status st;

    config->temperature = report->temperature;
    for (int k = 0; k < dms_label_set_count(report->label_set); k++) {
        config->calibration[k] = report->labels[k].calibration;
        config->thresholds[k] = report->labels[k].threshold;
    }
    TRY(dms_provenance_set(config, DMS_PROVENANCE_CALIBRATED,
                           record_of(c, report), c->options.model, err));
    TRY(dms_model_write(c->model, c->options.out, err));
done:
    return st;
}

dms_status dms_calibrate(dms_calibrate_report **out,
                         const dms_calibrate_options *given,
                         const dms_monitor *monitor, dms_error *err)
{
    calibrating c = {.monitor = monitor};
    dms_calibrate_report *report = NULL;
    int threads = 0;
    dms_status st;

    TRY(take_options(&c, given, err));
    threads = dms_threads_use(c.compute.threads);
    TRY(open_all(&c, err));
    TRY(fit(&report, &c, err));
    TRY(write_model(&c, report, err));
    *out = report, report = NULL;
done:
    dms_threads_use(threads);
    dms_calibrate_report_destroy(report);
    dms_dataset_close(c.dataset);
    dms_model_destroy(c.model);
    return st;
}
