/* The four counts of binary decisions, and ratios of them. */
#ifndef DMS_EVAL_CONFUSION_H
#define DMS_EVAL_CONFUSION_H

#include <stdint.h>

typedef struct dms_cells {
    uint64_t tp, fp, fn, tn;
} dms_cells;

/* Add from's counts to sum's. */
void dms_cells_add(dms_cells *sum, const dms_cells *from);

/* Ratios in [0, 1]; 0 if the denominator is 0, like scikit-learn with
 * zero_division=0. Specificity is the recall of the negative class. */
double dms_cells_accuracy(const dms_cells *cells);
double dms_cells_precision(const dms_cells *cells);
double dms_cells_recall(const dms_cells *cells);
double dms_cells_specificity(const dms_cells *cells);
double dms_cells_f1(const dms_cells *cells);

#endif
