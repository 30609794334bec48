/* What the field measures: every figure of docs/metrics.md with its 95 %
 * interval, from labels and probabilities, with or without a model.
 *
 * Threads: every function here may be called from any thread at any time, each
 * call with outputs of its own. */
#ifndef DMS_METRICS_H
#define DMS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/architecture.h"
#include "dms/data.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* The headline figures. Flattened: over the 8n cells (patient, label). */
typedef enum dms_metric {
    DMS_METRIC_ODIR_KAPPA, /* Cohen's kappa of the flattened decisions */
    DMS_METRIC_ODIR_F1,    /* micro F1 over both outcomes: cell accuracy */
    DMS_METRIC_ODIR_AUC,   /* ROC AUC of the flattened probabilities */
    DMS_METRIC_ODIR_FINAL, /* mean of the three: ODIR-2019's ranking score */
    DMS_METRIC_ACCURACY,   /* subset accuracy: all eight labels right */
    DMS_METRIC_RECALL,     /* micro, of the positive class; so the next two */
    DMS_METRIC_PRECISION,
    DMS_METRIC_F1,
    DMS_METRIC_KAPPA,     /* = odir_kappa */
    DMS_METRIC_MACRO_AUC, /* means over the labels, undefined ones left out */
    DMS_METRIC_MACRO_AP,
    DMS_METRIC_MACRO_F1,
    DMS_METRIC_MACRO_RECALL,
    DMS_METRIC_MACRO_PRECISION,
    DMS_METRIC_MACRO_SPECIFICITY,
    DMS_METRIC_MACRO_KAPPA,
    DMS_METRIC_MACRO_AUC_LABELS,      /* how many labels have an AUC */
    DMS_METRIC_TOP1_ACCURACY,         /* this and the next: single-label only */
    DMS_METRIC_CLASS_KAPPA,           /* of the 8 x 8 confusion matrix */
    DMS_METRIC_CLASS_KAPPA_QUADRATIC, /* weights (i - j)^2 */
    DMS_METRICS
} dms_metric;

/* The figures of one label. */
typedef enum dms_label_metric {
    DMS_LABEL_METRIC_PRECISION,
    DMS_LABEL_METRIC_RECALL,
    DMS_LABEL_METRIC_SPECIFICITY,
    DMS_LABEL_METRIC_F1,
    DMS_LABEL_METRIC_AUC,
    DMS_LABEL_METRIC_AP,
    DMS_LABEL_METRIC_KAPPA,
    DMS_LABEL_METRICS
} dms_label_metric;

/* The trivial predictors that every report stands beside. */
typedef enum dms_floor {
    DMS_FLOOR_ALL_ZERO,     /* probability 0 everywhere */
    DMS_FLOOR_CLASS_PRIORS, /* every patient gets the labels' frequencies */
    DMS_FLOORS
} dms_floor;

/* The JSON's word for a value, "macro_auc", "specificity", "class_priors";
 * NULL out of range. */
const char *dms_metric_name(dms_metric metric);
const char *dms_label_metric_name(dms_label_metric metric);
const char *dms_floor_name(dms_floor floor);

/* false when no headline figure has that name. */
bool dms_metric_find(dms_metric *metric, const char *name);

/* NaN where undefined: an AUC of one class, a kappa without any disagreement
 * expected by chance, an interval without resamples. */
typedef struct dms_figure {
    double value;
    double low, high; /* percentiles 2.5 and 97.5 of the bootstrap */
} dms_figure;

typedef struct dms_label_report {
    dms_figure metrics[DMS_LABEL_METRICS];
    size_t support;   /* patients that have the label */
    double threshold; /* of the decision; not used for single-label */
} dms_label_report;

/* Plain data, nothing owned. */
typedef struct dms_report {
    dms_task task;
    size_t patients;
    size_t left_out; /* patients of several labels, for single-label */
    size_t resamples;
    uint64_t seed;
    bool tuned_here; /* thresholds were chosen on these very patients */
    dms_figure metrics[DMS_METRICS];
    dms_label_report labels[DMS_LABELS];
    double priors[DMS_LABELS];
    dms_figure floors[DMS_FLOORS][DMS_METRICS]; /* decisions at 0.5 */
    /* single-label: patients by [true class][decided class] */
    size_t confusion[DMS_LABELS][DMS_LABELS];
} dms_report;

