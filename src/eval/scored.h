/* What every measure demands of its arrays, checked in one place. */
#ifndef DMS_EVAL_SCORED_H
#define DMS_EVAL_SCORED_H

#include <stddef.h>
#include <stdint.h>

#include "dms/metrics.h"

/* count is 1 to 2^24, labels are 0 or 1 (single-label: one 1 a patient),
 * probabilities lie in [0, 1]; DMS_EINVAL names patient and label. */
dms_status dms_scored_check(const uint8_t *labels, const double *probabilities,
                            size_t count, dms_task task, dms_error *err);

#endif
