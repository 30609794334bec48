/* From logits to probabilities, as prediction and evaluation both do it. */
#ifndef DMS_API_PROBABILITY_H
#define DMS_API_PROBABILITY_H

#include "dms/model.h"

/* K probabilities of K logits: sigmoid a label, or one softmax for
 * single-label, after division by the temperature. */
void dms_probabilities(double p[DMS_LABELS], const float *logits,
                       const dms_model_config *config);

/* The decisions: p > threshold, or the greatest for single-label. */
void dms_findings(bool finding[DMS_LABELS], const double p[DMS_LABELS],
                  const dms_model_config *config);

#endif
