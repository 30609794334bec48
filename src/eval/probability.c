/* Sigmoid or softmax, and decisions, in double precision. */
#include "eval/probability.h"

#include <math.h>

static void softmax(double *p, const float *logits, int count, double slope)
{
    double max = logits[0], sum = 0;

    for (int k = 1; k < count; k++)
        max = fmax(max, (double)logits[k]);
    for (int k = 0; k < count; k++)
        sum += p[k] = exp(((double)logits[k] - max) * slope);
    for (int k = 0; k < count; k++)
        p[k] /= sum;
}

void dms_probabilities(double *p, const float *logits,
                       const dms_label_set *labels,
                       const dms_calibration *calibration)
{
    int count = dms_label_set_count(labels);

    if (dms_label_set_task(labels) == DMS_TASK_SINGLE_LABEL) {
        softmax(p, logits, count, calibration ? calibration[0].slope : 1);
        return;
    }
    for (int k = 0; k < count; k++) {
        dms_calibration c =
            calibration ? calibration[k] : (dms_calibration){1, 0};

        p[k] = 1 / (1 + exp(-(c.slope * (double)logits[k] + c.intercept)));
    }
}

void dms_findings(bool *finding, const double *p, const dms_label_set *labels,
                  const double *thresholds)
{
    bool one_of = dms_label_set_task(labels) == DMS_TASK_SINGLE_LABEL;
    int count = dms_label_set_count(labels), best = 0;

    for (int k = 1; k < count; k++)
        best = p[k] > p[best] ? k : best;
    for (int k = 0; k < count; k++)
        finding[k] = one_of ? k == best : p[k] > thresholds[k];
}
