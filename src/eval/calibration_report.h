/* Fits calibration and thresholds and measures what they change. */
#ifndef DMS_EVAL_CALIBRATION_REPORT_H
#define DMS_EVAL_CALIBRATION_REPORT_H

#include "eval/calibration.h"
#include "eval/thresholds.h"

typedef struct dms_calibration_plan {
    dms_outcomes outcomes; /* one-of labels: of patients with one label */
    const dms_calibration *before; /* K, of the model; NULL: none */
    dms_calibrate_method method;
    dms_operating_point point;
} dms_calibration_plan;

/* out: unchanged on failure; `splits`, `left_out` and `point` are zero. One-of
 * labels get thresholds of 0.5, which they do not use. DMS_EINVAL if no label
 * is known; DMS_ENOMEM. */
dms_status dms_calibrate_report_make(dms_calibrate_report **out,
                                     const dms_calibration_plan *plan,
                                     dms_error *err);

#endif
