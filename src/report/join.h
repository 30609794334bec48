/* Predictions and labels of the same patients, brought together by id. */
#ifndef DMS_REPORT_JOIN_H
#define DMS_REPORT_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/predictions.h"
#include "dms/data.h"

typedef struct dms_join {
    /* Given, borrowed. */
    const dms_dataset *dataset;
    const dms_label_set *label_set; /* scored: the table's, or one of them */
    const dms_prediction_rows *sets;
    size_t set_count;
    dms_split split;       /* NONE: the whole table */
    bool allow_incomplete; /* labelled patients whom not all sets predict */
    bool allow_unlabelled; /* predictions for patients without labels */
    bool allow_other;      /* predictions for ids outside of table and split */
    /* Found: the patients with labels and a prediction in every set, in the
     * table's order. */
    uint8_t *labels;        /* owned: count x K */
    double **probabilities; /* owned: per set count x K */
    size_t count;
    /* Left out and counted. */
    size_t several_labels; /* patients of several classes, if one-of */
    size_t incomplete;     /* patients */
    size_t unlabelled;     /* patients */
    size_t other;          /* predictions */
} dms_join;

/* Fill in what is found. DMS_EMISMATCH for what is not allowed names the first
 * ids, as it does if no patient is left, or if a split is asked for and the
 * table has none. Release the join in any case. */
dms_status dms_join_run(dms_join *join, dms_error *err);
void dms_join_release(dms_join *join);

#endif
