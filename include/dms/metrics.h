/* Metrics: every figure of docs/metrics.md with its 95 % interval, from labels
 * and probabilities, with or without a model.
 *
 * Threads: every function here may be called from any thread at any time, each
 * call with different outputs. */
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

/* The headline figures. Flattened: over the Kn cells (patient, label) whose
 * label is known. dms_metric_applies says which of them a label set has. */
typedef enum dms_metric {
    /* ODIR's labels: Cohen's kappa of the flattened decisions */
    DMS_METRIC_ODIR_KAPPA,
    DMS_METRIC_ODIR_F1,    /* micro F1 over both outcomes: cell accuracy */
    DMS_METRIC_ODIR_AUC,   /* ROC AUC of the flattened probabilities */
    DMS_METRIC_ODIR_FINAL, /* mean of the three: ODIR-2019's ranking score */
    DMS_METRIC_ACCURACY,   /* subset accuracy: all known labels correct */
    DMS_METRIC_RECALL,     /* micro, of the positive class; also the next two */
    DMS_METRIC_PRECISION,
    DMS_METRIC_F1,
    DMS_METRIC_KAPPA,     /* flattened, like odir_kappa */
    DMS_METRIC_MACRO_AUC, /* mean over the labels, without undefined ones */
    DMS_METRIC_MACRO_AP,
    DMS_METRIC_MACRO_F1,
    DMS_METRIC_MACRO_RECALL,
    DMS_METRIC_MACRO_PRECISION,
    DMS_METRIC_MACRO_SPECIFICITY,
    DMS_METRIC_MACRO_KAPPA,
    DMS_METRIC_MACRO_AUC_LABELS,      /* how many labels have an AUC */
    DMS_METRIC_TOP1_ACCURACY,         /* this and the next: one-of labels */
    DMS_METRIC_CLASS_KAPPA,           /* of the K x K confusion matrix */
    DMS_METRIC_CLASS_KAPPA_QUADRATIC, /* weights (i - j)^2: ordered labels */
    DMS_METRIC_CELL_ACCURACY,         /* odir_f1 of other labels */
    DMS_METRIC_MICRO_AUC,             /* odir_auc of other labels */
    /* Flattened; the lower the better. */
    DMS_METRIC_BRIER, /* mean squared error of the probabilities */
    DMS_METRIC_ECE,   /* expected calibration error, 15 bins */
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

/* The trivial predictors that every report compares with. */
typedef enum dms_floor {
    DMS_FLOOR_ALL_ZERO,     /* probability 0 everywhere */
    DMS_FLOOR_CLASS_PRIORS, /* every patient gets the labels' frequencies */
    DMS_FLOORS
} dms_floor;

/* The name of a value in JSON, "macro_auc", "specificity", "class_priors"; NULL
 * out of range. */
const char *dms_metric_name(dms_metric metric);
const char *dms_label_metric_name(dms_label_metric metric);
const char *dms_floor_name(dms_floor floor);

/* false if no headline figure has that name. */
bool dms_metric_find(dms_metric *metric, const char *name);

/* Is the figure an error, whose best value is 0? */
bool dms_metric_lower_is_better(dms_metric metric);

/* Is this figure defined for these labels? The odir_ figures are for ODIR's
 * eight labels only, class figures for one-of labels, the quadratic kappa for
 * ordered labels (and for ODIR's, since papers report it). */
bool dms_metric_applies(dms_metric metric, const dms_label_set *labels);

/* The figure that selects the best model by default: odir_final for ODIR's
 * labels, macro_auc for other any-of labels, class_kappa_quadratic for ordered
 * labels, else class_kappa. */
dms_metric dms_metric_default(const dms_label_set *labels);

/* NaN if undefined: an AUC with one class, a kappa without any disagreement
 * expected by chance, an interval without resamples. */
typedef struct dms_figure {
    double value;
    double low, high; /* the bootstrap's 2.5th and 97.5th percentiles */
} dms_figure;

/* May grow at its end: read through dms_report_label. */
typedef struct dms_label_report {
    size_t known;     /* patients whose label is known; the figures use these */
    size_t support;   /* patients that have the label */
    double prior;     /* probability that class_priors predicts */
    double threshold; /* of the decision; not used for one-of labels */
    dms_figure metrics[DMS_LABEL_METRICS];
} dms_label_report;

/* Created by dms_report_measure, dms_score_files and dms_evaluate, freed by
 * dms_report_destroy; it owns all that it points to. May grow at its end. */
typedef struct dms_report {
    dms_label_set *label_set;
    size_t patients; /* with at least one known label */
    size_t left_out; /* patients with several labels, if one-of */
    size_t resamples;
    uint64_t seed;
    bool tuned_here; /* thresholds were tuned on these same patients */
    /* As many figures and rows as this library has: read through
     * dms_report_metric and dms_report_label. */
    dms_figure *metrics;
    dms_label_report *labels;
    /* One-of labels: K x K patients by true class (row) and decided class; NULL
     * for any-of labels. */
    size_t *confusion;
    dms_figure *floors[DMS_FLOORS]; /* read through dms_report_floor */
    /* Of dms_evaluate, where the model file tells what it was trained on. */
    bool trained_on_known;
    size_t trained_on; /* patients of whom a photograph was trained on */
    /* Of dms_evaluate: the name of the test-time augmentation ("flips"), static
     * text; NULL: none. */
    const char *tta;
    /* Of dms_evaluate of an ensemble: its models; else 0 and NULL. */
    size_t model_count;
    char **model_paths;    /* model_count */
    double *model_metrics; /* read through dms_report_model_metric */
} dms_report;

/* A headline figure, a floor's (decisions at 0.5), label k's row: borrowed from
 * the report. NULL where this library has none of that number. */
const dms_figure *dms_report_metric(const dms_report *report,
                                    dms_metric metric);
const dms_figure *dms_report_floor(const dms_report *report, dms_floor floor,
                                   dms_metric metric);
const dms_label_report *dms_report_label(const dms_report *report, int k);

/* Model i's own figure, with its own calibration and thresholds; NaN where it
 * is undefined or there is no such model or figure. */
double dms_report_model_metric(const dms_report *report, size_t i,
                               dms_metric metric);

/* Mean and standard deviation (n - 1) of the models' figures; undefined ones
 * are left out. NaN: too few are defined. */
typedef struct dms_spread {
    double mean, deviation;
} dms_spread;
dms_spread dms_report_model_spread(const dms_report *report, dms_metric metric);

void dms_report_destroy(dms_report *report); /* accepts NULL */

/* Labels and predictions of the same patients, borrowed. */
typedef struct dms_answers {
    const dms_label_set *set;    /* NULL: ODIR's eight */
    const uint8_t *labels;       /* count x K of 0, 1 or DMS_LABEL_UNKNOWN;
                                    one-of: exactly one 1, or all unknown */
    const double *probabilities; /* count x K in [0, 1] */
    size_t count;                /* patients; count x K is 1 to 2^27 */
} dms_answers;

/* Filled in by dms_report_options_init. Arrays are borrowed for the call. */
typedef struct dms_report_options {
    size_t struct_size;
    const double *thresholds; /* K; positive if probability > threshold; NULL:
                                 `threshold` for every label */
    double threshold;
    bool tuned_here;      /* only shown in the report */
    const double *priors; /* K shares, 0 to 1; NULL: computed from the labels */
    int resamples;        /* 0 (no intervals) to 100000 */
    uint64_t seed;
    int threads; /* 0: OpenMP's default; figures do not depend on it */
} dms_report_options;

/* Threshold 0.5, priors from the labels, 2,000 resamples.
 * struct_size: sizeof *options. */
void dms_report_options_init(dms_report_options *options, size_t struct_size);

/* Compute all metrics of predictions.
 *
 * out      unchanged on failure; otherwise the caller destroys it
 * options  NULL for the defaults
 * Any-of labels are decided by P > threshold, one-of labels by the largest P
 * (the first of equals). Unknown labels are ignored. About 1 s for 3,500
 * patients and 8 labels on one core. DMS_EINVAL names patient and label;
 * DMS_ELIMIT, DMS_ENOMEM. Source: docs/metrics.md. */
dms_status dms_report_measure(dms_report **out, const dms_answers *answers,
                              const dms_report_options *options,
                              dms_error *err);

/* true if the whole interval of the figure is better than the floor's value;
 * false if either is undefined. */
bool dms_report_beats(const dms_report *report, dms_metric metric,
                      dms_floor floor);

/* The report as JSON: {"metrics": {NAME: {"value", "low", "high"}},
 * "labels": {"N": {...}}, "floors": {"all_zero": {NAME: {...}}}, ...}. Every
 * number reads back to the same bits; undefined is null. Ends with a newline.
 * text  free with dms_text_free */
dms_status dms_report_json(char **text, const dms_report *report,
                           dms_error *err);

/* The report as text: aligned tables, 80 columns, ASCII.
 * text  free with dms_text_free */
dms_status dms_report_text(char **text, const dms_report *report,
                           dms_error *err);

typedef enum dms_criterion {
    DMS_CRITERION_F1,
    DMS_CRITERION_KAPPA,
    DMS_CRITERION_YOUDEN /* sensitivity + specificity - 1 */
} dms_criterion;

const char *dms_criterion_name(dms_criterion criterion); /* "f1", or NULL */
bool dms_criterion_find(dms_criterion *criterion, const char *name);

/* For each label, the threshold that maximises the criterion on these patients:
 * halfway between two neighbouring probabilities; of several best ones, the
 * nearest to 0.5. A label with only one class keeps 0.5.
 *
 * thresholds  out: K
 * Fails like dms_report_measure. */
dms_status dms_thresholds_tune(double *thresholds, const dms_answers *answers,
                               dms_criterion criterion, dms_error *err);

/* Filled in by dms_score_options_init, or zero except for struct_size. Pointers
 * are borrowed for the call. */
typedef struct dms_score_options {
    size_t struct_size;
    /* NULL: the labels that dms_dataset_open finds in the table. */
    const dms_label_set *labels;
    dms_task task; /* SINGLE_LABEL: one-of, whatever the set's kind */
    /* NULL: the default; priors NULL: from the scored patients */
    const dms_report_options *report;
    dms_split split;   /* score only this split; NONE: the whole table */
    bool allow_subset; /* ignore predictions for other patients */
    /* Of a labels table in text form; NULL or "": detected (data.h). */
    const char *encoding;
} dms_score_options;

/* The whole table, report options of dms_report_options_init.
 * struct_size: sizeof *options. */
void dms_score_options_init(dms_score_options *options, size_t struct_size);

/* `dmsnet score`: score a predictions file against a table of labels.
 *
 * out              unchanged on failure; otherwise the caller destroys it
 * labels_table     any form that dms_dataset_open reads; photographs not needed
 * predictions_csv  columns ID and the labels' codes, with probabilities
 * options          NULL for the defaults
 * For one-of labels, patients with several labels are left out and counted.
 * DMS_EMISMATCH names the first patients that have labels but no prediction, or
 * a prediction but no labels; other errors name file, line and column. */
dms_status dms_score_files(dms_report **out, const char *labels_table,
                           const char *predictions_csv,
                           const dms_score_options *options,
                           const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
