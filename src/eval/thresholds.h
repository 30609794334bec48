/* Operating points, and thresholds for them. */
#ifndef DMS_EVAL_THRESHOLDS_H
#define DMS_EVAL_THRESHOLDS_H

#include "dms/metrics.h"

typedef enum dms_point_kind {
    DMS_POINT_F1, /* the best of it; also the next two */
    DMS_POINT_KAPPA,
    DMS_POINT_YOUDEN,
    DMS_POINT_SENSITIVITY, /* the best specificity with at least this */
    DMS_POINT_SPECIFICITY, /* the best sensitivity with at least this */
    DMS_POINT_FIXED        /* the same threshold for every label */
} dms_point_kind;

typedef struct dms_operating_point {
    dms_point_kind kind;
    double value; /* of the last three, 0 to 1 */
} dms_operating_point;

/* "f1", "kappa", "youden", "sensitivity=0.9", "specificity=0.95", "0.5".
 * DMS_EINVAL. */
dms_status dms_operating_point_parse(dms_operating_point *point,
                                     const char *text, dms_error *err);

/* For each label the threshold of the point on these patients, halfway between
 * two neighbouring probabilities; of several best ones, the nearest to 0.5. A
 * label with fewer positives or negatives than `least` (1 or more) gets 0.5.
 *
 * thresholds, chosen  out: K; chosen is false where there were too few
 * Fails like dms_report_measure. */
dms_status dms_thresholds_choose(double *thresholds, bool *chosen,
                                 const dms_answers *answers,
                                 const dms_operating_point *point, size_t least,
                                 dms_error *err);

#endif
