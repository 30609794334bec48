#include "api/probability.h"

#include <math.h>

void dms_probabilities(double p[DMS_LABELS], const float *logits,
                       const dms_model_config *config)
{
    double max = -INFINITY;
    double sum = 0;

    for (int k = 0; k < DMS_LABELS; k++)
        max = fmax(max, (double)logits[k]);
    for (int k = 0; k < DMS_LABELS; k++) {
        double z = (double)logits[k] / config->temperature;

        if (config->architecture.task == DMS_TASK_MULTI_LABEL) {
            p[k] = 1 / (1 + exp(-z));
        } else {
            p[k] = exp(z - max / config->temperature);
            sum += p[k];
        }
    }
    for (int k = 0; sum > 0 && k < DMS_LABELS; k++)
        p[k] /= sum;
}

void dms_findings(bool finding[DMS_LABELS], const double p[DMS_LABELS],
                  const dms_model_config *config)
{
    int best = 0;

    for (int k = 1; k < DMS_LABELS; k++)
        best = p[k] > p[best] ? k : best;
    for (int k = 0; k < DMS_LABELS; k++)
        finding[k] = config->architecture.task == DMS_TASK_MULTI_LABEL
                         ? p[k] > config->thresholds[k]
                         : k == best;
}
