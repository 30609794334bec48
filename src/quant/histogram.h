/* How often which magnitude occurs among a value's numbers, and from that the
 * largest magnitude worth having as an integer. */
#ifndef DMS_QUANT_HISTOGRAM_H
#define DMS_QUANT_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { DMS_HISTOGRAM_BINS = 2048 };

/* Bin i counts i * width <= |x| < (i + 1) * width. Zeros are not counted: they
 * are exact under any scale. All zero: empty. */
typedef struct dms_histogram {
    uint64_t count[DMS_HISTOGRAM_BINS];
    uint64_t total;
    double width;
    float largest; /* magnitude seen */
} dms_histogram;

/* Count these too; the bins grow as needed, twice as wide each time. */
void dms_histogram_add(dms_histogram *histogram, const float *values,
                       size_t len);

/* The magnitude that `percent` (0 to 100) of the numbers do not exceed, to a
 * bin's width; 0 when empty. */
float dms_histogram_percentile(const dms_histogram *histogram, double percent);

/* The magnitude at which cutting off and rounding to `levels` steps changes the
 * distribution least: least Kullback-Leibler divergence, over all cuts from
 * `levels` bins on (Migacz, 8-bit inference with TensorRT, 2017). */
float dms_histogram_entropy(const dms_histogram *histogram, int levels);

/* Share of the numbers (0 to 1) above limit, by bins. */
double dms_histogram_above(const dms_histogram *histogram, float limit);

#endif
