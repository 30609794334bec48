/* The network as an ONNX model: its inputs, outputs and metadata. The nodes in
 * between come from network_emit.c.
 *
 *     left, right -> [pixels -> normalised] -> images -> network
 *         -> patient_logits -> [probabilities] -> patient
 *         -> eye_logits -> halves -> [probabilities] -> eye_left, eye_right */
#include <stdio.h>
#include <string.h>

#include "net/model.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/growing.h"
#include "base/strbuf.h"
#include "dms/export.h"
#include "formats/json.h"
#include "formats/onnx.h"
#include "net/model_file.h"
#include "net/network.h"

#define LICENCE                                                                \
    "Made by dmsnet, which is licensed under the Apache License, Version 2.0 " \
    "(http://www.apache.org/licenses/LICENSE-2.0). The weights stand under "   \
    "the terms of whoever trained them and of the data and weights that they " \
    "were made from: see provenance. Not a medical device."

#define NORMALISATION                                                          \
    "RGB / 255, minus 0.485 0.456 0.406, divided by 0.229 0.224 0.225"

static void add_node(dms_onnx *onnx, const char *op, const char *a,
                     const char *b, const char *y)
{
    dms_onnx_add(onnx,
                 &(dms_onnx_node){
                     .op = op, .name = y, .inputs = {a, b}, .outputs = {y}});
}

static void add_input(dms_onnx *onnx, const char *name, int64_t size,
                      bool pixels)
{
    dms_onnx_value value = {.name = name,
                            .type = pixels ? DMS_ONNX_U8 : DMS_ONNX_F32,
                            .axes = 4,
                            .shape = {DMS_ONNX_OPEN, 3, size, size}};

    if (pixels)
        value.shape[1] = size, value.shape[3] = 3;
    dms_onnx_input(onnx, &value);
}

/* A constant of three values, one per channel of a map. */
static void add_channels(dms_onnx *onnx, const char *name,
                         const float values[3])
{
    float *data =
        dms_onnx_take(onnx, &(dms_onnx_tensor){.name = name,
                                               .type = DMS_ONNX_F32,
                                               .axes = 4,
                                               .shape = {1, 3, 1, 1}});

    if (data)
        memcpy(data, values, 3 * sizeof *values);
}

/* images = pixels * scale + shift, like dms_pixels_normalise. */
static void add_normalisation(dms_onnx *onnx, const char *pixels)
{
    float scale[3], shift[3];

    dms_pixels_affine(scale, shift);
    add_channels(onnx, "pixel_scale", scale);
    add_channels(onnx, "pixel_shift", shift);
    add_node(onnx, "Cast", pixels, NULL, "pixels_f32");
    dms_onnx_int(onnx, "to", 1); /* float */
    add_node(onnx, "Transpose", "pixels_f32", NULL, "pixels_nchw");
    dms_onnx_ints(onnx, "perm", (const int64_t[]){0, 3, 1, 2}, 4);
    add_node(onnx, "Mul", "pixels_nchw", "pixel_scale", "pixels_scaled");
    add_node(onnx, "Add", "pixels_scaled", "pixel_shift", "images");
}

/* Both eyes as one batch; a model of one eye uses that eye for both. */
static void add_inputs(dms_onnx *onnx, dms_eyes eyes, int64_t size, bool pixels)
{
    const char *both = pixels ? "pixels" : "images";

    add_input(onnx, "left", size, pixels);
    add_input(onnx, "right", size, pixels);
    add_node(onnx, "Concat", eyes == DMS_EYES_RIGHT ? "right" : "left",
             eyes == DMS_EYES_LEFT ? "left" : "right", both);
    dms_onnx_int(onnx, "axis", 0);
    if (pixels)
        add_normalisation(onnx, both);
}

/* Make an output: `from`, n x K x 1 x 1 logits, becomes `to`, n x K. */
static void add_answer(dms_onnx *onnx, const dms_model_config *config,
                       const char *from, const char *to, bool probabilities)
{
    bool softmax = config->architecture.task == DMS_TASK_SINGLE_LABEL;
    char flat[64], scaled[64], calibrated[64];

    snprintf(flat, sizeof flat, "%s_flat", to);
    snprintf(scaled, sizeof scaled, "%s_scaled", to);
    snprintf(calibrated, sizeof calibrated, "%s_calibrated", to);
    add_node(onnx, "Flatten", from, NULL, probabilities ? flat : to);
    dms_onnx_int(onnx, "axis", 1);
    if (!probabilities)
        return;
    add_node(onnx, "Mul", flat, "calibration_slopes", scaled);
    add_node(onnx, "Add", scaled, "calibration_intercepts", calibrated);
    add_node(onnx, softmax ? "Softmax" : "Sigmoid", calibrated, NULL, to);
    if (softmax)
        dms_onnx_int(onnx, "axis", 1);
}

