/* How a model is run: in which numbers, by which algorithm, on how many
 * threads. What a model answers to the stated tolerances does not depend on it
 * (docs/numerics.md).
 *
 * Threads: every function here may be called from any thread at any time. */
#ifndef DMS_COMPUTE_H
#define DMS_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/status.h"

#include "dms/public_begin.h"

/* Numbers of the feature maps and weights. Sums, norms, descriptors and logits
 * are float32 in any case. */
typedef enum dms_precision {
    DMS_PRECISION_FP32,
    DMS_PRECISION_BF16, /* needs a CPU with AVX-512 BF16 */
    DMS_PRECISION_INT8, /* needs a CPU with VNNI and a quantised model
                           (quantize.h); inference only. What is not quantised
                           is in bf16 where the CPU has it */
    DMS_PRECISION_AUTO  /* int8 of a quantised model, else bf16, where the CPU
                           has it, else fp32 */
} dms_precision;

/* Winograd's algorithm for 3x3 convolutions in fp32: quicker, twice the
 * memory, about two seconds to prepare, other rounding. */
typedef enum dms_winograd {
    DMS_WINOGRAD_AUTO, /* in training, and where enough patients follow to pay
                          for preparing */
    DMS_WINOGRAD_NO,
    DMS_WINOGRAD_YES
} dms_winograd;

/* Filled by dms_compute_init, or zero but for struct_size: the default, fp32,
 * auto, all cores. Wherever a call takes one, NULL is the default too. */
typedef struct dms_compute {
    size_t struct_size; /* sizeof(dms_compute) where the caller was compiled */
    dms_precision precision;
    dms_winograd winograd;
    int threads; /* of all workers together; 0: as many as OpenMP gives */
    int workers; /* of a session or an evaluation: that many patients' batches
                    are run side by side, each on its share of the threads (at
                    least one). 0: chosen from the work: one for few patients,
                    one a thread for many */
    bool deterministic; /* choose nothing by the work or the machine, so that a
                           patient's answer has the same bits alone and among
                           thousands: auto is fp32, no Winograd, one worker */
} dms_compute;

/* struct_size: sizeof *compute. */
void dms_compute_init(dms_compute *compute, size_t struct_size);

/* "fp32", "bf16", "int8", "auto"; NULL out of range. */
const char *dms_precision_name(int precision);
const char *dms_winograd_name(int winograd); /* "auto", "no", "yes" */

/* DMS_EINVAL where this CPU cannot; says what it lacks. */
dms_status dms_compute_check(const dms_compute *compute, dms_error *err);

#include "dms/public_end.h"

#endif
