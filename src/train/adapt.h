/* Adapts batch norms to other photographs: re-estimates their running
 * statistics and keeps all weights (AdaBN: Li et al. 2016, arXiv
 * 1603.04779). */
#ifndef DMS_TRAIN_ADAPT_H
#define DMS_TRAIN_ADAPT_H

#include "data/loader.h"
#include "dms/compute.h"
#include "dms/monitor.h"
#include "net/model_file.h"

typedef struct dms_norm_adaptation {
    const dms_model_config *config; /* borrowed, like all pointers here */
    dms_params *params;     /* row-major, not mapped; statistics change */
    dms_loader *loader;     /* photographs without augmentation */
    const size_t *patients; /* count >= 2 of the loader's */
    size_t count;
    int batch;     /* patients per batch, >= 2; limited to count */
    int batches;   /* >= 1; if the patients give fewer, they are used again in
                      another order */
    uint64_t seed; /* of the order of patients */
    const dms_compute *compute;
    const dms_monitor *monitor;
} dms_norm_adaptation;

/* Run the batches forward, each with its own batch statistics. The running mean
 * and variance of every norm, frozen ones included, become the mean over the
 * batches; num_batches_tracked becomes the number of batches. The same seed and
 * threads give the same bits.
 * DMS_ESTOPPED if the monitor asks to stop: params are then unusable.
 * DMS_ENOMEM. DMS_EFORMAT names a statistic that is not finite. */
dms_status dms_adapt_norms(const dms_norm_adaptation *adaptation,
                           dms_error *err);

#endif
