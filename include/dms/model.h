/* Model files and models: one safetensors file, self-describing, executing
 * nothing (docs/model-file.md). A model is immutable and may be shared by
 * threads; sessions (session.h) run it. */
#ifndef DMS_MODEL_H
#define DMS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/architecture.h"
#include "dms/compute.h"
#include "dms/image.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

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
 * name the tensor, the shape found and the one expected. The weights are read
 * where they lie: while a model is open its file may be replaced (by renaming,
 * as dms_model_write does) or removed, but not changed in place. */
dms_status dms_model_open(dms_model **out, const char *path,
                          const dms_monitor *monitor, dms_error *err);

/* What became of one tensor of an imported file, or of one that it lacks. */
typedef enum dms_import_fate {
    DMS_IMPORT_TAKEN,
    DMS_IMPORT_LEFT,     /* the model has no place for it: fc.weight, ... */
    DMS_IMPORT_MISSING,  /* the model needs it, the file has it not */
    DMS_IMPORT_MISSHAPEN /* the model needs it in another shape or type */
} dms_import_fate;
enum { DMS_IMPORT_FATES = 4 };

/* "taken", "left", "missing", "misshapen"; NULL beyond. */
const char *dms_import_fate_name(dms_import_fate fate);

typedef struct dms_import_row {
    char *name; /* in the file; of a missing tensor: as asked for; owned */
    dms_import_fate fate;
    const char *dtype; /* in the file: "F32"; "" where missing */
    char shape[64];    /* in the file: "[64, 3, 7, 7]"; "" where missing */
    char wanted[64];   /* the model's; "" where left */
} dms_import_row;

/* The rows stand in the file's order (safetensors: by name), the missing ones
 * last. */
typedef struct dms_import_report {
    dms_import_row *rows; /* owned */
    size_t count;
    size_t fates[DMS_IMPORT_FATES]; /* rows of each */
    bool whole;                     /* a DMS-Net; else a backbone alone */
    dms_backbone backbone;
    char prefix[256]; /* of the names taken: "state_dict.module." */
} dms_import_report;

void dms_import_report_release(dms_import_report *report);

/* The report as a table for a person, or as JSON; free with dms_text_free. */
dms_status dms_import_report_print(char **text, const dms_import_report *report,
                                   bool json, dms_error *err);

typedef struct dms_import_options {
    /* What the file does not tell: all but the backbone of a backbone alone;
     * of a DMS-Net without metadata, eyes, task and size. */
    dms_architecture architecture;
    uint64_t seed;    /* of the values that are not in the file */
    char prefix[256]; /* of the names to take; "": found by itself */
} dms_import_options;

/* A model of another program's weights: a ResNet backbone or a whole DMS-Net,
 * from safetensors or from what PyTorch's torch.save wrote of a state dict
 * (docs/import-export.md says which). Nothing in the file is executed.
 *
 * report may be NULL; else it is the caller's to release whatever comes back,
 * and complete also when tensors are missing or misshapen (DMS_EMISMATCH). */
dms_status dms_model_import(dms_model **out, dms_import_report *report,
                            const char *path, const dms_import_options *options,
                            const dms_monitor *monitor, dms_error *err);

/* Number types of exported weights. */
typedef enum dms_weight_type {
    DMS_WEIGHT_F32,
    DMS_WEIGHT_F16,
    DMS_WEIGHT_BF16
} dms_weight_type;
const char *dms_weight_type_name(int type); /* "f32"; NULL past the last */

typedef struct dms_export_options {
    dms_weight_type type; /* DMS_EINVAL where a value is too large */
    bool backbone_only;   /* under torchvision's names, without fc */
} dms_export_options;

/* The weights as safetensors under the PyTorch reference's names, batch counts
 * as I64. Written whole or not at all. */
dms_status dms_model_export_safetensors(const dms_model *model,
                                        const char *path,
                                        const dms_export_options *options,
                                        dms_error *err);

typedef struct dms_onnx_options {
    int size;           /* S of the inputs; 0: the model's own */
    bool preprocessing; /* inputs: 8-bit RGB, N x S x S x 3; else normalised
                           float32, N x 3 x S x S */
    bool probabilities; /* outputs: calibrated probabilities; else logits */
    bool keep_norms;    /* batch norms as nodes; else folded into the
                           convolutions before them */
} dms_onnx_options;

/* The network as ONNX, opset 17, in one file: inputs `left` and `right`,
 * outputs `patient`, `eye_left`, `eye_right`, N x K, for any N. Written whole
 * or not at all. */
dms_status dms_model_export_onnx(const dms_model *model, const char *path,
                                 const dms_onnx_options *options,
                                 dms_error *err);

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
 * `eye_right`, N x K logits. compute: NULL for the default.
 *
 * Backward, in training mode: in_path holds also `labels` N x K and both or
 * neither of `labels_left`, `labels_right` (NaN: no label); the loss is the
 * reference's. out_path gets `loss` of shape [], `grad.<name>` for every
 * trained tensor (zeros where unused) and `stat.<name>` for every running
 * statistic after the update. The model itself is not changed. */
dms_status dms_tensor_forward(const dms_model *model, const char *in_path,
                              const char *out_path, const dms_compute *compute,
                              dms_error *err);

typedef struct dms_backward_options {
    double dropout;    /* [0, 1) */
    double eye_weight; /* >= 0; the reference's is 0.3 */
    uint64_t seed;     /* of the dropout mask */
    dms_precision precision;
    dms_winograd winograd;
} dms_backward_options;

dms_status dms_tensor_backward(const dms_model *model, const char *in_path,
                               const char *out_path,
                               const dms_backward_options *options,
                               dms_error *err);

#include "dms/public_end.h"

#endif
