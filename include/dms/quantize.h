/* Quantisation: from a trained model to one whose convolutions multiply 8-bit
 * integers (docs/quantisation.md).
 *
 * Threads: every function here may be called from any thread; simultaneous
 * calls must write different files. One thread destroys a report, last. */
#ifndef DMS_QUANTIZE_H
#define DMS_QUANTIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/data.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* How the clipping point is found: the largest magnitude that the integers
 * represent. */
typedef enum dms_quantize_method {
    DMS_QUANTIZE_PERCENTILE, /* a given share of the values is not clipped */
    DMS_QUANTIZE_ENTROPY /* least Kullback-Leibler divergence (Migacz 2017) */
} dms_quantize_method;

/* "percentile", "entropy"; NULL out of range. */
const char *dms_quantize_method_name(int method);

/* Filled in by dms_quantize_options_init. Texts are borrowed for the call. */
typedef struct dms_quantize_options {
    size_t struct_size;
    const char *model;  /* model file */
    const char *data;   /* folder or table */
    const char *images; /* folder; NULL or "": beside the table */
    const char *out;    /* the quantised model file */
    dms_split split;    /* whose photographs determine the ranges; NONE: all */
    int patients;       /* of that split, 1 to 4096; fewer if it has fewer */
    dms_quantize_method method;
    double percentile; /* 90 to 100, for DMS_QUANTIZE_PERCENTILE */
    double tolerance;  /* 0 to 1: layers are kept in float, the noisiest first,
                          until the mean absolute difference between the
                          probabilities and fp32's is below this */
    uint64_t seed;     /* selects the patients */
    int threads;       /* 0: all cores */
    const char *encoding; /* of a text table; NULL or "": detected (data.h)
                           */
} dms_quantize_options;

/* Training split, 64 patients, percentile 99.99, tolerance 0.01, seed 1; no
 * paths. struct_size: sizeof *options. */
void dms_quantize_options_init(dms_quantize_options *options,
                               size_t struct_size);

/* The result for one convolution. Ratios of powers are in decibels,
 * 10 log10(signal / noise); infinite without noise. */
typedef struct dms_quantize_layer {
    char name[96];      /* of its weight, without ".weight" */
    int kernel, stride; /* pixels */
    int64_t in, out;    /* channels */
    double gflop;       /* per patient */
    bool quantised;     /* multiplies integers */
    bool kept;          /* could, but adds too much noise */
    double limit;       /* clipping point of its output; 0: its output is not
                           read as integers */
    double cut_off;     /* share of its output's values beyond it, 0 to 1 */
    double own_db;      /* its output against fp32's, with fp32's input */
    double db;          /* the same in the quantised network */
} dms_quantize_layer;

/* Made by dms_quantize. */
typedef struct dms_quantize_report {
    dms_quantize_method method;
    double percentile;
    dms_quantize_layer *layers; /* read through dms_quantize_report_layer */
    size_t count;
    size_t quantised, kept;
    size_t patients;        /* used for calibration */
    double gflop;           /* per patient, of all listed layers */
    double quantised_gflop; /* of that, in integers */
    double mean_difference; /* absolute, between the patients' probabilities
                               and fp32's, on the same photographs */
    double largest_difference;
    size_t float_bytes, bytes; /* of all weights, before and after */
} dms_quantize_report;

/* Layer i in running order, borrowed from the report; NULL if i >= count. */
const dms_quantize_layer *
dms_quantize_report_layer(const dms_quantize_report *report, size_t i);

/* Accepts NULL. */
void dms_quantize_report_destroy(dms_quantize_report *report);

/* Quantise a model file; writes options->out completely or not at all.
 *
 * out  the report, which the caller destroys; unchanged on failure
 * Calibrates on the split of the model's training, or of the table's own
 * column. Needs a CPU with VNNI, since the reported errors are measured with
 * integer kernels. Unreadable photographs are left out with a warning.
 * DMS_EINVAL if the model is already quantised or an option is invalid;
 * DMS_EIO, DMS_EFORMAT, DMS_EMISMATCH, DMS_ENOMEM; DMS_ESTOPPED if the monitor
 * asks to stop. */
dms_status dms_quantize(dms_quantize_report **out,
                        const dms_quantize_options *options,
                        const dms_monitor *monitor, dms_error *err);

/* The report as a text table or as JSON; free with dms_text_free. */
dms_status dms_quantize_report_print(char **text,
                                     const dms_quantize_report *report,
                                     bool json, dms_error *err);

#include "dms/public_end.h"

#endif
