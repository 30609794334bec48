#include "eval/holm.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"

typedef struct test {
    double p;
    size_t index;
} test;

static int by_rising_p(const void *a, const void *b)
{
    double x = ((const test *)a)->p;
    double y = ((const test *)b)->p;

    return (x > y) - (x < y);
}

dms_status dms_holm_adjust(double *adjusted, const double *p, size_t count,
                           dms_error *err)
{
    test *family = dms_calloc(count, sizeof *family);
    size_t tests = 0;
    double greatest = 0;

    if (!family)
        return dms_fail_memory(err, "p values");
    for (size_t i = 0; i < count; i++) {
        if (!isnan(p[i]))
            family[tests++] = (test){p[i], i};
        adjusted[i] = NAN;
    }
    qsort(family, tests, sizeof *family, by_rising_p);
    for (size_t i = 0; i < tests; i++) {
        /* never below that of a smaller p */
        greatest = fmax(greatest, (double)(tests - i) * family[i].p);
        adjusted[family[i].index] = fmin(1, greatest);
    }
    dms_free(family);
    return DMS_OK;
}
