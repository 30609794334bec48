/* Errors and bins are kept per cell, since a bootstrap weighs them anew 2,000
 * times; a single measurement, also of the bins, is reliability.c's. */
#include "eval/residuals.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "eval/reliability.h"
#include "eval/scored.h"

dms_status dms_residuals_init(dms_residuals *residuals,
                              const dms_answers *answers, dms_error *err)
{
    size_t width = (size_t)dms_label_set_count(dms_scored_set(answers));
    size_t cells = answers->count * width;

    residuals->count = answers->count;
    residuals->width = width;
    residuals->errors = dms_calloc(cells, sizeof *residuals->errors);
    residuals->bins = dms_calloc(cells, sizeof *residuals->bins);
    if (!residuals->errors || !residuals->bins)
        return dms_fail_memory(err, "residuals");
    for (size_t i = 0; i < cells; i++) {
        bool known = answers->labels[i] != DMS_LABEL_UNKNOWN;
        double p = answers->probabilities[i];

        residuals->errors[i] = known ? p - (double)answers->labels[i] : 0;
        residuals->bins[i] =
            (uint8_t)(known ? dms_reliability_bin(p) : DMS_RELIABILITY_BINS);
    }
    return DMS_OK;
}

void dms_residuals_release(dms_residuals *residuals)
{
    dms_free(residuals->errors);
    dms_free(residuals->bins);
    *residuals = (dms_residuals){0};
}

void dms_residuals_measure(double *brier, double *ece,
                           const dms_residuals *residuals,
                           const uint32_t *weights)
{
    double squares = 0, apart = 0, sums[DMS_RELIABILITY_BINS + 1] = {0};
    uint64_t cells = 0;

    for (size_t i = 0; i < residuals->count; i++) {
        const double *errors = residuals->errors + i * residuals->width;
        const uint8_t *bins = residuals->bins + i * residuals->width;

        for (size_t k = 0; weights[i] && k < residuals->width; k++) {
            double weighted = weights[i] * errors[k];

            squares += weighted * errors[k];
            sums[bins[k]] += weighted;
            cells += bins[k] < DMS_RELIABILITY_BINS ? weights[i] : 0;
        }
    }
    for (int b = 0; b < DMS_RELIABILITY_BINS; b++)
        apart += fabs(sums[b]);
    *brier = cells ? squares / (double)cells : NAN;
    *ece = cells ? apart / (double)cells : NAN;
}
