/* The points of ROC and precision-recall curves. */
#ifndef DMS_EVAL_CURVE_H
#define DMS_EVAL_CURVE_H

#include <stddef.h>

#include "eval/auc.h"

/* Where the decision "positive" includes one more group of equal probabilities,
 * from none to all. */
typedef struct dms_curve {
    double *recall;      /* true positive rate */
    double *false_alarm; /* false positive rate, 1 - specificity */
    double *precision;   /* of the first point, where nothing is positive, that
                            of the second: average precision's steps */
    size_t count;
} dms_curve;

/* ranking  one cell per patient, with both classes
 * The caller releases the curve. DMS_ENOMEM. */
dms_status dms_curve_init(dms_curve *curve, const dms_ranking *ranking,
                          dms_error *err);
void dms_curve_release(dms_curve *curve);

#endif
