/* What every measure demands of its arrays, checked in one place. */
#ifndef DMS_EVAL_SCORED_H
#define DMS_EVAL_SCORED_H

#include "dms/metrics.h"

/* The set of the answers: ODIR's where they name none. */
const dms_label_set *dms_scored_set(const dms_answers *answers);

/* count x K is 1 to 2^27, labels are 0, 1 or unknown and not all unknown (of a
 * one-of set: one 1 a patient, or all unknown), probabilities lie in [0, 1];
 * DMS_EINVAL names patient and label. */
dms_status dms_scored_check(const dms_answers *answers, dms_error *err);

#endif
