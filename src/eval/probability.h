/* From logits to probabilities to findings, as training's validation,
 * evaluation and prediction all do it. */
#ifndef DMS_EVAL_PROBABILITY_H
#define DMS_EVAL_PROBABILITY_H

#include <stdbool.h>

#include "dms/architecture.h"

/* K probabilities of K logits, which are divided by the temperature (> 0)
 * first: a sigmoid a label, or one softmax for single-label. */
void dms_probabilities(double p[DMS_LABELS], const float *logits, dms_task task,
                       double temperature);

/* The decisions: p > threshold, or the greatest for single-label (the first
 * of equals). */
void dms_findings(bool finding[DMS_LABELS], const double p[DMS_LABELS],
                  dms_task task, const double thresholds[DMS_LABELS]);

#endif
