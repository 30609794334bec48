/* What a run computes besides values: three independent switches. All zero is
 * inference.
 *
 *     training               gradients PARAMS, statistics UPDATE, dropout
 *     explaining an answer   gradients NODES
 *     adapting the norms     statistics MEAN
 *     Monte-Carlo dropout    dropout */
#ifndef DMS_GRAPH_RUN_MODE_H
#define DMS_GRAPH_RUN_MODE_H

#include <stdbool.h>

typedef enum dms_gradients {
    DMS_GRADIENTS_NONE,
    DMS_GRADIENTS_PARAMS, /* of the trained parameters, and of chosen nodes */
    DMS_GRADIENTS_NODES   /* of chosen nodes only (dms_graph_want_gradient) */
} dms_gradients;

/* The mean and variance that a batch norm uses. */
typedef enum dms_statistics {
    DMS_STATISTICS_RUNNING, /* the running ones, of the table */
    DMS_STATISTICS_BATCH,   /* the batch's; the running ones do not change */
    DMS_STATISTICS_UPDATE,  /* the batch's; running ones follow, momentum 0.1 */
    DMS_STATISTICS_MEAN     /* the batch's; the running ones, frozen ones too,
                               become the mean of all batches so far
                               (PyTorch's momentum=None) */
} dms_statistics;

typedef struct dms_run_mode {
    dms_gradients gradients;
    dms_statistics statistics;
    bool dropout;
} dms_run_mode;

#define DMS_RUN_INFERENCE ((dms_run_mode){.dropout = false})
#define DMS_RUN_TRAINING                                                       \
    ((dms_run_mode){.gradients = DMS_GRADIENTS_PARAMS,                         \
                    .statistics = DMS_STATISTICS_UPDATE,                       \
                    .dropout = true})

#endif
