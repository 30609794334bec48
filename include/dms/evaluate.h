/* Evaluation: a model's metrics on one split of a data set.
 *
 * Threads: every function here may be called from any thread; simultaneous
 * calls need different out folders. */
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

/* The thresholds to use. */
typedef enum dms_tune {
    DMS_TUNE_NONE, /* the model file's */
    DMS_TUNE_F1,   /* this and the rest: tuned on the validation split */
    DMS_TUNE_KAPPA,
    DMS_TUNE_YOUDEN
} dms_tune;

/* "none", "f1", "kappa", "youden"; NULL out of range. */
const char *dms_tune_name(int tune);

/* Filled in by dms_evaluate_options_init. All pointers are borrowed for the
 * call; for optional paths, NULL and "" mean the same. */
typedef struct dms_evaluate_options {
    size_t struct_size;
    const char *model;       /* as a path of dms_ensemble_open: a model file */
    const char *data;        /* folder or table */
    const char *images;      /* NULL: beside the table */
    const char *labels;      /* how the table names the model's labels, in the
                                form of dms_label_set_parse; NULL: as the model
                                does */
    const char *out;         /* folder for the results, created if missing */
    const char *cache;       /* folder for preprocessed photographs; NULL:
                                that of the model file, or the run with folds,
                                if writable, else the results', and so of a
                                model that is given by its name */
    const char *tuned_model; /* where to write the model with the tuned
                                thresholds; NULL: nowhere */
    dms_split split;         /* NONE: every labelled patient */
    dms_tune tune;
    int batch;                  /* patients, 1 to 256 */
    int resamples;              /* of the bootstrap, 0 to 100000 */
    uint64_t seed;              /* of the bootstrap */
    const dms_compute *compute; /* NULL: the default */
    const char *encoding;       /* of a text table; NULL: detected (data.h)
                                 */
    bool strict; /* refuse where patients were trained on, or the model does
                    not say which were; else the monitor is warned. Of the
                    training split neither is done */
    /* An ensemble instead of `model`: paths as of dms_ensemble_open. NULL:
     * `model` is evaluated. */
    const char *const *models;
    size_t model_count;
} dms_evaluate_options;

/* Validation split, the model's thresholds, batches of 8, 2,000 resamples, seed
 * 1; no paths. struct_size: sizeof *options. */
void dms_evaluate_options_init(dms_evaluate_options *options,
                               size_t struct_size);

/* Predict every labelled patient of the split and compute the metrics.
 *
 * out: unchanged on failure; otherwise the caller destroys it.
 * The split is the table's own column or, without one, the split of the model's
 * training (in its provenance). Priors come from the training split. A patient
 * was trained on if one of the photographs in use has the pixels of a training
 * photograph, whatever its name (docs/model-file.md): the report counts such
 * patients, with a warning or, with options->strict, DMS_EMISMATCH. Writes
 * metrics.json, report.txt and predictions.csv (the challenge's form, in the
 * table's order) to options->out.
 * Of an ensemble the report also has each model's figures (model_count in
 * dms_report); its split is that of the first model's training, and every
 * model's training photographs are checked.
 * Unreadable photographs are left out with a warning; *unreadable (may be NULL)
 * counts them. DMS_EINVAL, DMS_EIO, DMS_EFORMAT, DMS_EMISMATCH, DMS_ENOMEM;
 * DMS_ESTOPPED if the monitor asks to stop. */
dms_status dms_evaluate(dms_report **out, size_t *unreadable,
                        const dms_evaluate_options *options,
                        const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
