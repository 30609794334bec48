/* predictions.csv: ID and a column for each label's code, a probability in
 * every cell; of ODIR's labels as the ODIR-2019 challenge's own script reads
 * it. */
#ifndef DMS_DATA_PREDICTIONS_H
#define DMS_DATA_PREDICTIONS_H

#include <stddef.h>

#include "dms/labels.h"
#include "dms/status.h"

typedef struct dms_prediction_rows {
    char *name; /* owned: of the file, for messages */
    char **ids; /* owned, count texts: blanks around them are cut off */
    double *probabilities; /* owned, count x K, each in [0, 1] */
    size_t count;
} dms_prediction_rows;

/* Read a predictions file. The columns may stand in any order; others than
 * ID and the labels' codes are passed over.
 *
 * out  untouched on failure
 * DMS_EIO; DMS_EFORMAT naming file, line and column for a missing or double
 * column, an empty ID, one ID twice, what is no number from 0 to 1. */
dms_status dms_prediction_rows_read(dms_prediction_rows *out, const char *path,
                                    const dms_label_set *labels,
                                    dms_error *err);
/* The same from memory; name is for messages. */
dms_status dms_prediction_rows_parse(dms_prediction_rows *out, const void *data,
                                     size_t size, const char *name,
                                     const dms_label_set *labels,
                                     dms_error *err);
void dms_prediction_rows_release(dms_prediction_rows *predictions);

/* Write path whole or not at all, so that every probability reads back
 * bit-equal.
 *
 * ids            count texts
 * probabilities  count x K */
dms_status dms_prediction_rows_write(const char *path, const char *const *ids,
                                     const double *probabilities, size_t count,
                                     const dms_label_set *labels,
                                     dms_error *err);

#endif
