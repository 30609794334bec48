/* Expected calibration error (Naeini et al. 2015; Guo et al. 2017), Brier score
 * (1950) and log loss. */
#include "eval/reliability.h"

#include <float.h>
#include <math.h>

#include "eval/scored.h"

int dms_reliability_bin(double probability)
{
    int bin = (int)(probability * DMS_RELIABILITY_BINS);

    return bin < DMS_RELIABILITY_BINS ? bin : DMS_RELIABILITY_BINS - 1;
}

/* Add a cell; means are sums until finish. */
static void add(dms_reliability *r, double p, bool label)
{
    double sure = fmin(fmax(p, DBL_EPSILON), 1 - DBL_EPSILON);
    double error = p - (double)label;
    int bin = dms_reliability_bin(p);

    r->cells++;
    r->brier += error * error;
    r->log_loss -= log(label ? sure : 1 - sure);
    r->bins[bin].count++;
    r->bins[bin].probability += p;
    r->bins[bin].share += label;
}

static void finish(dms_reliability *r)
{
    double cells = (double)r->cells;

    for (int b = 0; b < DMS_RELIABILITY_BINS; b++) {
        double count = (double)r->bins[b].count;

        r->ece += fabs(r->bins[b].share - r->bins[b].probability);
        r->bins[b].probability /= count; /* NaN if empty */
        r->bins[b].share /= count;
    }
    r->ece /= cells;
    r->brier /= cells;
    r->log_loss /= cells;
}

void dms_reliability_measure(dms_reliability *out, const dms_answers *answers,
                             int k)
{
    int width = dms_label_set_count(dms_scored_set(answers));
    int first = k == DMS_RELIABILITY_ALL ? 0 : k;
    int end = k == DMS_RELIABILITY_ALL ? width : k + 1;

    *out = (dms_reliability){0};
    for (size_t i = 0; i < answers->count; i++)
        for (int j = first; j < end; j++) {
            size_t at = i * (size_t)width + (size_t)j;

            if (answers->labels[at] != DMS_LABEL_UNKNOWN)
                add(out, answers->probabilities[at], answers->labels[at] == 1);
        }
    finish(out);
}
