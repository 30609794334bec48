/* Models for other programs: safetensors with PyTorch's names, or ONNX
 * (docs/import-export.md). Files are written completely or not at all.
 *
 * Threads: every function here may be called from any thread at any time, also
 * for the same model, each call with a different path. */
#ifndef DMS_EXPORT_H
#define DMS_EXPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/model.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* Number types of exported weights. */
typedef enum dms_weight_type {
    DMS_WEIGHT_F32,
    DMS_WEIGHT_F16,
    DMS_WEIGHT_BF16
} dms_weight_type;

/* "f32", "f16", "bf16"; NULL out of range. */
const char *dms_weight_type_name(int type);

/* Filled in by dms_export_options_init, or zero except for struct_size. */
typedef struct dms_export_options {
    size_t struct_size;
    dms_weight_type type; /* DMS_EINVAL if a value is out of its range */
    bool backbone_only;   /* with torchvision's names, without fc */
} dms_export_options;

/* f32, the whole network. struct_size: sizeof *options. */
void dms_export_options_init(dms_export_options *options, size_t struct_size);

/* The weights as safetensors with the PyTorch reference's names, batch counts
 * as I64. options: NULL for the defaults. */
dms_status dms_model_export_safetensors(const dms_model *model,
                                        const char *path,
                                        const dms_export_options *options,
                                        dms_error *err);

/* Filled in by dms_onnx_options_init, or zero except for struct_size. */
typedef struct dms_onnx_options {
    size_t struct_size;
    int size;           /* S of the inputs, 32 to 4096; 0: the model's own */
    bool preprocessing; /* true: inputs are 8-bit RGB, N x S x S x 3; false:
                           normalised float32, N x 3 x S x S */
    bool probabilities; /* true: outputs are calibrated probabilities; false:
                           logits */
    bool keep_norms;    /* true: batch norms are nodes; false: they are folded
                           into the convolutions before them */
} dms_onnx_options;

/* The model's size, normalised inputs, logits, norms folded.
 * struct_size: sizeof *options. */
void dms_onnx_options_init(dms_onnx_options *options, size_t struct_size);

/* The network as ONNX, opset 17, in one file: inputs `left` and `right`,
 * outputs `patient`, `eye_left`, `eye_right`, N x K, for any N. options: NULL
 * for the defaults. */
dms_status dms_model_export_onnx(const dms_model *model, const char *path,
                                 const dms_onnx_options *options,
                                 dms_error *err);

#include "dms/public_end.h"

#endif
