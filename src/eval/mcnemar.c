#include "eval/mcnemar.h"

#include <math.h>

/* ln(n!). lgamma itself writes a global variable. */
static double log_factorial(uint64_t n)
{
    int sign;

    return lgamma_r((double)n + 1, &sign);
}

double dms_mcnemar_p(uint64_t first_only, uint64_t second_only)
{
    uint64_t n = first_only + second_only;
    uint64_t k = first_only < second_only ? first_only : second_only;
    double term = exp(log_factorial(n) - log_factorial(k) -
                      log_factorial(n - k) - (double)n * log(2));
    double tail = 0;

    if (first_only == second_only)
        return 1;
    /* P(X <= k), from its largest term downwards until terms vanish */
    while (term > tail * 1e-17) {
        tail += term;
        term *= (double)k / (double)(n - k + 1);
        if (k-- == 0)
            break;
    }
    return fmin(1, 2 * tail);
}
