/* All figures of a set of predictions at once, for any patient weights: weights
 * of 1 give the values, a bootstrap's draws the intervals. */
#ifndef DMS_EVAL_SCORING_H
#define DMS_EVAL_SCORING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/metrics.h"
#include "eval/auc.h"
#include "eval/residuals.h"

/* A figure's index in the flat array: headlines first, then label by label. */
static inline size_t dms_figure_of_label(size_t label, dms_label_metric metric)
{
    return DMS_METRICS + label * DMS_LABEL_METRICS + (size_t)metric;
}

/* The number of figures for so many labels. */
static inline size_t dms_figure_count(size_t labels)
{
    return dms_figure_of_label(labels, 0);
}

/* Labels, decisions and sorted probabilities; read-only after init. */
typedef struct dms_scoring {
    dms_task task;
    size_t count;         /* patients */
    size_t width;         /* K */
    uint8_t *cells;       /* owned: count x K, bits of scoring.c */
    uint8_t *patients;    /* owned: count, bits of scoring.c */
    uint16_t *classes;    /* owned; for one-of labels count x 2, the true and
                             the decided class, DMS_LABELS_MAX: none; or NULL */
    dms_ranking *columns; /* owned: K */
    dms_ranking flat;
    dms_residuals residuals;
} dms_scoring;

/* answers     checked by the caller (dms_scored_check)
 * thresholds  K, for any-of labels; one-of labels are decided by argmax, with
 *             no class if all probabilities are 0 */
dms_status dms_scoring_init(dms_scoring *scoring, const dms_answers *answers,
                            const double *thresholds, dms_error *err);
void dms_scoring_release(dms_scoring *scoring);

/* figures  out: dms_figure_count values, NaN if undefined
 * context  a dms_scoring
 * The function fits dms_bootstrap.measure; it allocates nothing. */
void dms_scoring_measure(double *figures, const void *context,
                         const uint32_t *weights);

/* Count the patients whose known label only one of two scorings of the same
 * patients decides right. */
void dms_scoring_discordant(size_t *first_only, size_t *second_only,
                            const dms_scoring *first, const dms_scoring *second,
                            size_t label);

/* For one-of labels. table  out: K x K patients, [true class][decided class] */
void dms_scoring_confusion(size_t *table, const dms_scoring *scoring);

#endif