typedef struct dms_report_options {
    dms_task task;
    double thresholds[DMS_LABELS]; /* positive: probability > threshold */
    bool tuned_here;               /* shown in the report, changes nothing */
    bool has_priors;
    double priors[DMS_LABELS]; /* shares 0 to 1; else taken from the labels */
    int resamples;             /* 0 (no intervals) to 100000 */
    uint64_t seed;
    int threads; /* 0: as many as OpenMP gives; figures do not depend on it */
} dms_report_options;

/* Multi-label, thresholds 0.5, priors from the labels, 2,000 resamples. */
dms_report_options dms_report_options_default(void);

/* Measure predictions.
 *
 * out            untouched on failure
 * labels         count x 8 of 0 or 1; single-label: exactly one 1 a patient
 * probabilities  count x 8 in [0, 1]
 * count          patients, 1 to 2^24
 * Multi-label decides P > threshold, single-label the greatest P (the first of
 * equals). About 1 s for 3,500 patients on one core. DMS_EINVAL naming patient
 * and label, DMS_ELIMIT, DMS_ENOMEM. Source: docs/metrics.md. */
dms_status dms_report_measure(dms_report *out, const uint8_t *labels,
                              const double *probabilities, size_t count,
                              const dms_report_options *options,
                              dms_error *err);

/* true when the lower end of the figure's interval lies above the floor's
 * value; false when either is undefined. */
bool dms_report_beats(const dms_report *report, dms_metric metric,
                      dms_floor floor);

/* The report for a machine: {"metrics": {NAME: {"value", "low", "high"}},
 * "labels": {"N": {...}}, "floors": {"all_zero": {NAME: {...}}}, ...}; every
 * number reads back bit-equal, undefined is null. Ends with a newline.
 * text  the caller's, for dms_text_free */
dms_status dms_report_json(char **text, const dms_report *report,
                           dms_error *err);

/* The report for a person: aligned tables, 80 columns, ASCII.
 * text  the caller's, for dms_text_free */
dms_status dms_report_text(char **text, const dms_report *report,
                           dms_error *err);

typedef enum dms_criterion {
    DMS_CRITERION_F1,
    DMS_CRITERION_KAPPA,
    DMS_CRITERION_YOUDEN /* sensitivity + specificity - 1 */
} dms_criterion;

const char *dms_criterion_name(dms_criterion criterion); /* "f1", or NULL */
bool dms_criterion_find(dms_criterion *criterion, const char *name);

/* For each label the threshold that maximises the criterion on these
 * patients: halfway between two neighbouring probabilities, of several best
 * ones the nearest to 0.5. A label of one class only keeps 0.5.
 * Arguments and errors as in dms_report_measure. */
dms_status dms_thresholds_tune(double thresholds[DMS_LABELS],
                               const uint8_t *labels,
                               const double *probabilities, size_t count,
                               dms_criterion criterion, dms_error *err);

typedef struct dms_score_options {
    dms_report_options report; /* without priors: from the scored patients */
    dms_split split;           /* score only these; NONE: all of the table */
    bool allow_subset; /* predictions of other patients are let through */
} dms_score_options;

/* All of the table, report as by dms_report_options_default. */
dms_score_options dms_score_options_default(void);

/* `dmsnet score`: measure a predictions file against a table of labels.
 *
 * labels_table     any form that dms_dataset_open reads, photographs not needed
 * predictions_csv  ID,N,D,G,C,A,H,M,O with probabilities
 * For single-label, patients of several labels are left out and counted.
 * DMS_EMISMATCH names the first patients without a prediction, or predicted
 * but not labelled; other errors name file, line and column. */
dms_status dms_score_files(dms_report *out, const char *labels_table,
                           const char *predictions_csv,
                           const dms_score_options *options,
                           const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
