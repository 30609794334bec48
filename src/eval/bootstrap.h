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

/* The 2.5th and 97.5th percentiles of every figure over the resamples in which
 * it is defined; NaN if there are none. low, high  out: figures values. */
dms_status dms_bootstrap_run(double *low, double *high,
                             const dms_bootstrap *bootstrap, dms_error *err);

/* numpy.percentile's linear method over sorted values; share in [0, 1];
 * NaN for count 0. */
double dms_percentile(const double *sorted, size_t count, double share);

#endif
