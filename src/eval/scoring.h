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
enum { DMS_FIGURES = DMS_METRICS + DMS_LABELS * DMS_LABEL_METRICS };

static inline size_t dms_figure_of_label(size_t label, dms_label_metric metric)
{
    return DMS_METRICS + label * DMS_LABEL_METRICS + (size_t)metric;
}

/* Labels, decisions and sorted probabilities; read-only once made. */
typedef struct dms_scoring {
    dms_task task;
    size_t count;      /* patients */
    uint8_t *truth;    /* owned: bit k is label k */
    uint8_t *decision; /* owned: bit k is label k */
    dms_ranking columns[DMS_LABELS];
    dms_ranking flat;
} dms_scoring;

/* labels, probabilities  count x 8, checked by the caller
 * thresholds             for multi-label; single-label decides by argmax,
 *                        for nobody where all probabilities are 0 */
dms_status dms_scoring_init(dms_scoring *scoring, const uint8_t *labels,
                            const double *probabilities, size_t count,
                            dms_task task, const double *thresholds,
                            dms_error *err);
void dms_scoring_release(dms_scoring *scoring);

/* figures out: DMS_FIGURES values, NaN where undefined. Allocates nothing.
 * Its arguments are those of dms_bootstrap.measure; context: a dms_scoring. */
void dms_scoring_measure(double *figures, const void *context,
                         const uint32_t *weights);

/* table out: single-label patients by [true class][decided class]. */
void dms_scoring_confusion(uint64_t table[DMS_LABELS * DMS_LABELS],
                           const dms_scoring *scoring, const uint32_t *weights);

#endif
