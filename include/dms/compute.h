/* How a model is run: precision, algorithm, threads. Within the stated
 * tolerances, a model's answers do not depend on it (docs/numerics.md), except
 * on test-time augmentation.
 *
 * Threads: every function here may be called from any thread at any time. */
#ifndef DMS_COMPUTE_H
#define DMS_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/status.h"

#include "dms/public_begin.h"

/* The number type of feature maps and weights. Sums, norms, descriptors and
 * logits are always float32. */
typedef enum dms_precision {
    DMS_PRECISION_FP32,
    DMS_PRECISION_BF16, /* needs a CPU with AVX-512 BF16 */
    DMS_PRECISION_INT8, /* needs a CPU with VNNI and a quantised model
                           (quantize.h); inference only. Layers that are not
                           quantised are in bf16 if the CPU supports it */
    DMS_PRECISION_AUTO  /* the first that the CPU supports: int8 for a quantised
                           model, bf16, fp32 */
} dms_precision;

/* Winograd's algorithm for 3x3 convolutions in fp32: faster, twice the memory,
 * about two seconds to prepare, different rounding. */
typedef enum dms_winograd {
    DMS_WINOGRAD_AUTO, /* in training, and for enough patients to make up for
                          the preparation */
    DMS_WINOGRAD_NO,
    DMS_WINOGRAD_YES
} dms_winograd;

/* Test-time augmentation: what a session or an evaluation averages a patient's
 * logits over. */
typedef enum dms_tta {
    DMS_TTA_NONE, /* the photographs as they are */
    DMS_TTA_FLIPS /* also their mirror images, left to right, upside down and
                     both: four times the work. Exchanging the eyes still
                     exchanges the eyes' answers */
} dms_tta;

/* Filled in by dms_compute_init, or zero except for struct_size: the default,
 * fp32, auto, all cores. NULL also means the default wherever it is passed. */
typedef struct dms_compute {
    size_t struct_size; /* sizeof(dms_compute) in the caller's headers */
    dms_precision precision;
    dms_winograd winograd;
    int threads;        /* of all workers together; 0: OpenMP's default */
    int workers;        /* of a session or an evaluation: so many batches run in
                           parallel, each on its share of the threads (at least one).
                           0: chosen from the work: one worker for few patients, one
                           per thread for many */
    bool deterministic; /* let nothing depend on the amount of work or on the
                           machine, so that a patient's answer has the same bits
                           alone and among thousands: auto means fp32, no
                           Winograd, one worker */
    dms_tta tta;        /* of a session, an evaluation or a calibration; all
                           other calls refuse it with DMS_EINVAL */
} dms_compute;

/* struct_size: sizeof *compute. */
void dms_compute_init(dms_compute *compute, size_t struct_size);

/* "fp32", "bf16", "int8", "auto"; NULL out of range. */
const char *dms_precision_name(int precision);
const char *dms_winograd_name(int winograd); /* "auto", "no", "yes" */
const char *dms_tta_name(int tta);           /* "none", "flips" */

/* DMS_EINVAL if this CPU does not support it; the message says what is missing.
 */
dms_status dms_compute_check(const dms_compute *compute, dms_error *err);

#include "dms/public_end.h"

#endif
