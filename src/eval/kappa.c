#include "eval/kappa.h"

#include <math.h>

double dms_kappa_binary(const dms_cells *cells)
{
    const uint64_t table[] = {cells->tn, cells->fp, cells->fn, cells->tp};

    return dms_kappa_classes(table, 2, DMS_KAPPA_PLAIN);
}

static double weight(size_t i, size_t j, dms_kappa_weights weights)
{
    double d = (double)i - (double)j;

    return weights == DMS_KAPPA_PLAIN ? i != j : d * d;
}

/* Sum of table[first + i * step] over i. */
static double margin(const uint64_t *table, size_t first, size_t step,
                     size_t classes)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < classes; i++)
        sum += table[first + i * step];
    return (double)sum;
}

double dms_kappa_classes(const uint64_t *table, size_t classes,
                         dms_kappa_weights weights)
{
    double observed = 0;
    double expected = 0;
    double total = margin(table, 0, 1, classes * classes);

    for (size_t i = 0; i < classes; i++) {
        double row = margin(table, i * classes, 1, classes);

        for (size_t j = 0; j < classes; j++) {
            double w = weight(i, j, weights);

            observed += w * (double)table[i * classes + j];
            expected += w * row * margin(table, j, classes, classes);
        }
    }
    return expected > 0 ? 1 - observed * total / expected : NAN;
}
