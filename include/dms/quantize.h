/* Quantising: from a trained model to one whose convolutions multiply 8-bit
 * integers (docs/quantisation.md).
 *
 * Threads: every function here may be called from any thread; calls at the same
 * time write files of their own. A report is destroyed by one thread, last. */
#ifndef DMS_QUANTIZE_H
#define DMS_QUANTIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/data.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* How the largest magnitude worth having as an integer is found. */
typedef enum dms_quantize_method {
    DMS_QUANTIZE_PERCENTILE, /* a given share of the numbers is not cut off */
    DMS_QUANTIZE_ENTROPY /* least Kullback-Leibler divergence (Migacz 2017) */
} dms_quantize_method;

/* "percentile", "entropy"; NULL out of range. */
const char *dms_quantize_method_name(int method);

/* Filled by dms_quantize_options_init. Texts are borrowed for the call. */
typedef struct dms_quantize_options {
    size_t struct_size;
    const char *model;  /* model file */
    const char *data;   /* folder or table */
    const char *images; /* folder; NULL or "": beside the table */
    const char *out;    /* the quantised model file */
    dms_split split;    /* whose photographs tell the ranges; NONE: all */
    int patients;       /* of them, 1 to 4096; fewer where there are fewer */
    dms_quantize_method method;
    double percentile; /* 90 to 100: of DMS_QUANTIZE_PERCENTILE */
    double tolerance;  /* 0 to 1: layers are kept in float, those with the most
                          noise first, until the mean absolute difference of
                          the probabilities from fp32's is below this */
    uint64_t seed;     /* which patients */
    int threads;       /* 0: all cores */
    const char *encoding; /* of a table that is text; NULL or "": found (data.h)
                           */
} dms_quantize_options;

/* Training split, 64 patients, percentile 99.99, tolerance 0.01, seed 1; no
 * paths. struct_size: sizeof *options. */
void dms_quantize_options_init(dms_quantize_options *options,
                               size_t struct_size);

/* What became of one convolution. Ratios of powers are in decibels,
 * 10 log10(signal / noise); infinite without noise. */
typedef struct dms_quantize_layer {
    char name[96];      /* of its weight, without ".weight" */
    int kernel, stride; /* pixels */
    int64_t in, out;    /* channels */
    double gflop;       /* of one patient */
    bool quantised;     /* multiplies integers */
    bool kept;          /* might have, but adds too much noise */
    double limit;       /* largest magnitude of its output as an integer; 0:
                           its output is not wanted as integers */
    double cut_off;     /* share of its output's numbers beyond, 0 to 1 */
    double own_db;      /* its output against fp32's, the input being right */
    double db;          /* and in the quantised network */
} dms_quantize_layer;

/* Made by dms_quantize. */
typedef struct dms_quantize_report {
    dms_quantize_method method;
    double percentile;
    dms_quantize_layer *layers; /* read through dms_quantize_report_layer */
    size_t count;
    size_t quantised, kept;
    size_t patients;        /* that were calibrated on */
    double gflop;           /* of one patient, all layers listed */
    double quantised_gflop; /* of those, in integers */
    double mean_difference; /* absolute, of the patients' probabilities from
                               fp32's, on the same photographs */
    double largest_difference;
    size_t float_bytes, bytes; /* of all values, before and after */
} dms_quantize_report;

/* Layer i in the order in which they run, borrowed from the report; NULL from
 * count on. */
const dms_quantize_layer *
dms_quantize_report_layer(const dms_quantize_report *report, size_t i);

/* Accepts NULL. */
void dms_quantize_report_destroy(dms_quantize_report *report);

/* Quantise a model file, write options->out, whole or not at all.
 *
 * out  the report, the caller's to destroy; unchanged on failure
 * Calibrates on the split as the model was trained with, or the table's own
 * column. Needs a CPU with VNNI: the errors are those of the integers
 * themselves. Photographs that cannot be read are warned of and left out.
 * DMS_EINVAL where the model is quantised already or an option is wrong,
 * DMS_EIO, DMS_EFORMAT, DMS_EMISMATCH, DMS_ENOMEM; DMS_ESTOPPED when the
 * monitor asks. */
dms_status dms_quantize(dms_quantize_report **out,
                        const dms_quantize_options *options,
                        const dms_monitor *monitor, dms_error *err);

/* The report as a table for a person, or as JSON; free with dms_text_free. */
dms_status dms_quantize_report_print(char **text,
                                     const dms_quantize_report *report,
                                     bool json, dms_error *err);

#include "dms/public_end.h"

#endif
