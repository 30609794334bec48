/* Mean and standard deviation, and what they are shown of. */
#include "eval/spread.h"

#include <math.h>

dms_spread dms_spread_of(const double *values, size_t count, size_t stride)
{
    dms_spread spread = {NAN, NAN};
    double sum = 0, squares = 0, defined = 0;

    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i * stride])) {
            sum += values[i * stride];
            defined++;
        }
    if (defined > 0)
        spread.mean = sum / defined;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i * stride])) {
            double apart = values[i * stride] - spread.mean;

            squares += apart * apart;
        }
    if (defined > 1)
        spread.deviation = sqrt(squares / (defined - 1));
    return spread;
}

size_t dms_spread_metrics(dms_metric shown[2], const dms_label_set *labels)
{
    shown[0] = dms_metric_default(labels);
    shown[1] = DMS_METRIC_MACRO_AUC;
    return shown[0] == shown[1] ? 1 : 2;
}

double dms_report_model_metric(const dms_report *report, size_t i,
                               dms_metric metric)
{
    return i < report->model_count && (unsigned)metric < DMS_METRICS
               ? report->model_metrics[i * DMS_METRICS + metric]
               : NAN;
}

dms_spread dms_report_model_spread(const dms_report *report, dms_metric metric)
{
    return (unsigned)metric < DMS_METRICS && report->model_count > 0
               ? dms_spread_of(report->model_metrics + metric,
                               report->model_count, DMS_METRICS)
               : (dms_spread){NAN, NAN};
}
