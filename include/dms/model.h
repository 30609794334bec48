/* Model files and models: one safetensors file, self-describing, executing
 * nothing (docs/model-file.md). A model is immutable and may be shared by
 * threads; sessions (session.h) run it. */
#ifndef DMS_MODEL_H
#define DMS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/architecture.h"
#include "dms/image.h"
#include "dms/monitor.h"
#include "dms/status.h"

/* What a model file's metadata says beside the tensors. Plain data. */
typedef struct dms_model_config {
    dms_architecture architecture;
    dms_preprocess preprocess;
    double thresholds[DMS_LABELS]; /* a finding is p > threshold */
    double temperature;    /* logits are divided by it; 1: not calibrated */
    char provenance[2048]; /* a JSON object: who made it, from what */
} dms_model_config;

/* The default architecture and preprocessing, thresholds 0.5, temperature 1,
 * provenance {}. */
dms_model_config dms_model_config_default(void);

typedef struct dms_model dms_model;

/* A fresh model with the reference's initial values. */
dms_status dms_model_create(dms_model **out, const dms_architecture *arch,
                            uint64_t seed, dms_error *err);

/* Read a model file. Where another writer dropped the metadata, the
 * architecture is inferred from the shapes and the monitor is warned. Errors
 * name the tensor, the shape found and the one expected. */
dms_status dms_model_open(dms_model **out, const char *path,
                          const dms_monitor *monitor, dms_error *err);

/* Written whole or not at all. */
dms_status dms_model_write(const dms_model *model, const char *path,
                           dms_error *err);
void dms_model_destroy(dms_model *model);

/* Borrowed; lives as long as the model. */
const dms_model_config *dms_model_get_config(const dms_model *model);

/* Numbers of trained parameters and of all stored values. */
size_t dms_model_parameters(const dms_model *model);

/* What `dmsnet info` prints: for a person, or as JSON. Free with
 * dms_text_free. */
dms_status dms_model_describe(char **text, const dms_model *model, bool json,
                              dms_error *err);
void dms_text_free(char *text);

/* What computes and its version, "oneDNN 2.6.3, ...". Returns as snprintf. */
int dms_backend_text(char *text, size_t capacity);

/* The open door for numbers: safetensors in, safetensors out.
 *
 * Forward, in evaluation mode: in_path holds `left` and `right`, N x 3 x S x S
 * float32, normalised, S >= 32; out_path gets `patient`, `eye_left`,
 * `eye_right`, N x K logits.
 *
 * Backward, in training mode: in_path holds also `labels` N x K and both or
 * neither of `labels_left`, `labels_right` (NaN: no label); the loss is the
 * reference's. out_path gets `loss` of shape [], `grad.<name>` for every
 * trained tensor (zeros where unused) and `stat.<name>` for every running
 * statistic after the update. The model itself is not changed. */
dms_status dms_tensor_forward(const dms_model *model, const char *in_path,
                              const char *out_path, dms_error *err);

typedef struct dms_backward_options {
    double dropout;    /* [0, 1) */
    double eye_weight; /* >= 0; the reference's is 0.3 */
    uint64_t seed;     /* of the dropout mask */
} dms_backward_options;

dms_status dms_tensor_backward(const dms_model *model, const char *in_path,
                               const char *out_path,
                               const dms_backward_options *options,
                               dms_error *err);

#endif
