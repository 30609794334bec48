/* Evaluation: a model's figures on one split of a data set. */
#ifndef DMS_EVALUATE_H
#define DMS_EVALUATE_H

#include "dms/compute.h"
#include "dms/data.h"
#include "dms/metrics.h"
#include "dms/model.h"
#include "dms/monitor.h"

#include "dms/public_begin.h"

/* Which thresholds decide. */
typedef enum dms_tune {
    DMS_TUNE_NONE, /* the model file's */
    DMS_TUNE_F1,   /* this and the next: chosen on the validation split */
    DMS_TUNE_KAPPA,
    DMS_TUNE_YOUDEN
} dms_tune;

const char *dms_tune_name(int tune); /* "none"; NULL past the last */

enum { DMS_EVALUATE_PATH_MAX = 1024 };

/* Plain data. */
typedef struct dms_evaluate_options {
    char model[DMS_EVALUATE_PATH_MAX];
    char data[DMS_EVALUATE_PATH_MAX];        /* folder or table */
    char images[DMS_EVALUATE_PATH_MAX];      /* "": beside the table */
    char out[DMS_EVALUATE_PATH_MAX];         /* folder of the results, made */
    char cache[DMS_EVALUATE_PATH_MAX];       /* "": the results' folder */
    char tuned_model[DMS_EVALUATE_PATH_MAX]; /* where to write the model with
                                                the tuned thresholds, or "" */
    dms_split split;                         /* NONE: every labelled patient */
    dms_tune tune;
    int batch;     /* patients, 1 to 256 */
    int resamples; /* of the bootstrap */
    uint64_t seed; /* of the bootstrap */
    dms_compute compute;
} dms_evaluate_options;

/* Validation split, the model's thresholds, 2,000 resamples. */
dms_evaluate_options dms_evaluate_options_default(void);

/* Predict every labelled patient of the split and measure.
 *
 * The split is the table's own column or, without one, the split that the
 * model was trained with (its provenance). Priors come from the training
 * split. Writes metrics.json, report.txt and predictions.csv (the
 * challenge's form, the table's order) into options->out.
 * Photographs that cannot be read are warned of and left out; *unreadable
 * counts them (may be NULL). */
dms_status dms_evaluate(dms_report *out, size_t *unreadable,
                        const dms_evaluate_options *options,
                        const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
