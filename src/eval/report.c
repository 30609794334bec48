#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "eval/bootstrap.h"
#include "eval/scored.h"
#include "eval/scoring.h"

enum { RESAMPLES_MAX = 100000 };

dms_report_options dms_report_options_default(void)
{
    dms_report_options options = {.task = DMS_TASK_MULTI_LABEL,
                                  .resamples = 2000};

    for (int k = 0; k < DMS_LABELS; k++)
        options.thresholds[k] = 0.5;
    return options;
}

bool dms_report_beats(const dms_report *report, dms_metric metric,
                      dms_floor floor)
{
    return report->metrics[metric].low > report->floors[floor][metric].value;
}

static dms_status check_share(double value, const char *what, int k,
                              dms_error *err)
{
    if (value >= 0 && value <= 1)
        return DMS_OK;
    return dms_fail(err, DMS_EINVAL, "the %s of %c is %g, expected 0 to 1",
                    what, DMS_LABEL_LETTERS[k], value);
}

static dms_status check_options(const dms_report_options *options,
                                dms_error *err)
{
    dms_status st = DMS_OK;

    if (options->resamples < 0 || options->resamples > RESAMPLES_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "%d bootstrap resamples are out of range, 0 to %d",
                        options->resamples, RESAMPLES_MAX);
    for (int k = 0; k < DMS_LABELS; k++) {
        TRY(check_share(options->thresholds[k], "threshold", k, err));
        if (options->has_priors)
            TRY(check_share(options->priors[k], "prior", k, err));
    }
done:
    return st;
}

/* figures out: DMS_FIGURES values with their intervals. */
static dms_status measure(dms_figure *figures, const dms_scoring *scoring,
                          const dms_report_options *options, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_bootstrap bootstrap = {
        .patients = scoring->count,
        .resamples = (size_t)options->resamples,
        .figures = DMS_FIGURES,
        .seed = options->seed,
        .threads = options->threads,
        .measure = dms_scoring_measure,
        .context = scoring,
    };
    double value[DMS_FIGURES];
    double low[DMS_FIGURES];
    double high[DMS_FIGURES];
    uint32_t *ones = dms_calloc(scoring->count, sizeof *ones);

    if (!ones)
        return dms_fail_memory(err, "patients' weights");
    for (size_t i = 0; i < scoring->count; i++)
        ones[i] = 1;
    dms_scoring_measure(value, scoring, ones);
    TRY(dms_bootstrap_run(low, high, &bootstrap, err));
    for (size_t f = 0; f < DMS_FIGURES; f++)
        figures[f] = (dms_figure){value[f], low[f], high[f]};
done:
    dms_free(ones);
    return st;
}

static dms_status count_confusion(dms_report *report,
                                  const dms_scoring *scoring, dms_error *err)
{
    uint64_t table[DMS_LABELS * DMS_LABELS];
    uint32_t *ones = dms_calloc(scoring->count, sizeof *ones);

    if (!ones)
        return dms_fail_memory(err, "patients' weights");
    for (size_t i = 0; i < scoring->count; i++)
        ones[i] = 1;
    dms_scoring_confusion(table, scoring, ones);
    for (size_t i = 0; i < DMS_LABELS; i++)
        for (size_t j = 0; j < DMS_LABELS; j++)
            report->confusion[i][j] = (size_t)table[i * DMS_LABELS + j];
    dms_free(ones);
    return DMS_OK;
}

static dms_status measure_model(dms_report *report, const uint8_t *labels,
                                const double *probabilities,
                                const dms_report_options *options,
                                dms_error *err)
{
    dms_status st = DMS_OK;
    dms_scoring scoring = {0};
    dms_figure figures[DMS_FIGURES];

    TRY(dms_scoring_init(&scoring, labels, probabilities, report->patients,
                         options->task, options->thresholds, err));
    TRY(measure(figures, &scoring, options, err));
    memcpy(report->metrics, figures, sizeof report->metrics);
    for (size_t k = 0; k < DMS_LABELS; k++)
        memcpy(report->labels[k].metrics, figures + dms_figure_of_label(k, 0),
               sizeof report->labels[k].metrics);
    if (options->task == DMS_TASK_SINGLE_LABEL)
        TRY(count_confusion(report, &scoring, err));
done:
    dms_scoring_release(&scoring);
    return st;
}

/* The predictor that gives every patient the same eight probabilities. */
static dms_status measure_floor(dms_figure *metrics, const uint8_t *labels,
                                size_t count, const double *constant,
                                const dms_report_options *options,
                                dms_error *err)
{
    dms_status st = DMS_OK;
    dms_report_options plain = dms_report_options_default();
    dms_scoring scoring = {0};
    dms_figure figures[DMS_FIGURES];
    double *probabilities =
        dms_calloc(count, DMS_LABELS * sizeof *probabilities);

    if (!probabilities)
        return dms_fail_memory(err, "a trivial predictor");
    for (size_t i = 0; i < count; i++)
        memcpy(probabilities + i * DMS_LABELS, constant,
               DMS_LABELS * sizeof *constant);
    TRY(dms_scoring_init(&scoring, labels, probabilities, count, options->task,
                         plain.thresholds, err));
    TRY(measure(figures, &scoring, options, err));
    memcpy(metrics, figures, DMS_METRICS * sizeof *metrics);
done:
    dms_scoring_release(&scoring);
    dms_free(probabilities);
    return st;
}

static void count_labels(dms_report *report, const uint8_t *labels,
                         const dms_report_options *options)
{
    for (size_t k = 0; k < DMS_LABELS; k++) {
        size_t support = 0;

        for (size_t i = 0; i < report->patients; i++)
            support += labels[i * DMS_LABELS + k];
        report->labels[k].support = support;
        report->labels[k].threshold = options->thresholds[k];
        report->priors[k] = options->has_priors
                                ? options->priors[k]
                                : (double)support / (double)report->patients;
    }
}

dms_status dms_report_measure(dms_report *out, const uint8_t *labels,
                              const double *probabilities, size_t count,
                              const dms_report_options *options, dms_error *err)
{
    static const double zeros[DMS_LABELS];
    dms_status st = DMS_OK;
    dms_report report = {
        .task = options->task,
        .patients = count,
        .resamples = (size_t)options->resamples,
        .seed = options->seed,
        .tuned_here = options->tuned_here,
    };

    TRY(check_options(options, err));
    TRY(dms_scored_check(labels, probabilities, count, options->task, err));
    count_labels(&report, labels, options);
    TRY(measure_model(&report, labels, probabilities, options, err));
    TRY(measure_floor(report.floors[DMS_FLOOR_ALL_ZERO], labels, count, zeros,
                      options, err));
    TRY(measure_floor(report.floors[DMS_FLOOR_CLASS_PRIORS], labels, count,
                      report.priors, options, err));
    *out = report;
done:
    return st;
}
