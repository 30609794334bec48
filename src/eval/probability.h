/* From logits to probabilities to findings; shared by validation, evaluation
 * and prediction. */
#ifndef DMS_EVAL_PROBABILITY_H
#define DMS_EVAL_PROBABILITY_H

#include <stdbool.h>

#include "dms/model.h"

/* K probabilities from K logits: a sigmoid per label, or one softmax for one-of
 * labels, of slope * logit + intercept.
 *
 * calibration  K; NULL: none. One-of labels: only the first one's slope counts
 */
void dms_probabilities(double *p, const float *logits,
                       const dms_label_set *labels,
                       const dms_calibration *calibration);

/* The K decisions: p > threshold or, for one-of labels, the largest p (the
 * first of equals). */
void dms_findings(bool *finding, const double *p, const dms_label_set *labels,
                  const double *thresholds);

#endif
