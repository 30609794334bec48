/* Evaluation: a model's figures on one split of a data set.
 *
 * Threads: every function here may be called from any thread; calls at the same
 * time have out folders of their own. */
#ifndef DMS_EVALUATE_H
#define DMS_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/compute.h"
#include "dms/data.h"
#include "dms/metrics.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* Which thresholds decide. */
typedef enum dms_tune {
    DMS_TUNE_NONE, /* the model file's */
    DMS_TUNE_F1,   /* this and the next: chosen on the validation split */
    DMS_TUNE_KAPPA,
    DMS_TUNE_YOUDEN
} dms_tune;

/* "none", "f1", "kappa", "youden"; NULL out of range. */
const char *dms_tune_name(int tune);

/* Filled by dms_evaluate_options_init. All pointers are borrowed for the call;
 * of paths that may be missing, NULL and "" are the same. */
typedef struct dms_evaluate_options {
    size_t struct_size;
    const char *model;       /* model file */
    const char *data;        /* folder or table */
    const char *images;      /* NULL: beside the table */
    const char *labels;      /* where the table has the model's labels, as
                                dms_label_set_parse takes it; NULL: under the
                                model's words */
    const char *out;         /* folder of the results, made where missing */
    const char *cache;       /* folder of the prepared photographs; NULL: the
                                model file's, where that can be written, else
                                the results' */
    const char *tuned_model; /* where to write the model with the tuned
                                thresholds; NULL: nowhere */
    dms_split split;         /* NONE: every labelled patient */
    dms_tune tune;
    int batch;                  /* patients, 1 to 256 */
    int resamples;              /* of the bootstrap, 0 to 100000 */
    uint64_t seed;              /* of the bootstrap */
    const dms_compute *compute; /* NULL: the default */
    const char *encoding;       /* of a table that is text; NULL: found (data.h)
                                 */
    bool strict; /* refuse where patients were trained on, or the model does
                    not say which were; else the monitor is warned. Of the
                    training split neither is done */
} dms_evaluate_options;

/* Validation split, the model's thresholds, batches of 8, 2,000 resamples, seed
 * 1; no paths. struct_size: sizeof *options. */
void dms_evaluate_options_init(dms_evaluate_options *options,
                               size_t struct_size);

/* Predict every labelled patient of the split and measure.
 *
 * out is untouched on failure, else the caller's to destroy.
 * The split is the table's own column or, without one, the split that the
 * model was trained with (its provenance). Priors come from the training
 * split. A patient was trained on if one of the photographs that are looked at
 * has the pixels of a training photograph, whatever it is called
 * (docs/model-file.md): that is warned of, or refused (options->strict:
 * DMS_EMISMATCH), and the report counts them. Writes metrics.json, report.txt
 * and predictions.csv (the challenge's form, the table's order) into
 * options->out. Photographs that cannot be read are warned of and left out;
 * *unreadable counts them (may be NULL). DMS_EINVAL, DMS_EIO, DMS_EFORMAT,
 * DMS_EMISMATCH, DMS_ENOMEM; DMS_ESTOPPED when the monitor asks.
 */
dms_status dms_evaluate(dms_report **out, size_t *unreadable,
                        const dms_evaluate_options *options,
                        const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
