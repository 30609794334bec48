/* A running evaluation: evaluate.c predicts, evaluate_report.c measures and
 * writes. */
#ifndef DMS_ENGINE_EVALUATION_H
#define DMS_ENGINE_EVALUATION_H

#include "data/cache.h"
#include "dms/evaluate.h"
#include "engine/ensemble.h"
#include "engine/model_record.h"

/* Opened in the order of the fields; NULL: not yet open. */
typedef struct dms_evaluation {
    const dms_evaluate_options *options; /* its texts may be "", not NULL;
                                            models has at least one */
    const dms_compute *compute;
    const dms_monitor *monitor;
    dms_ensemble *ensemble; /* of one model, if only one is given */
    const dms_model *model; /* the first: its labels, eyes and split are those
                               of all */
    dms_dataset *dataset;
    dms_cache **caches; /* one per model; the same where models prepare alike */
    dms_engine *engine;
} dms_evaluation;

/* The usable patients of one split and their predictions. */
typedef struct dms_evaluation_answers {
    size_t width;     /* K */
    size_t *patients; /* indices into the data set, in its order */
    size_t count;
    size_t left_out;       /* with several labels, if single-label */
    float *logits;         /* models x count x K */
    double *probabilities; /* count x K, each from 0 to 1: the ensemble's */
    uint8_t *labels;       /* count x K of 0, 1 or DMS_LABEL_UNKNOWN */
} dms_evaluation_answers;

/* What the files of that model say about its training. */
dms_model_record dms_evaluation_record(const dms_evaluation *evaluation,
                                       size_t model);

/* Create the folder for the results, and check that they and the tuned model
 * can be written: call it before a long computation. DMS_EIO, DMS_ENOMEM. */
dms_status dms_evaluation_prepare(const dms_evaluation *evaluation,
                                  dms_error *err);

/* The report of the answers. The caller destroys it. */
dms_status dms_evaluation_measure(dms_report **report,
                                  const dms_evaluation_answers *answers,
                                  const dms_evaluation *evaluation,
                                  dms_error *err);

/* Write metrics.json, report.txt and predictions.csv. */
dms_status dms_evaluation_write(const dms_evaluation_answers *answers,
                                const dms_report *report,
                                const dms_evaluation *evaluation,
                                dms_error *err);

#endif
