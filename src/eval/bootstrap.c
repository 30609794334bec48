/* Resamples patients in parallel. Each resample's generator depends only on the
 * seed and the resample's number, not on the thread. */
#include "eval/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"

/* The number of workspaces, independent of the number of threads. */
enum { CHUNKS = 32 };

#ifdef _OPENMP
static int threads_of(int asked)
{
    return asked > 0 ? asked : omp_get_max_threads();
}
#else
static int threads_of(int asked)
{
    return asked > 0 ? asked : 1;
}
#endif

double dms_percentile(const double *sorted, size_t count, double share)
{
    double place = share * (double)(count ? count - 1 : 0);
    size_t below = (size_t)place;
    double t = place - floor(place);
    double a;
    double b;

    if (count == 0)
        return NAN;
    a = sorted[below];
    b = sorted[below + 1 < count ? below + 1 : below];
    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

size_t dms_bootstrap_sort(double *values, size_t count)
{
    size_t known = 0;

    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            values[known++] = values[i];
    qsort(values, known, sizeof *values, by_value);
    return known;
}

double dms_bootstrap_p(const double *sorted, size_t count)
{
    size_t below = 0, above = 0;

    for (size_t i = 0; i < count; i++) {
        below += sorted[i] <= 0;
        above += sorted[i] >= 0;
    }
    if (count == 0)
        return NAN;
    return fmin(1, 2 * (1 + (double)(below < above ? below : above)) /
                       (1 + (double)count));
}

/* samples  out: resamples x figures
 * weights  scratch: CHUNKS x patients */
static void resample(double *samples, uint32_t *weights, const dms_bootstrap *b)
{
    int threads = threads_of(b->threads);

    (void)threads;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
        uint32_t *own = weights + chunk * b->patients;

        for (size_t r = chunk; r < b->resamples; r += CHUNKS) {
            dms_rng rng = dms_rng_seeded(dms_hash_mix(b->seed, r));

            memset(own, 0, b->patients * sizeof *own);
            for (size_t i = 0; i < b->patients; i++)
                own[dms_rng_below(&rng, b->patients)]++;
            b->measure(samples + r * b->figures, b->context, own);
        }
    }
}

dms_status dms_bootstrap_draw(double **samples, const dms_bootstrap *bootstrap,
                              dms_error *err)
{
    double *drawn = NULL;
    uint32_t *weights = NULL;
    size_t cells;
    dms_status st = DMS_OK;

    if (!dms_mul_size(&cells, bootstrap->resamples, bootstrap->figures))
        return dms_fail_memory(err, "bootstrap samples");
    drawn = dms_calloc(cells, sizeof *drawn);
    weights = dms_calloc(CHUNKS * bootstrap->patients, sizeof *weights);
    if (!drawn || !weights) {
        st = dms_fail_memory(err, "bootstrap samples");
        goto done;
    }
    resample(drawn, weights, bootstrap);
    *samples = drawn, drawn = NULL;
done:
    dms_free(drawn);
    dms_free(weights);
    return st;
}

dms_status dms_bootstrap_run(double *low, double *high,
                             const dms_bootstrap *bootstrap, dms_error *err)
{
    dms_status st = DMS_OK;
    size_t resamples = bootstrap->resamples, figures = bootstrap->figures;
    double *samples = NULL;
    double *sorted = dms_calloc(resamples, sizeof *sorted);

    if (!sorted)
        return dms_fail_memory(err, "bootstrap samples");
    TRY(dms_bootstrap_draw(&samples, bootstrap, err));
    for (size_t f = 0; f < figures; f++) {
        size_t count;

        for (size_t r = 0; r < resamples; r++)
            sorted[r] = samples[r * figures + f];
        count = dms_bootstrap_sort(sorted, resamples);
        low[f] = dms_percentile(sorted, count, 0.025);
        high[f] = dms_percentile(sorted, count, 0.975);
    }
done:
    dms_free(samples);
    dms_free(sorted);
    return st;
}
