/* One record per epoch, written as metrics.jsonl and metrics.csv. The
 * checkpoint contains the whole log and both files are rewritten from it, so a
 * resumed run never repeats or loses a line. */
#ifndef DMS_TRAIN_METRICS_LOG_H
#define DMS_TRAIN_METRICS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/metrics.h"

typedef struct dms_epoch_record {
    int64_t epoch; /* from 1 */
    int64_t step;  /* of the optimiser at the end of the epoch */
    double train_loss;
    double lr;
    double images_per_s;
    double seconds;              /* of training and validation */
    double val_loss;             /* NaN without a validation split */
    double metrics[DMS_METRICS]; /* on the validation split; NaN: undefined */
    bool averaged;               /* metrics are those of the averaged weights */
    bool best;
} dms_epoch_record;

typedef struct dms_metrics_log {
    const dms_label_set *labels; /* borrowed: whose figures are written; NULL:
                                    ODIR's */
    dms_epoch_record *records;   /* owned, count of them */
    size_t count;
    size_t capacity;
} dms_metrics_log;

dms_status dms_metrics_log_add(dms_metrics_log *log,
                               const dms_epoch_record *record, dms_error *err);
void dms_metrics_log_release(dms_metrics_log *log);

/* Is this figure written, for the log's labels? */
bool dms_metrics_log_has(const dms_metrics_log *log, dms_metric metric);

/* One JSON object per line. Undefined figures are null; every number reads back
 * bit-equal. text: the caller frees it (dms_free). */
dms_status dms_metrics_log_format(char **text, const dms_metrics_log *log,
                                  dms_error *err);

/* Parse what format wrote, into an empty log. DMS_EFORMAT names the line. */
dms_status dms_metrics_log_parse(dms_metrics_log *log, const char *text,
                                 dms_error *err);

/* Write folder/metrics.jsonl and folder/metrics.csv, each completely or not at
 * all. */
dms_status dms_metrics_log_write(const dms_metrics_log *log, const char *folder,
                                 dms_error *err);

#endif
