/* Kappa, from a table of counts or from its margins. */
#include "eval/kappa.h"

#include <assert.h>
#include <math.h>

#include "dms/labels.h"

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

double dms_kappa_margins(double observed, const uint64_t *rows,
                         const uint64_t *columns, size_t classes,
                         dms_kappa_weights weights)
{
    double expected = 0;
    double total = 0;

    for (size_t i = 0; i < classes; i++) {
        total += (double)rows[i];
        for (size_t j = 0; j < classes; j++)
            expected +=
                weight(i, j, weights) * (double)rows[i] * (double)columns[j];
    }
    return expected > 0 ? 1 - observed * total / expected : NAN;
}

double dms_kappa_classes(const uint64_t *table, size_t classes,
                         dms_kappa_weights weights)
{
    uint64_t rows[DMS_LABELS_MAX] = {0}, columns[DMS_LABELS_MAX] = {0};
    double observed = 0;

    assert(classes <= DMS_LABELS_MAX);
    for (size_t i = 0; i < classes; i++)
        for (size_t j = 0; j < classes; j++) {
            uint64_t count = table[i * classes + j];

            rows[i] += count;
            columns[j] += count;
            observed += weight(i, j, weights) * (double)count;
        }
    return dms_kappa_margins(observed, rows, columns, classes, weights);
}
