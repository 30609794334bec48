/* DeLong's test: do two predictors of the same patients differ in AUC?
 *
 * DeLong, DeLong & Clarke-Pearson 1988, with the sorting of Sun & Xu 2014 (fast
 * implementation of DeLong's algorithm): O(n log n) instead of O(n^2). */
#ifndef DMS_EVAL_DELONG_H
#define DMS_EVAL_DELONG_H

#include <stddef.h>

#include "eval/auc.h"

/* The structural components of a ranking of one cell per patient. Of a patient
 * with the label: the share of patients without it whose probability is lower;
 * of one without it: the share of those with it whose probability is higher. A
 * tie counts one half. The mean of either kind is the AUC.
 *
 * components  out: one per patient; untouched where the label is unknown
 * Both classes must occur. */
void dms_delong_components(double *components, const dms_ranking *ranking);

/* Of AUC(second) - AUC(first). NaN if undefined. */
typedef struct dms_delong {
    double difference; /* undefined with one class only */
    double deviation;  /* the difference's standard error; undefined with fewer
                          than two patients of a class */
    double low, high;  /* difference -+ 1.96 deviations */
    double p;          /* two-sided; 1 if difference and deviation are 0,
                          undefined if the deviation alone is 0 */
} dms_delong;

/* ranking        of either predictor; says who has the label
 * first, second  components of both; not read with one class only */
dms_delong dms_delong_test(const dms_ranking *ranking, const double *first,
                           const double *second);

#endif
