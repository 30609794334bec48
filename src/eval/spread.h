/* How far figures of several models or runs lie apart. */
#ifndef DMS_EVAL_SPREAD_H
#define DMS_EVAL_SPREAD_H

#include <stddef.h>

#include "dms/metrics.h"

/* Of count values, `stride` doubles apart; NaNs are left out. mean is NaN
 * without a value, deviation with fewer than two. */
dms_spread dms_spread_of(const double *values, size_t count, size_t stride);

/* The figures of which a spread is shown: the default metric of the labels and
 * macro_auc, if that is another. Returns how many. */
size_t dms_spread_metrics(dms_metric shown[2], const dms_label_set *labels);

#endif
