/* The open door for numbers: safetensors in, the network run once, safetensors
 * out. It is how another implementation is compared with this one.
 *
 * Threads: every function here may be called from any thread at any time, of
 * one model too, each call with an out_path of its own. */
#ifndef DMS_TENSOR_H
#define DMS_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "dms/compute.h"
#include "dms/model.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* Run the network in evaluation mode.
 *
 * in_path   holds `left` and `right`, N x 3 x S x S float32, normalised, N 1 to
 *           4096, S 32 to 4096; of a model that looks at one eye, that one
 * out_path  gets `patient`, `eye_left`, `eye_right`: N x K logits
 * compute   NULL for the default; workers is not used
 * DMS_EIO, DMS_EFORMAT, DMS_EMISMATCH naming the tensor, DMS_EINVAL. */
dms_status dms_tensor_forward(const dms_model *model, const char *in_path,
                              const char *out_path, const dms_compute *compute,
                              dms_error *err);

/* Filled by dms_backward_options_init. */
typedef struct dms_backward_options {
    size_t struct_size;
    double dropout;    /* [0, 1) */
    double eye_weight; /* >= 0 */
    uint64_t seed;     /* of the dropout mask */
    dms_precision precision;
    dms_winograd winograd;
} dms_backward_options;

/* No dropout, the reference's eye weight 0.3, seed 1, fp32.
 * struct_size: sizeof *options. */
void dms_backward_options_init(dms_backward_options *options,
                               size_t struct_size);

/* One forward and backward in training mode; the model itself is not changed.
 *
 * in_path   holds also `labels` N x K and both or neither of `labels_left`,
 *           `labels_right` (NaN: no label); the loss is the reference's
 * out_path  gets `loss` of shape [], `grad.<name>` for every trained tensor
 *           (zeros where unused) and `stat.<name>` for every running statistic
 *           after the update; nothing is written where one is not finite
 *           (DMS_EFORMAT names the first)
 * options   NULL for the defaults */
dms_status dms_tensor_backward(const dms_model *model, const char *in_path,
                               const char *out_path,
                               const dms_backward_options *options,
                               dms_error *err);

#include "dms/public_end.h"

#endif
