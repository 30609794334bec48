/* From logits to probabilities to findings, as training's validation,
 * evaluation and prediction all do it. */
#ifndef DMS_EVAL_PROBABILITY_H
#define DMS_EVAL_PROBABILITY_H

#include <stdbool.h>

#include "dms/labels.h"

/* K probabilities of K logits, which are divided by the temperature (> 0)
 * first: a sigmoid a label, or one softmax of one-of labels. */
void dms_probabilities(double *p, const float *logits,
                       const dms_label_set *labels, double temperature);

/* The K decisions: p > threshold, or the greatest of one-of labels (the first
 * of equals). */
void dms_findings(bool *finding, const double *p, const dms_label_set *labels,
                  const double *thresholds);

#endif
