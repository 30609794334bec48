/* The four counts of yes-or-no decisions and the ratios made of them. */
#ifndef DMS_EVAL_CONFUSION_H
#define DMS_EVAL_CONFUSION_H

#include <stdint.h>

typedef struct dms_cells {
    uint64_t tp, fp, fn, tn;
} dms_cells;

/* from's counts are added to sum's. */
void dms_cells_add(dms_cells *sum, const dms_cells *from);

/* Ratios in [0, 1]; one without a denominator is 0, as scikit-learn's with
 * zero_division=0. Specificity is the recall of the negative class. */
double dms_cells_accuracy(const dms_cells *cells);
double dms_cells_precision(const dms_cells *cells);
double dms_cells_recall(const dms_cells *cells);
double dms_cells_specificity(const dms_cells *cells);
double dms_cells_f1(const dms_cells *cells);

#endif
