/* Relies on the order and the marks of ties in a dms_ranking: one pass over it
 * gives what midranks would. */
#include "eval/delong.h"

#include <math.h>

/* The 97.5th percentile of the standard normal distribution. */
static const double z_95 = 1.959963984540054;
/* Rounding: a deviation below is 0. One patient of 2^27 who moves by one place
 * gives more. */
static const double none = 1e-16;

static void count_classes(size_t counts[2], const dms_ranking *ranking)
{
    counts[0] = counts[1] = 0;
    for (size_t i = 0; i < ranking->count; i++)
        counts[ranking->cells[i] & 1]++;
}

void dms_delong_components(double *components, const dms_ranking *ranking)
{
    size_t counts[2], above[2] = {0, 0}, end;

    count_classes(counts, ranking);
    for (size_t start = 0; start < ranking->count; start = end) {
        size_t tied[2] = {0, 0};

        end = start;
        do
            tied[ranking->cells[end] & 1]++;
        while (!(ranking->cells[end++] & 2));
        for (size_t i = start; i < end; i++) {
            uint32_t cell = ranking->cells[i];
            double lower = (double)(counts[0] - above[0] - tied[0]);
            double higher = (double)above[1];

            components[cell >> 2] =
                cell & 1 ? (lower + (double)tied[0] / 2) / (double)counts[0]
                         : (higher + (double)tied[1] / 2) / (double)counts[1];
        }
        above[0] += tied[0];
        above[1] += tied[1];
    }
}

dms_delong dms_delong_test(const dms_ranking *ranking, const double *first,
                           const double *second)
{
    dms_delong test = {NAN, NAN, NAN, NAN, NAN};
    size_t counts[2];
    double mean[2] = {0, 0}, squares[2] = {0, 0}, variance;

    count_classes(counts, ranking);
    if (!counts[0] || !counts[1])
        return test;
    for (size_t i = 0; i < ranking->count; i++) {
        uint32_t patient = ranking->cells[i] >> 2;

        mean[ranking->cells[i] & 1] += second[patient] - first[patient];
    }
    mean[0] /= (double)counts[0];
    mean[1] /= (double)counts[1];
    test.difference = mean[1];
    if (counts[0] < 2 || counts[1] < 2)
        return test;
    /* The variance of the difference from the differences of the components:
     * the same as from the covariance matrix, and exactly 0 where both agree.
     */
    for (size_t i = 0; i < ranking->count; i++) {
        uint32_t patient = ranking->cells[i] >> 2;
        unsigned truth = ranking->cells[i] & 1;
        double d = second[patient] - first[patient] - mean[truth];

        squares[truth] += d * d;
    }
    variance = squares[0] / (double)(counts[0] - 1) / (double)counts[0] +
               squares[1] / (double)(counts[1] - 1) / (double)counts[1];
    test.deviation = sqrt(variance);
    test.low = test.difference - z_95 * test.deviation;
    test.high = test.difference + z_95 * test.deviation;
    if (test.deviation > none)
        test.p = erfc(fabs(test.difference) / test.deviation / sqrt(2));
    else if (test.difference == 0)
        test.p = 1;
    return test;
}
