/* Fitting probabilities to outcomes: pure functions of logits and labels. */
#ifndef DMS_EVAL_CALIBRATION_H
#define DMS_EVAL_CALIBRATION_H

#include <stdint.h>

#include "dms/calibrate.h"

/* Logits and labels of the same patients, borrowed. */
typedef struct dms_outcomes {
    const dms_label_set *set;
    const float *logits;   /* count x K, finite */
    const uint8_t *labels; /* count x K of 0, 1 or DMS_LABEL_UNKNOWN; one-of:
                              exactly one 1, or all unknown */
    size_t count;
} dms_outcomes;

/* The result of a fit. The caller's arrays are K long. */
typedef struct dms_calibration_fit {
    dms_calibration *calibration;
    bool *own;          /* label k has a fit of its own */
    double temperature; /* common to all labels */
} dms_calibration_fit;

/* Fit a calibration.
 *
 * The common temperature minimises the mean log loss of all known cells, or of
 * the softmax for one-of labels. A label's own fit minimises its log loss over
 * slope and intercept with Platt's smoothed targets, or over the slope alone.
 * A label has the common temperature if it has fewer than
 * DMS_CALIBRATE_FIT_MIN positives or negatives, or if its own slope is not
 * within 0.001 to 1000: its logits then say nothing about it, or the opposite,
 * or (a temperature only) separate it without an error.
 * Without anything to fit, the temperature is 1. */
void dms_calibration_fit_to(dms_calibration_fit *fit,
                            const dms_outcomes *outcomes,
                            dms_calibrate_method method);

/* Label k's known cells, and those that have it. */
void dms_outcomes_count(size_t *known, size_t *positives,
                        const dms_outcomes *outcomes, int k);

#endif
