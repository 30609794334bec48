/* Comparison: do two or more predictors of the same patients differ, and by how
 * much?
 *
 *     dms_error err = {0};
 *     dms_comparison *comparison = NULL;
 *     const char *files[] = {"plain.csv", "both-eyes.csv"};
 *     dms_compare_files_options options;
 *     const dms_difference *auc;
 *
 *     dms_compare_files_options_init(&options, sizeof options);
 *     options.labels_table = "labels.csv";
 *     options.predictions = files;
 *     options.count = 2;
 *     if (dms_compare_files(&comparison, &options, NULL, &err) != DMS_OK)
 *         return fprintf(stderr, "%s\n", err.message), 1;
 *     auc = dms_comparison_metric(comparison, 0, DMS_METRIC_MACRO_AUC);
 *     printf("macro AUC: %+.3f\n", auc->value);
 *     dms_comparison_destroy(comparison);
 *
 * docs/metrics.md has the methods and their sources.
 *
 * Threads: every function here may be called from any thread; a comparison may
 * be read by any number of threads, and destroying it is the last call. */
#ifndef DMS_COMPARE_H
#define DMS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/data.h"
#include "dms/labels.h"
#include "dms/metrics.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

enum { DMS_COMPARED_MAX = 26 }; /* sets; reports call them A to Z */

/* A set of predictions. Borrowed for the call. */
typedef struct dms_compared {
    const char *name;            /* for reports */
    const double *probabilities; /* count x K in [0, 1] */
    const double *thresholds;    /* K; NULL: the options' threshold */
} dms_compared;

/* Labels of the patients, and what was predicted of them. Borrowed for the
 * call. */
typedef struct dms_compare_input {
    const dms_label_set *label_set; /* NULL: ODIR's eight */
    const uint8_t *labels;          /* as in dms_answers */
    size_t patients;
    const dms_compared *sets;
    size_t set_count; /* 2 to DMS_COMPARED_MAX */
} dms_compare_input;

/* Filled in by dms_compare_options_init. */
typedef struct dms_compare_options {
    size_t struct_size;
    double threshold; /* positive if probability > threshold */
    int resamples;    /* of patients, 0 (no intervals, no p) to 100000 */
    uint64_t seed;
    int threads;    /* 0: OpenMP's default; figures do not depend on it */
    bool all_pairs; /* compare every two sets; else each one with the first */
    /* The metrics whose differences are tested; NULL: all that apply, a figure
     * with two names once (DMS_METRIC_KAPPA, not also ODIR_KAPPA). */
    const dms_metric *metrics;
    size_t metric_count;
} dms_compare_options;

/* Threshold 0.5, 10,000 resamples, seed 1, against the first, all metrics.
 * struct_size: sizeof *options. */
void dms_compare_options_init(dms_compare_options *options, size_t struct_size);

/* Second minus first. NaN: undefined. */
typedef struct dms_difference {
    double value;
    double low, high; /* 95 % interval */
    double p;         /* two-sided, of "there is no difference" */
    double p_holm;    /* adjusted over the family of tests */
} dms_difference;

/* One label's decisions, of patients whose label is known. */
typedef struct dms_discordance {
    size_t first_only; /* patients whom only the first set decides right */
    size_t second_only;
    double p; /* McNemar's exact test, two-sided */
    double p_holm;
} dms_discordance;

typedef struct dms_comparison dms_comparison;

/* Measure all sets and test the differences of pairs:
 *
 * - each metric: bootstrap of patients, the same resamples for all sets;
 * - each label's AUC: DeLong's test;
 * - each label's decisions: McNemar's exact test.
 *
 * Each of the three is a family for Holm's correction, over all its pairs and
 * rows.
 *
 * out      unchanged on failure; otherwise the caller destroys it
 * options  NULL for the defaults
 * DMS_EINVAL names patient and label of a bad value, a metric that does not
 * apply to the labels or is a mere count; DMS_ELIMIT, DMS_ENOMEM. */
dms_status dms_compare(dms_comparison **out, const dms_compare_input *input,
                       const dms_compare_options *options, dms_error *err);
void dms_comparison_destroy(dms_comparison *comparison); /* accepts NULL */

/* The sets, in the order given; NULL or 0 beyond. */
size_t dms_comparison_set_count(const dms_comparison *comparison);
const char *dms_comparison_set_name(const dms_comparison *comparison,
                                    size_t set);
