/* Percentile intervals from resampling patients with replacement.
 *
 * Resample r draws its patients from a generator seeded by (seed, r), so the
 * intervals are the same to the bit for any number of threads.
 * Efron & Tibshirani 1993, chapter 13. */
#ifndef DMS_EVAL_BOOTSTRAP_H
#define DMS_EVAL_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

typedef struct dms_bootstrap {
    size_t patients;  /* > 0; each resample draws as many */
    size_t resamples; /* 0: every interval is NaN */
    size_t figures;
    uint64_t seed;
    int threads; /* 0: OpenMP's default */
    /* figures: out, this->figures values, NaN if undefined; weights: how often
     * each patient was drawn. Called from several threads. */
    void (*measure)(double *figures, const void *context,
                    const uint32_t *weights);
    const void *context;
} dms_bootstrap;

/* Measure every resample.
 *
 * samples  out: resamples x figures values, to be freed with dms_free */
dms_status dms_bootstrap_draw(double **samples, const dms_bootstrap *bootstrap,
                              dms_error *err);

/* The 2.5th and 97.5th percentiles of every figure over the resamples in which
 * it is defined; NaN if there are none. low, high  out: figures values. */
dms_status dms_bootstrap_run(double *low, double *high,
                             const dms_bootstrap *bootstrap, dms_error *err);

/* Sort values in ascending order and drop the NaNs; returns how many remain. */
size_t dms_bootstrap_sort(double *values, size_t count);

/* Two-sided p of "the figure is 0", from its sorted values over the resamples:
 * 2 (1 + min(values <= 0, values >= 0)) / (1 + count), at most 1. It is below
 * 0.05 about when the 95 % interval leaves 0 out; NaN for count 0.
 * Efron & Tibshirani 1993, section 15.4; the ones as in Davison & Hinkley 1997,
 * section 4.2.1. */
double dms_bootstrap_p(const double *sorted, size_t count);

/* numpy.percentile's linear method over sorted values; share in [0, 1];
 * NaN for count 0. */
double dms_percentile(const double *sorted, size_t count, double share);

#endif
