/* Learning curves: the log of epochs as a chart. */
#ifndef DMS_TRAIN_CURVES_H
#define DMS_TRAIN_CURVES_H

#include "train/metrics_log.h"

/* Draw losses, metric and learning rate over the epochs as SVG. Marks the last
 * epoch that was the best. What no epoch has a value of, is left out.
 *
 * log     at least one epoch
 * metric  the one that chooses the best epoch
 * text    the caller frees it (dms_free)
 * DMS_ENOMEM */
dms_status dms_curves_format(char **text, const dms_metrics_log *log,
                             dms_metric metric, dms_error *err);

/* Write it to folder/curves.svg, completely or not at all. */
dms_status dms_curves_write(const dms_metrics_log *log, dms_metric metric,
                            const char *folder, dms_error *err);

#endif
