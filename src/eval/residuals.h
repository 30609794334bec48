/* How far probabilities are from the labels: Brier score and expected
 * calibration error over all cells (patient, label), for any patient weights.
 */
#ifndef DMS_EVAL_RESIDUALS_H
#define DMS_EVAL_RESIDUALS_H

#include <stddef.h>
#include <stdint.h>

#include "dms/metrics.h"

/* Read-only after init. */
typedef struct dms_residuals {
    size_t count, width; /* patients, K */
    double *errors;      /* owned: count x K of P - label; 0 if unknown */
    uint8_t *bins;       /* owned: count x K of dms_reliability_bin(P);
                            DMS_RELIABILITY_BINS if the label is unknown */
} dms_residuals;

/* answers  checked by the caller (dms_scored_check). DMS_ENOMEM. */
dms_status dms_residuals_init(dms_residuals *residuals,
                              const dms_answers *answers, dms_error *err);
void dms_residuals_release(dms_residuals *residuals);

/* brier  mean of (P - label)^2 (Brier 1950, of one outcome of two)
 * ece    mean over the cells of |mean P - share of positives| of the cell's bin
 *        (Naeini, Cooper & Hauskrecht 2015), bins of equal width
 * NaN where no cell counts. */
void dms_residuals_measure(double *brier, double *ece,
                           const dms_residuals *residuals,
                           const uint32_t *weights);

#endif
