/* Ranking metrics of one column of probabilities: sorted once, then measured
 * for any patient weights in one pass. */
#ifndef DMS_EVAL_AUC_H
#define DMS_EVAL_AUC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

/* Cells in descending order of probability. */
typedef struct dms_ranking {
    uint32_t *cells; /* owned: patient << 2 | (last of its tie) << 1 | truth */
    size_t count;
    bool constant; /* all probabilities are equal */
} dms_ranking;

/* Cell i belongs to patient i / per_patient, which must fit 30 bits.
 * truth  0, 1, or DMS_LABEL_UNKNOWN: the cell is left out */
dms_status dms_ranking_init(dms_ranking *ranking, const uint8_t *truth,
                            const double *probabilities, size_t count,
                            size_t per_patient, dms_error *err);

/* The same for one label's column of count x labels matrices. */
dms_status dms_ranking_init_column(dms_ranking *ranking, const uint8_t *truth,
                                   const double *probabilities, size_t count,
                                   size_t labels, size_t label, dms_error *err);
void dms_ranking_release(dms_ranking *ranking);

typedef struct dms_ranks {
    double auc; /* P(positive above negative) + P(tie) / 2; NaN: one class */
    double ap;  /* sum of (R_i - R_i-1) * P_i over thresholds; 0: no positive */
} dms_ranks;

/* Measure with patient i counted weights[i] times. Exact if the weights of all
 * cells sum to at most 2^27. */
dms_ranks dms_ranking_measure(const dms_ranking *ranking,
                              const uint32_t *weights);

/* Only the AUC; faster. */
double dms_ranking_auc(const dms_ranking *ranking, const uint32_t *weights);

#endif