/* The constants of add_answer, one per label. */
static void add_calibration(dms_onnx *onnx, const dms_model_config *config)
{
    int count = config->architecture.labels;
    float *slopes =
        dms_onnx_take(onnx, &(dms_onnx_tensor){.name = "calibration_slopes",
                                               .type = DMS_ONNX_F32,
                                               .axes = 1,
                                               .shape = {count}});
    float *intercepts =
        dms_onnx_take(onnx, &(dms_onnx_tensor){.name = "calibration_intercepts",
                                               .type = DMS_ONNX_F32,
                                               .axes = 1,
                                               .shape = {count}});

    for (int k = 0; slopes && intercepts && k < count; k++) {
        slopes[k] = (float)config->calibration[k].slope;
        intercepts[k] = (float)config->calibration[k].intercept;
    }
}

static void add_outputs(dms_onnx *onnx, const dms_model_config *config,
                        bool probabilities)
{
    static const char *const names[] = {"patient", "eye_left", "eye_right"};
    static const char *const halves[] = {"eye_left_logits", "eye_right_logits"};

    if (probabilities)
        add_calibration(onnx, config);
    dms_onnx_add(onnx, &(dms_onnx_node){.op = "Split",
                                        .name = "eyes",
                                        .inputs = {"eye_logits"},
                                        .outputs = {halves[0], halves[1]}});
    dms_onnx_int(onnx, "axis", 0);
    add_answer(onnx, config, "patient_logits", "patient", probabilities);
    add_answer(onnx, config, halves[0], "eye_left", probabilities);
    add_answer(onnx, config, halves[1], "eye_right", probabilities);
    for (int i = 0; i < 3; i++)
        dms_onnx_output(
            onnx, &(dms_onnx_value){
                      .name = names[i],
                      .type = DMS_ONNX_F32,
                      .axes = 2,
                      .shape = {DMS_ONNX_OPEN, config->architecture.labels}});
}

/* The metadata `labels` has only the codes, "N,D,G"; `label_set` also has names
 * and kind. */
static void add_codes(dms_onnx *onnx, const dms_label_set *labels)
{
    dms_strbuf codes;

    dms_strbuf_init(&codes);
    for (int k = 0; k < dms_label_set_count(labels); k++)
        dms_strbuf_printf(&codes, "%s%s", k ? "," : "",
                          dms_label_set_code(labels, k));
    if (!codes.failed)
        dms_onnx_metadata(onnx, "labels", codes.data);
    dms_strbuf_release(&codes);
}

/* Each part of the model file's description becomes a key of its own. */
static dms_status add_metadata(dms_onnx *onnx, const dms_model_config *config,
                               dms_error *err)
{
    dms_status st = DMS_OK;
    char *json = dms_model_config_json(config);
    json_t *root = json ? dms_json_read(json, strlen(json), 0, NULL) : NULL;
    char *seen = dms_trained_on_text(&config->trained_on);
    const char *key;
    json_t *value;

    if (!root)
        st = dms_fail_memory(err, "ONNX metadata");
    json_object_foreach(root, key, value)
    {
        char *text = dms_json_dump(value, (dms_json_style){.compact = true});

        if (text)
            dms_onnx_metadata(onnx, key, text);
        else
            st = dms_fail_memory(err, "ONNX metadata");
        dms_free(text);
    }
    add_codes(onnx, config->labels);
    if (seen)
        dms_onnx_metadata(onnx, DMS_TRAINED_ON_KEY, seen);
    else if (config->trained_on.digests)
        st = dms_fail_memory(err, "ONNX metadata");
    dms_onnx_metadata(onnx, "normalisation", NORMALISATION);
    dms_onnx_metadata(onnx, "licence", LICENCE);
    json_decref(root);
    dms_free(seen);
    dms_free(json);
    return st;
}

void dms_onnx_options_init(dms_onnx_options *options, size_t struct_size)
{
    const dms_onnx_options plain = {.size = 0};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

dms_status dms_model_export_onnx(const dms_model *model, const char *path,
                                 const dms_onnx_options *given, dms_error *err)
{
    dms_status st;
    dms_onnx_options options;
    const dms_architecture *arch = &model->config.architecture;
    int size;
    dms_network network = {0};
    dms_onnx *onnx = NULL;

    dms_onnx_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given, "dms_onnx_options",
                         err));
    if (options.size != 0 && (options.size < 32 || options.size > 4096)) {
        st = dms_fail(err, DMS_EINVAL,
                      "input size of %d pixels, expected 32 to 4096",
                      options.size);
        goto done;
    }
    size = options.size ? options.size : arch->size;
    TRY(dms_network_build(&network, arch, model->params,
                          &(dms_net_options){.patients = 1, .size = size},
                          err));
    onnx = dms_onnx_create("dmsnet");
    if (!onnx) {
        st = dms_fail_memory(err, path);
        goto done;
    }
    add_inputs(onnx, arch->eyes, size, options.preprocessing);
    TRY(dms_network_emit(onnx, &network, !options.keep_norms, err));
    add_outputs(onnx, &model->config, options.probabilities);
    TRY(add_metadata(onnx, &model->config, err));
    TRY(dms_onnx_write(onnx, path, err));
done:
    dms_onnx_destroy(onnx);
    dms_network_release(&network);
    return st;
}
