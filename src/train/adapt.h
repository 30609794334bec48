/* Batch norms on other photographs: their running statistics are estimated
 * anew while all weights stay (AdaBN: Li et al. 2016, arXiv 1603.04779). */
#ifndef DMS_TRAIN_ADAPT_H
#define DMS_TRAIN_ADAPT_H

#include "data/loader.h"
#include "dms/compute.h"
#include "dms/monitor.h"
#include "net/model_file.h"

typedef struct dms_norm_adaptation {
    const dms_model_config *config; /* borrowed, as all here */
    dms_params *params;     /* row-major and not mapped; statistics change */
    dms_loader *loader;     /* photographs as they are */
    const size_t *patients; /* count >= 2 of the loader's */
    size_t count;
    int batch;     /* patients per batch, >= 2; at most count are taken */
    int batches;   /* >= 1; more than the patients give begin again with them in
                      another order */
    uint64_t seed; /* of the order */
    const dms_compute *compute;
    const dms_monitor *monitor;
} dms_norm_adaptation;

/* Forward the batches with each batch's own statistics. The running mean and
 * variance of every norm, frozen ones included, become the mean over the
 * batches; num_batches_tracked becomes their number. The same seed and threads
 * give the same bits.
 * DMS_ESTOPPED when the monitor asks: params are then of no use. DMS_ENOMEM;
 * DMS_EFORMAT names a statistic that is not finite. */
dms_status dms_adapt_norms(const dms_norm_adaptation *adaptation,
                           dms_error *err);

#endif
