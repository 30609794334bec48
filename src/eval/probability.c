#include "eval/probability.h"

#include <math.h>

enum { K = DMS_LABELS };

static void softmax(double p[K], const float *logits, double temperature)
{
    double max = logits[0], sum = 0;

    for (int k = 1; k < K; k++)
        max = fmax(max, (double)logits[k]);
    for (int k = 0; k < K; k++)
        sum += p[k] = exp(((double)logits[k] - max) / temperature);
    for (int k = 0; k < K; k++)
        p[k] /= sum;
}

void dms_probabilities(double p[K], const float *logits, dms_task task,
                       double temperature)
{
    if (task == DMS_TASK_SINGLE_LABEL) {
        softmax(p, logits, temperature);
        return;
    }
    for (int k = 0; k < K; k++)
        p[k] = 1 / (1 + exp(-(double)logits[k] / temperature));
}

void dms_findings(bool finding[K], const double p[K], dms_task task,
                  const double thresholds[K])
{
    int best = 0;

    for (int k = 1; k < K; k++)
        best = p[k] > p[best] ? k : best;
    for (int k = 0; k < K; k++)
        finding[k] =
            task == DMS_TASK_SINGLE_LABEL ? k == best : p[k] > thresholds[k];
}
