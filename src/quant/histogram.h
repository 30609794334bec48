/* A histogram of a value's magnitudes, and from it the magnitude at which to
 * clip when rounding to integers. */
#ifndef DMS_QUANT_HISTOGRAM_H
#define DMS_QUANT_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { DMS_HISTOGRAM_BINS = 2048 };

/* Bin i counts i * width <= |x| < (i + 1) * width. Zeros are not counted: they
 * are exact with any scale. A zeroed struct is empty. */
typedef struct dms_histogram {
    uint64_t count[DMS_HISTOGRAM_BINS];
    uint64_t total;
    double width;
    float largest; /* magnitude seen */
} dms_histogram;

/* Add these values; the bins double in width as needed. */
void dms_histogram_add(dms_histogram *histogram, const float *values,
                       size_t len);

/* The magnitude that `percent` (0 to 100) of the values do not exceed, to
 * within a bin's width; 0 if empty. */
float dms_histogram_percentile(const dms_histogram *histogram, double percent);

/* The magnitude at which clipping, and rounding to `levels` steps, changes the
 * distribution least: the smallest Kullback-Leibler divergence over all
 * clipping points from `levels` bins up (Migacz, 8-bit inference with TensorRT,
 * 2017). */
float dms_histogram_entropy(const dms_histogram *histogram, int levels);

/* Share of the values (0 to 1) above limit, to within a bin. */
double dms_histogram_above(const dms_histogram *histogram, float limit);

#endif