/* A set's figure with its interval; NULL where there is none of that number. */
const dms_figure *dms_comparison_figure(const dms_comparison *comparison,
                                        size_t set, dms_metric metric);
const dms_figure *dms_comparison_label_figure(const dms_comparison *comparison,
                                              size_t set, int label,
                                              dms_label_metric metric);

/* The pairs: (0, 1), (0, 2) ... and, with all_pairs, (1, 2) ... */
size_t dms_comparison_pair_count(const dms_comparison *comparison);
/* false beyond the last one. */
bool dms_comparison_pair(const dms_comparison *comparison, size_t pair,
                         size_t *first, size_t *second);
/* NULL where pair or label is beyond, or the metric was not tested. */
const dms_difference *dms_comparison_metric(const dms_comparison *comparison,
                                            size_t pair, dms_metric metric);
const dms_difference *dms_comparison_auc(const dms_comparison *comparison,
                                         size_t pair, int label);
const dms_discordance *
dms_comparison_decisions(const dms_comparison *comparison, size_t pair,
                         int label);

/* Patients compared, and those left out. */
typedef struct dms_compare_counts {
    size_t patients;       /* compared */
    size_t unlabelled;     /* predicted, but the table has no label for them */
    size_t several_labels; /* of several classes, if one-of */
    size_t incomplete;     /* labelled, but not predicted by every set */
    size_t other; /* predictions (not patients) for ids that are not in the
                     table or split */
} dms_compare_counts;

/* As many counts as the struct that the caller knows has; the rest is 0.
 * counts_size: sizeof *counts. */
void dms_comparison_counts(const dms_comparison *comparison,
                           dms_compare_counts *counts, size_t counts_size);

/* The comparison as a document, which ends with a newline: aligned tables of 80
 * columns; the same as Markdown; one CSV table for all figures and tests; JSON
 * whose numbers read back to the same bits, undefined ones being null.
 * text  free with dms_text_free */
dms_status dms_comparison_text(char **text, const dms_comparison *comparison,
                               dms_error *err);
dms_status dms_comparison_markdown(char **text,
                                   const dms_comparison *comparison,
                                   dms_error *err);
dms_status dms_comparison_csv(char **text, const dms_comparison *comparison,
                              dms_error *err);
dms_status dms_comparison_json(char **text, const dms_comparison *comparison,
                               dms_error *err);

/* Draw roc.svg and precision-recall.svg (a panel per label that has both
 * classes, a curve per set) and differences.svg (intervals of the metrics and
 * of the labels' AUC) into the folder, which is created if missing. DMS_EIO. */
dms_status dms_comparison_draw(const char *folder,
                               const dms_comparison *comparison,
                               dms_error *err);

/* Filled in by dms_compare_files_options_init. Pointers are borrowed for the
 * call. */
typedef struct dms_compare_files_options {
    size_t struct_size;
    const char *labels_table; /* any form that dms_dataset_open reads */
    /* Files as dms_score_files reads them, or folders that contain one: the
     * first of out-of-fold.csv, predictions.csv and val/predictions.csv. */
    const char *const *predictions;
    size_t count;
    /* NULL: the labels that dms_dataset_open finds in the table. */
    const dms_label_set *labels;
    dms_task task;        /* SINGLE_LABEL: one-of, whatever the set's kind */
    dms_split split;      /* compare only this split; NONE: the whole table */
    bool allow_subset;    /* leave out patients whom not all sets predict, and
                             predictions for others; count both */
    const char *encoding; /* of a text table; NULL or "": detected (data.h) */
    const dms_compare_options *measuring; /* NULL: the default */
    /* Any-of labels: decide by the thresholds of the metrics.json beside each
     * file, as dms_evaluate writes both. */
    bool own_thresholds;
} dms_compare_files_options;

/* The whole table, every patient needed; no paths. struct_size: sizeof
 * *options. */
void dms_compare_files_options_init(dms_compare_files_options *options,
                                    size_t struct_size);

/* `dmsnet compare`: compare files of predictions by a table of labels.
 *
 * out  unchanged on failure; otherwise the caller destroys it
 * Patients without labels are left out and counted; for one-of labels, those
 * with several labels too. Without allow_subset, DMS_EMISMATCH names the first
 * patients that have labels but no prediction in some file, or a prediction but
 * no row in the table or split. Other errors name file, line and column. */
dms_status dms_compare_files(dms_comparison **out,
                             const dms_compare_files_options *options,
                             const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
