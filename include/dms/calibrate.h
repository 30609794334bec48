/* Calibration: probabilities that mean what they say, and a threshold per label
 * for a stated operating point (docs/calibration.md). Both are fitted on
 * patients whose labels are known and stored in the model file.
 *
 * Threads: every function here may be called from any thread; simultaneous
 * calls must write different files. One thread destroys a report, last. */
#ifndef DMS_CALIBRATE_H
#define DMS_CALIBRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/compute.h"
#include "dms/data.h"
#include "dms/model.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* How logits become probabilities. One-of labels have one temperature for their
 * softmax, whichever of the first two is asked for. */
typedef enum dms_calibrate_method {
    DMS_CALIBRATE_PLATT,       /* a slope and an intercept per label */
    DMS_CALIBRATE_TEMPERATURE, /* a slope per label */
    DMS_CALIBRATE_NONE         /* uncalibrated, thresholds only */
} dms_calibrate_method;

/* "platt", "temperature", "none"; NULL out of range. */
const char *dms_calibrate_method_name(int method);

/* A label with fewer positives or negatives among the patients has the common
 * temperature instead of a calibration of its own, or a threshold of 0.5. */
enum { DMS_CALIBRATE_FIT_MIN = 10, DMS_CALIBRATE_THRESHOLD_MIN = 5 };

/* Filled in by dms_calibrate_options_init. All pointers are borrowed for the
 * call; for optional texts, NULL and "" mean the same. */
typedef struct dms_calibrate_options {
    size_t struct_size;
    const char *model; /* as a path of dms_model_open */
    const char *data;  /* folder or table with the patients' labels */
    /* Files in the form of evaluate's predictions.csv, no patient in two of
     * them; NULL: the model is run on the photographs. */
    const char *const *predictions;
    size_t predictions_count;
    const char *images;   /* folder; NULL: beside the table */
    const char *labels;   /* how the table names the model's labels, in the form
                             of dms_label_set_parse; NULL: as the model does */
    const char *encoding; /* of a text table; NULL: detected (data.h) */
    const char *cache;    /* folder for preprocessed photographs; NULL: the
                             model file's if writable, else that of `out`, and
                             so of a model that is given by its name */
    const char *out;      /* the calibrated model file */
    dms_split split;      /* whose patients; NONE: all */
    dms_calibrate_method method;
    /* What the thresholds are for: "f1", "kappa", "youden": the best of it;
     * "sensitivity=0.9": the best specificity with at least this sensitivity;
     * "specificity=0.95": the reverse; "0.5": this for every label. */
    const char *point;
    int batch;                  /* patients, 1 to 256 */
    const dms_compute *compute; /* NULL: the default */
} dms_calibrate_options;

/* Validation split, Platt scaling, thresholds for f1, batches of 8; no paths.
 * struct_size: sizeof *options. */
void dms_calibrate_options_init(dms_calibrate_options *options,
                                size_t struct_size);

enum { DMS_RELIABILITY_BINS = 15 };

/* How well probabilities agree with outcomes, over cells (patient, label). NaN
 * if there are none. */
typedef struct dms_reliability {
    size_t cells;
    double ece;      /* expected calibration error: the mean over cells of
                        |share - probability| of the cell's bin */
    double brier;    /* mean of (probability - label)^2 */
    double log_loss; /* mean of -ln of the probability of what is true */
    struct {         /* of equal width, from 0 to 1 */
        size_t count;
        double probability; /* mean; NaN: no cells */
        double share;       /* of cells with the label; likewise */
    } bins[DMS_RELIABILITY_BINS];
} dms_reliability;

/* Before; after, on the patients of the fit; and held out: five fits, each
 * applied to the fifth of the patients that it did not use. */
typedef enum dms_calibrate_stage {
    DMS_CALIBRATE_BEFORE,
    DMS_CALIBRATE_AFTER,
    DMS_CALIBRATE_HELD_OUT,
    DMS_CALIBRATE_STAGES
} dms_calibrate_stage;

/* The result for one label; may grow at its end. */
typedef struct dms_calibrate_label {
    size_t known;   /* patients whose label is known */
    size_t support; /* of these, patients that have it */
    dms_calibration calibration;
    bool own;         /* fitted to this label alone, not the common one */
    double threshold; /* of the calibrated probability */
    bool chosen;      /* for the operating point; false: too few, 0.5 */
    double recall, specificity; /* at the threshold, on these patients */
    dms_reliability reliability[DMS_CALIBRATE_STAGES];
} dms_calibrate_label;

/* Made by dms_calibrate; owns all that it points to. May grow at its end. */
typedef struct dms_calibrate_report {
    dms_label_set *label_set;
    size_t patients;  /* with at least one known label */
    size_t splits[4]; /* of these, by dms_split; NONE: not assigned */
    size_t left_out;  /* patients with several labels, if one-of */
    dms_calibrate_method method;
    char point[40];
    double temperature;                        /* common to all labels */
    dms_reliability all[DMS_CALIBRATE_STAGES]; /* over all labels' cells */
    dms_calibrate_label *labels; /* read through dms_calibrate_report_label */
} dms_calibrate_report;

/* Label k's row, borrowed from the report; NULL out of range. */
const dms_calibrate_label *
dms_calibrate_report_label(const dms_calibrate_report *report, int k);

void dms_calibrate_report_destroy(dms_calibrate_report *report); /* or NULL */

/* Calibrate a model file; writes options->out completely or not at all.
 *
 * out  the report, which the caller destroys; unchanged on failure
 * Replaces the model's calibration and thresholds; weights and logits do not
 * change. Patients are those of the split who have labels and a photograph, or
 * a prediction. The eyes' outputs get the patient's calibration. The provenance
 * of the new file says on what it was fitted; the monitor is warned of the
 * training and the test split, and told which labels have too few positives or
 * negatives.
 * Platt 1999 with the targets that he smooths, minimised by Newton's method as
 * in Lin, Lin & Weng 2007; temperature: Guo et al. 2017 (arXiv 1706.04599).
 * DMS_EINVAL if an option is invalid; DMS_EMISMATCH if predictions are given
 * for a model that is already calibrated, since they may be so too, or match
 * no labelled patient; DMS_EIO, DMS_EFORMAT, DMS_ENOMEM; DMS_ESTOPPED if the
 * monitor asks to stop. */
dms_status dms_calibrate(dms_calibrate_report **out,
                         const dms_calibrate_options *options,
                         const dms_monitor *monitor, dms_error *err);

/* The report as text tables or as JSON; free with dms_text_free. */
dms_status dms_calibrate_report_print(char **text,
                                      const dms_calibrate_report *report,
                                      bool json, dms_error *err);

#include "dms/public_end.h"

#endif
