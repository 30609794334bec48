/* predictions.csv: the column ID and a column of probabilities per label, named
 * by its code. With ODIR's labels, the ODIR-2019 challenge's script reads it.
 */
#ifndef DMS_DATA_PREDICTIONS_H
#define DMS_DATA_PREDICTIONS_H

#include <stddef.h>

#include "dms/labels.h"
#include "dms/status.h"

typedef struct dms_prediction_rows {
    char *name; /* owned: the file's, for messages */
    char *
        *ids; /* owned, count texts without blanks around them, all different */
    double *probabilities; /* owned, count x K, each in [0, 1] */
    size_t count;
} dms_prediction_rows;

/* Read a predictions file. The columns may be in any order; columns other than
 * ID and the labels' codes are ignored.
 *
 * out  untouched on failure
 * DMS_EIO; DMS_EFORMAT naming file, line and column for a missing or duplicate
 * column, an empty or duplicate ID, or a cell that is not a number from 0 to 1.
 */
dms_status dms_prediction_rows_read(dms_prediction_rows *out, const char *path,
                                    const dms_label_set *labels,
                                    dms_error *err);
/* The same from memory; name is for messages. */
dms_status dms_prediction_rows_parse(dms_prediction_rows *out, const void *data,
                                     size_t size, const char *name,
                                     const dms_label_set *labels,
                                     dms_error *err);
void dms_prediction_rows_release(dms_prediction_rows *predictions);

/* Write the file, completely or not at all. Every probability reads back
 * bit-equal.
 *
 * ids            count texts
 * probabilities  count x K */
dms_status dms_prediction_rows_write(const char *path, const char *const *ids,
                                     const double *probabilities, size_t count,
                                     const dms_label_set *labels,
                                     dms_error *err);

#endif
