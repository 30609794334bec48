/* All figures of one set of predictions at once, for any weights of the
 * patients: weights 1 give the values, a bootstrap's draws the intervals. */
#ifndef DMS_EVAL_SCORING_H
#define DMS_EVAL_SCORING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/metrics.h"
#include "eval/auc.h"

/* A figure's place in the flat array: headlines, then label by label. */
static inline size_t dms_figure_of_label(size_t label, dms_label_metric metric)
{
    return DMS_METRICS + label * DMS_LABEL_METRICS + (size_t)metric;
}

/* How many figures there are of so many labels. */
static inline size_t dms_figure_count(size_t labels)
{
    return dms_figure_of_label(labels, 0);
}

/* Labels, decisions and sorted probabilities; read-only once made. */
typedef struct dms_scoring {
    dms_task task;
    size_t count;         /* patients */
    size_t width;         /* K */
    uint8_t *cells;       /* owned: count x K of scoring.c's bits */
    uint8_t *patients;    /* owned: count of scoring.c's bits */
    uint16_t *classes;    /* owned: one-of: count x 2, the true and the decided
                             class, DMS_LABELS_MAX for none; else NULL */
    dms_ranking *columns; /* owned: K */
    dms_ranking flat;
} dms_scoring;

/* answers     checked by the caller
 * thresholds  K, for any-of labels; one-of labels decide by argmax, for nobody
 *             where all probabilities are 0 */
dms_status dms_scoring_init(dms_scoring *scoring, const dms_answers *answers,
                            const double *thresholds, dms_error *err);
void dms_scoring_release(dms_scoring *scoring);

/* figures out: dms_figure_count values, NaN where undefined. Allocates
 * nothing. Its arguments are those of dms_bootstrap.measure; context: a
 * dms_scoring. */
void dms_scoring_measure(double *figures, const void *context,
                         const uint32_t *weights);

/* table out: K x K, patients of one-of labels by [true class][decided class].*/
void dms_scoring_confusion(size_t *table, const dms_scoring *scoring);

#endif
