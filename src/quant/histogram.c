/* Counts magnitudes in bins that widen as larger ones occur, and chooses the
 * clipping point from the counts. */
#include "quant/histogram.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BINS = DMS_HISTOGRAM_BINS, COUNT_MAX = 1 << 30 };

static float find_largest(const float *values, size_t len)
{
    float largest = 0;

#pragma omp parallel for simd schedule(static) reduction(max : largest)
    for (size_t i = 0; i < len; i++)
        largest = fmaxf(largest, fabsf(values[i]));
    return largest;
}

/* Merge pairs of bins. */
static void widen(dms_histogram *h)
{
    for (int i = 0; i < BINS / 2; i++)
        h->count[i] = h->count[2 * i] + h->count[2 * i + 1];
    memset(h->count + BINS / 2, 0, BINS / 2 * sizeof *h->count);
    h->width *= 2;
}

/* Each thread counts in bins on its own stack: 32-bit, so 8 KB. */
static void count_some(dms_histogram *h, const float *values, size_t len)
{
    double width = h->width;

#pragma omp parallel
    {
        uint32_t count[BINS] = {0};

#pragma omp for schedule(static) nowait
        for (size_t i = 0; i < len; i++)
            if (values[i] != 0) {
                double bin = fabs((double)values[i]) / width;

                count[bin < BINS ? (int)bin : BINS - 1]++;
            }
#pragma omp critical /* a named section would export a symbol */
        for (int i = 0; i < BINS; i++) {
            h->count[i] += count[i];
            h->total += count[i];
        }
    }
}

void dms_histogram_add(dms_histogram *histogram, const float *values,
                       size_t len)
{
    float largest = find_largest(values, len);

    if (!(largest > 0) || isinf(largest))
        return;
    if (histogram->width == 0)
        histogram->width = (double)largest / BINS;
    while ((double)largest > histogram->width * BINS)
        widen(histogram);
    histogram->largest = fmaxf(histogram->largest, largest);
    for (size_t at = 0; at < len; at += COUNT_MAX)
        count_some(histogram, values + at,
                   len - at < COUNT_MAX ? len - at : COUNT_MAX);
}

static float upper_edge(const dms_histogram *h, int bins)
{
    return fminf((float)(bins * h->width), h->largest);
}

float dms_histogram_percentile(const dms_histogram *histogram, double percent)
{
    double wanted = percent / 100 * (double)histogram->total;
    uint64_t sum = 0;

    for (int i = 0; i < BINS; i++) {
        sum += histogram->count[i];
        if (sum > 0 && (double)sum >= wanted)
            return upper_edge(histogram, i + 1);
    }
    return histogram->largest;
}

double dms_histogram_above(const dms_histogram *histogram, float limit)
{
    uint64_t above = 0;

    for (int i = BINS - 1; i >= 0 && i * histogram->width >= (double)limit; i--)
        above += histogram->count[i];
    return histogram->total ? (double)above / (double)histogram->total : 0;
}

/* Bins [begin, end) form one step of Q: their total is spread evenly over the
 * bins that are not empty. */
static double spread(const dms_histogram *h, int begin, int end)
{
    double sum = 0;
    int filled = 0;

    for (int i = begin; i < end; i++) {
        sum += (double)h->count[i];
        filled += h->count[i] > 0;
    }
    return filled > 0 ? sum / filled : 0;
}

/* KL(P || Q): P is clipped at `bins`, with the rest in its last bin; Q has
 * `levels` steps. */
static double divergence(const dms_histogram *h, int bins, int levels)
{
    double inside = 0, sum = 0;
    double total = (double)h->total;

    for (int i = 0; i < bins; i++)
        inside += (double)h->count[i];
    if (inside <= 0)
        return DBL_MAX;
    for (int level = 0; level < levels; level++) {
        int begin = (int)((int64_t)level * bins / levels);
        int end = (int)((int64_t)(level + 1) * bins / levels);
        double q = spread(h, begin, end);

        for (int i = begin; i < end; i++) {
            double rest = i == bins - 1 ? total - inside : 0;
            double p = (double)h->count[i] + rest;
            /* where Q is empty but P has clipped counts, give Q one count */
            double likely = (h->count[i] > 0 ? q : 1) / inside;

            if (p > 0)
                sum += p / total * log(p / total / likely);
        }
    }
    return sum;
}

float dms_histogram_entropy(const dms_histogram *histogram, int levels)
{
    double least = DBL_MAX;
    int best = BINS;

    if (histogram->total == 0)
        return 0;
    for (int bins = levels; bins <= BINS; bins++) {
        double sum = divergence(histogram, bins, levels);

        if (sum < least) {
            least = sum;
            best = bins;
        }
    }
    return upper_edge(histogram, best);
}
