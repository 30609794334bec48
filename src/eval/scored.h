/* The requirements that all metrics have of their arrays, checked in one place.
 */
#ifndef DMS_EVAL_SCORED_H
#define DMS_EVAL_SCORED_H

#include "dms/metrics.h"

/* The answers' label set; ODIR's if they have none. */
const dms_label_set *dms_scored_set(const dms_answers *answers);

/* Check that count x K is 1 to 2^27; that labels are 0, 1 or unknown, and not
 * all unknown (one-of sets: per patient one 1, or all unknown); and that
 * probabilities lie in [0, 1]. DMS_EINVAL names patient and label. */
dms_status dms_scored_check(const dms_answers *answers, dms_error *err);

#endif
