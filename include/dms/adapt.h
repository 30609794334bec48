/* Adapting a model to other photographs without training: the running
 * statistics of its batch norms are re-estimated (AdaBN: Li et al. 2016, arXiv
 * 1603.04779). For weights trained on another kind of image, or with another
 * camera.
 *
 * Threads: every function here may be called from any thread; simultaneous
 * calls must write different files. */
#ifndef DMS_ADAPT_H
#define DMS_ADAPT_H

#include <stddef.h>
#include <stdint.h>

#include "dms/compute.h"
#include "dms/data.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* Filled in by dms_adapt_options_init. Texts are borrowed for the call. */
typedef struct dms_adapt_options {
    size_t struct_size;
    const char *model;  /* model file, not quantised */
    const char *data;   /* folder or table; no labels are needed */
    const char *images; /* folder; NULL or "": beside the table */
    const char *cache;  /* folder for preprocessed photographs; NULL or "": the
                           folder of `out` */
    const char *out;    /* the adapted model file */
    dms_split split; /* whose photographs; NONE: all. The split of the model's
                        training, or of the table's own column */
    int batches;     /* 1 to 100000; after the last patient they start again
                        in another order */
    int batch;       /* patients per batch, 2 to 256 */
    uint64_t seed;   /* of the order */
    const dms_compute *compute; /* borrowed; NULL: the default */
    const char *encoding; /* of a text table; NULL or "": detected (data.h)
                           */
} dms_adapt_options;

/* Training split, 24 batches of 16 patients, seed 1; no paths. struct_size:
 * sizeof *options. */
void dms_adapt_options_init(dms_adapt_options *options, size_t struct_size);

/* Adapt a model file and write options->out, completely or not at all. Weights
 * and labels do not change; calibration and thresholds were fitted to other
 * outputs and are dropped, which the monitor is told (calibrate.h).
 *
 * Unreadable photographs are left out with a warning. DMS_EINVAL if an option
 * is invalid, the model is quantised, or fewer than two patients have a
 * photograph; DMS_EIO, DMS_EFORMAT, DMS_EMISMATCH, DMS_ENOMEM; DMS_ESTOPPED if
 * the monitor asks to stop. */
dms_status dms_adapt(const dms_adapt_options *options,
                     const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
