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

/* The headline figures. Flattened: over the Kn cells (patient, label) whose
 * label is known. Which of them a label set has: dms_metric_applies. */
typedef enum dms_metric {
    /* ODIR's labels: Cohen's kappa of the flattened decisions */
    DMS_METRIC_ODIR_KAPPA,
    DMS_METRIC_ODIR_F1,    /* micro F1 over both outcomes: cell accuracy */
    DMS_METRIC_ODIR_AUC,   /* ROC AUC of the flattened probabilities */
    DMS_METRIC_ODIR_FINAL, /* mean of the three: ODIR-2019's ranking score */
    DMS_METRIC_ACCURACY,   /* subset accuracy: all known labels right */
    DMS_METRIC_RECALL,     /* micro, of the positive class; so the next two */
    DMS_METRIC_PRECISION,
    DMS_METRIC_F1,
    DMS_METRIC_KAPPA,     /* flattened, as odir_kappa */
    DMS_METRIC_MACRO_AUC, /* means over the labels, undefined ones left out */
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
    DMS_METRIC_CELL_ACCURACY,         /* what odir_f1 is, of other labels */
    DMS_METRIC_MICRO_AUC,             /* what odir_auc is, of other labels */
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

/* Is this figure measured of these labels? The odir_ ones are of ODIR's eight
 * alone, those of classes of one-of labels, the quadratic kappa of ordered
 * ones (and of ODIR's, since papers print it). */
bool dms_metric_applies(dms_metric metric, const dms_label_set *labels);

/* The figure that chooses a model unless another is asked for: odir_final,
 * macro_auc of other any-of labels, class_kappa_quadratic of ordered ones,
 * else class_kappa. */
dms_metric dms_metric_default(const dms_label_set *labels);

/* NaN where undefined: an AUC of one class, a kappa without any disagreement
 * expected by chance, an interval without resamples. */
typedef struct dms_figure {
    double value;
    double low, high; /* percentiles 2.5 and 97.5 of the bootstrap */
} dms_figure;

/* May grow at its end: read through dms_report_label. */
typedef struct dms_label_report {
    size_t known;     /* patients of whom it is known; all figures are theirs */
    size_t support;   /* patients that have the label */
    double prior;     /* share that class_priors predicts */
    double threshold; /* of the decision; not used for one-of labels */
    dms_figure metrics[DMS_LABEL_METRICS];
} dms_label_report;

/* The library makes it and may let it grow at its end; all in it is the
 * report's. Made by dms_report_measure, dms_score_files and dms_evaluate, freed
 * by dms_report_destroy. */
typedef struct dms_report {
    dms_label_set *label_set;
    size_t patients; /* of whom at least one label is known */
    size_t left_out; /* patients of several labels, for one-of labels */
    size_t resamples;
    uint64_t seed;
    bool tuned_here; /* thresholds were chosen on these very patients */
    /* As many figures and rows as this library has: read through
     * dms_report_metric and dms_report_label. */
    dms_figure *metrics;
    dms_label_report *labels;
    /* One-of labels: K x K, patients by true class (row) and decided class;
     * NULL for any-of labels. */
    size_t *confusion;
    dms_figure *floors[DMS_FLOORS]; /* read through dms_report_floor */
    /* Of dms_evaluate, where the model file tells what it was trained on. */
    bool trained_on_known;
    size_t trained_on; /* patients of whom a photograph was trained on */
} dms_report;

/* A headline figure, a floor's (decisions at 0.5), label k's row: borrowed from
 * the report. NULL where this library has none of that number. */
const dms_figure *dms_report_metric(const dms_report *report,
                                    dms_metric metric);
const dms_figure *dms_report_floor(const dms_report *report, dms_floor floor,
                                   dms_metric metric);
const dms_label_report *dms_report_label(const dms_report *report, int k);

void dms_report_destroy(dms_report *report); /* accepts NULL */

/* Labels and predictions of the same patients, borrowed. */
typedef struct dms_answers {
    const dms_label_set *set;    /* NULL: ODIR's eight */
    const uint8_t *labels;       /* count x K of 0, 1 or DMS_LABEL_UNKNOWN;
                                    one-of: exactly one 1, or all unknown */
    const double *probabilities; /* count x K in [0, 1] */
    size_t count;                /* patients; count x K is 1 to 2^27 */
} dms_answers;

/* Filled by dms_report_options_init. Arrays are borrowed for the call. */
typedef struct dms_report_options {
    size_t struct_size;
    const double *thresholds; /* K; positive: probability > threshold; NULL:
                                 `threshold` for each label */
    double threshold;
    bool tuned_here;      /* shown in the report, changes nothing */
    const double *priors; /* K shares 0 to 1; NULL: taken from the labels */
    int resamples;        /* 0 (no intervals) to 100000 */
    uint64_t seed;
    int threads; /* 0: as many as OpenMP gives; figures do not depend on it */
} dms_report_options;

/* Threshold 0.5, priors from the labels, 2,000 resamples.
 * struct_size: sizeof *options. */
void dms_report_options_init(dms_report_options *options, size_t struct_size);

/* Measure predictions.
 *
 * out      untouched on failure; else the caller's to destroy
 * options  NULL for the defaults
 * Any-of labels decide P > threshold, one-of labels the greatest P (the first
 * of equals). An unknown label counts in no figure. About 1 s for 3,500
 * patients and 8 labels on one core. DMS_EINVAL naming patient and label,
 * DMS_ELIMIT, DMS_ENOMEM. Source: docs/metrics.md. */
dms_status dms_report_measure(dms_report **out, const dms_answers *answers,
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
 *
 * thresholds  out: K
 * Errors as in dms_report_measure. */
dms_status dms_thresholds_tune(double *thresholds, const dms_answers *answers,
                               dms_criterion criterion, dms_error *err);

/* Filled by dms_score_options_init, or zero but for struct_size. Pointers are
 * borrowed for the call. */
typedef struct dms_score_options {
    size_t struct_size;
    /* NULL: the labels that the table is known to have (dms_dataset_open). */
    const dms_label_set *labels;
    dms_task task; /* SINGLE_LABEL: one of them, whatever the set says */
    /* NULL: the default; without priors: from the scored patients */
    const dms_report_options *report;
    dms_split split;   /* score only these; NONE: all of the table */
    bool allow_subset; /* predictions of other patients are let through */
    /* Of a table of labels that is text; NULL or "": found (data.h). */
    const char *encoding;
} dms_score_options;

/* All of the table, report as by dms_report_options_init.
 * struct_size: sizeof *options. */
void dms_score_options_init(dms_score_options *options, size_t struct_size);

/* `dmsnet score`: measure a predictions file against a table of labels.
 *
 * out              untouched on failure; else the caller's to destroy
 * labels_table     any form that dms_dataset_open reads, photographs not needed
 * predictions_csv  ID and the labels' codes, with probabilities
 * options          NULL for the defaults
 * For one-of labels, patients of several labels are left out and counted.
 * DMS_EMISMATCH names the first patients without a prediction, or predicted
 * but not labelled; other errors name file, line and column. */
dms_status dms_score_files(dms_report **out, const char *labels_table,
                           const char *predictions_csv,
                           const dms_score_options *options,
                           const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
