/* The photographs that quantisation reads, and the model file it writes. */
#include <stdio.h>
#include <string.h>

#include "net/model.h"
#include "engine/model_split.h"
#include "quant/quantize.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/loader.h"
#include "formats/json.h"
#include "net/model_file.h"
#include "net/provenance.h"

static size_t picture_size(const dms_quantising *q)
{
    size_t side = (size_t)q->model->config.preprocess.size;

    return side * side * 3;
}

static uint8_t *pixels_of(const dms_quantising *q, size_t patient, int eye)
{
    return q->pixels + (2 * patient + (size_t)eye) * picture_size(q);
}

/* The patients of the split, shuffled by the seed. */
static dms_status choose(size_t **order, size_t *count, const dms_quantising *q,
                         const dms_dataset *dataset, dms_error *err)
{
    const dms_quantize_options *o = q->options;
    size_t *chosen = dms_calloc(dataset->count, sizeof *chosen);

    if (!chosen)
        return dms_fail_memory(err, "calibration");
    *count = 0;
    for (size_t i = 0; i < dataset->count; i++)
        if (o->split == DMS_SPLIT_NONE ||
            dataset->patients[i].split == o->split)
            chosen[(*count)++] = i;
    dms_sampler_order(chosen, chosen, *count, o->seed, 0);
    if (*count > (size_t)o->patients)
        *count = (size_t)o->patients;
    *order = chosen;
    return DMS_OK;
}

/* Read both eyes of each patient; report unreadable photographs. */
static void read_pictures(dms_quantising *q, const dms_dataset *dataset,
                          const size_t *order, size_t count, dms_error *errors)
{
    const dms_preprocess *settings = &q->model->config.preprocess;

#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < 2 * count; i++) {
        int eye = (int)(i % 2);
        const dms_patient *patient = &dataset->patients[order[i / 2]];
        const char *path = patient->eye[eye].path;
        dms_eyes eyes = q->model->config.architecture.eyes;
        dms_field field;

        q->present[i / 2].eye[eye] =
            path && (dms_eyes_include(eyes, eye) || patient->side_unknown) &&
            dms_preprocess_file(pixels_of(q, i / 2, eye), &field, path,
                                settings, &errors[i]) == DMS_OK;
    }
}

/* Drop patients without a photograph; places keeps q->patients entries. */
static void close_ranks(dms_quantising *q, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (dms_eyes_source(q->model->config.architecture.eyes, &q->present[i],
                            DMS_LEFT) < 0)
            continue;
        q->present[q->patients] = q->present[i];
        memmove(pixels_of(q, q->patients, 0), pixels_of(q, i, 0),
                2 * picture_size(q));
        q->places[q->patients] = q->places[i];
        q->patients++;
    }
}

static dms_status read_patients(dms_quantising *q, const dms_dataset *dataset,
                                dms_error *err)
{
    dms_status st;
    size_t count = 0;
    dms_error *errors = NULL;

    TRY(choose(&q->places, &count, q, dataset, err));
    q->pixels = dms_calloc(2 * count, picture_size(q));
    q->present = dms_calloc(count, sizeof *q->present);
    errors = dms_calloc(2 * count, sizeof *errors);
    if (!q->pixels || !q->present || !errors) {
        st = dms_fail_memory(err, "photographs");
        goto done;
    }
    read_pictures(q, dataset, q->places, count, errors);
    for (size_t i = 0; i < count; i++)
        q->present[i].side_unknown =
            dataset->patients[q->places[i]].side_unknown;
    for (size_t i = 0; i < 2 * count; i++)
        if (errors[i].code != DMS_OK)
            dms_log(q->monitor, DMS_LOG_WARNING, "%s; left out",
                    errors[i].message);
    close_ranks(q, count);
    if (q->patients == 0)
        st = dms_fail(err, DMS_EINVAL,
                      "%s: no patient with a readable photograph in the %s "
                      "split",
                      dataset->table,
                      q->options->split == DMS_SPLIT_NONE
                          ? "whole"
                          : dms_split_name(q->options->split));
done:
    dms_free(errors);
    return st;
}

dms_status dms_quantising_read(dms_quantising *q, dms_error *err)
{
    dms_status st;
    const dms_quantize_options *o = q->options;
    /* ranges do not need labels, but training's split was made with them */
    const dms_dataset_options options = {
        .struct_size = sizeof options,
        .images = o->images && o->images[0] ? o->images : NULL,
        .labels = q->model->config.labels,
        .wanted = DMS_LABELS_OPTIONAL,
        .monitor = q->monitor,
        .encoding = o->encoding,
        .split_ignored = dms_model_overrides_split(q->model)};

    TRY(dms_dataset_open_with(&q->dataset, o->data, &options, err));
    TRY(dms_dataset_need_photographs(q->dataset, err));
    TRY(dms_model_split(q->dataset, q->model, o->split, q->monitor, err));
    TRY(read_patients(q, q->dataset, err));
done:
    return st;
}

void dms_quantising_show(const dms_quantising *q, dms_net *net, size_t i)
{
    for (int eye = 0; eye < 2; eye++) {
        int source = dms_eyes_source(q->model->config.architecture.eyes,
                                     &q->present[i], eye);

        dms_pixels_normalise(
            dms_net_images(net) + (size_t)eye * picture_size(q),
            pixels_of(q, i, source), q->model->config.preprocess.size);
    }
}

dms_status dms_quantising_check(const dms_quantising *q, const dms_net *net,
                                size_t i, dms_error *err)
{
    char who[DMS_NET_WHO];

    dms_net_who(who, q->dataset->patients[q->places[i]].id);
    return dms_net_check(net, 0, who, err);
}

/* Add how the model was quantised to its provenance. */
static dms_status tell(dms_model_config *config, const dms_quantising *q,
                       dms_error *err)
{
    const dms_quantize_options *o = q->options;

    return dms_provenance_set(
        config, "quantised",
        json_pack("{s:s, s:f, s:f, s:s, s:I, s:I, s:f}", "method",
                  dms_quantize_method_name(o->method), "percentile",
                  o->percentile, "tolerance", o->tolerance, "split",
                  o->split == DMS_SPLIT_NONE ? "all" : dms_split_name(o->split),
                  "patients", (json_int_t)q->patients, "seed",
                  (json_int_t)o->seed, "mean_difference", q->mean_difference),
        o->model, err);
}

dms_status dms_quantising_write(const dms_quantising *q, dms_error *err)
{
    dms_status st;
    dms_model_config config = q->model->config;

    TRY(tell(&config, q, err));
    if (dms_model_config_calibrated(&config))
        dms_log(q->monitor, DMS_LOG_INFO,
                "%s: the calibration and thresholds are those of %s, fitted to "
                "its float outputs",
                q->options->out, q->options->model);
    TRY(dms_model_file_write(q->options->out, &config, q->table.params, NULL,
                             err));
done:
    return st;
}
