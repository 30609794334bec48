/* Cohen's kappa: agreement beyond what the margins alone predict.
 *
 *   kappa = 1 - sum(w * observed) / sum(w * expected),
 *   expected[i][j] = row[i] * column[j] / n
 *
 * NaN if no disagreement is expected (both sides use a single class), like
 * scikit-learn's cohen_kappa_score. Cohen 1960; weights: Cohen 1968. */
#ifndef DMS_EVAL_KAPPA_H
#define DMS_EVAL_KAPPA_H

#include <stddef.h>
#include <stdint.h>

#include "eval/confusion.h"

double dms_kappa_binary(const dms_cells *cells);

typedef enum dms_kappa_weights {
    DMS_KAPPA_PLAIN,    /* w = i != j */
    DMS_KAPPA_QUADRATIC /* w = (i - j)^2 */
} dms_kappa_weights;

/* The same from the margins: the counts of true and of decided classes, and the
 * sum of w * observed. */
double dms_kappa_margins(double observed, const uint64_t *rows,
                         const uint64_t *columns, size_t classes,
                         dms_kappa_weights weights);

/* table  classes x classes counts, rows: truth; at most DMS_LABELS_MAX classes.
 * i and j are table indices even if a class never occurs (scikit-learn:
 * labels=range(classes)) */
double dms_kappa_classes(const uint64_t *table, size_t classes,
                         dms_kappa_weights weights);

#endif
