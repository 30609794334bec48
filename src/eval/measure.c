/* Builds the report: figures, intervals and floors, from scoring.c and
 * bootstrap.c. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/growing.h"
#include "eval/bootstrap.h"
#include "eval/scored.h"
#include "eval/scoring.h"

enum { RESAMPLES_MAX = 100000 };

void dms_report_options_init(dms_report_options *options, size_t struct_size)
{
    const dms_report_options plain = {.threshold = 0.5, .resamples = 2000};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

void dms_report_destroy(dms_report *report)
{
    if (!report)
        return;
    dms_label_set_destroy(report->label_set);
    dms_free(report->metrics); /* and the floors, in the same block */
    dms_free(report->labels);
    dms_free(report->confusion);
    for (size_t i = 0; i < report->model_count; i++)
        dms_free(report->model_paths[i]);
    dms_free(report->model_paths);
    dms_free(report->model_metrics);
    dms_free(report);
}

static bool is_metric(dms_metric metric)
{
    return (unsigned)metric < DMS_METRICS;
}

const dms_figure *dms_report_metric(const dms_report *report, dms_metric metric)
{
    return is_metric(metric) ? &report->metrics[metric] : NULL;
}

const dms_figure *dms_report_floor(const dms_report *report, dms_floor floor,
                                   dms_metric metric)
{
    return (unsigned)floor < DMS_FLOORS && is_metric(metric)
               ? &report->floors[floor][metric]
               : NULL;
}

const dms_label_report *dms_report_label(const dms_report *report, int k)
{
    return k >= 0 && k < dms_label_set_count(report->label_set)
               ? &report->labels[k]
               : NULL;
}

bool dms_report_beats(const dms_report *report, dms_metric metric,
                      dms_floor floor)
{
    const dms_figure *figure = &report->metrics[metric];
    double value = report->floors[floor][metric].value;

    return dms_metric_lower_is_better(metric) ? figure->high < value
                                              : figure->low > value;
}

/* The state of a measurement: arrays of K, and room for all figures. */
typedef struct measuring {
    const dms_answers *answers;
    const dms_report_options *options;
    const dms_label_set *set;
    size_t width;       /* K */
    double *thresholds; /* K */
    double *constant;   /* K: a floor's probabilities */
    double *value;      /* three times dms_figure_count, one block */
    double *low, *high;
    dms_figure *figures; /* dms_figure_count */
    uint32_t *ones;      /* a weight of 1 per patient */
} measuring;

static dms_status check_share(double value, const char *what, const char *code,
                              dms_error *err)
{
    if (value >= 0 && value <= 1)
        return DMS_OK;
    return dms_fail(err, DMS_EINVAL, "the %s of %s is %g, expected 0 to 1",
                    what, code, value);
}

static dms_status check_options(const measuring *m, dms_error *err)
{
    const dms_report_options *options = m->options;
    dms_status st = DMS_OK;

    if (options->resamples < 0 || options->resamples > RESAMPLES_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "%d bootstrap resamples, expected 0 to %d",
                        options->resamples, RESAMPLES_MAX);
    for (int k = 0; k < (int)m->width; k++) {
        const char *code = dms_label_set_code(m->set, k);

        TRY(check_share(m->thresholds[k], "threshold", code, err));
        if (options->priors)
            TRY(check_share(options->priors[k], "prior", code, err));
    }
done:
    return st;
}

static dms_status measuring_init(measuring *m, dms_error *err)
{
    size_t figures = dms_figure_count(m->width);

    m->thresholds = dms_calloc(m->width, sizeof *m->thresholds);
    m->constant = dms_calloc(m->width, sizeof *m->constant);
    m->value = dms_calloc(3 * figures, sizeof *m->value);
    m->figures = dms_calloc(figures, sizeof *m->figures);
    m->ones = dms_calloc(m->answers->count, sizeof *m->ones);
    if (!m->thresholds || !m->constant || !m->value || !m->figures || !m->ones)
        return dms_fail_memory(err, "figures");
    m->low = m->value + figures;
    m->high = m->low + figures;
    for (size_t i = 0; i < m->answers->count; i++)
        m->ones[i] = 1;
    for (size_t k = 0; k < m->width; k++)
        m->thresholds[k] = m->options->thresholds ? m->options->thresholds[k]
                                                  : m->options->threshold;
    return DMS_OK;
}

/* Fill in m->figures: all figures of the scoring, with their intervals. */
static dms_status measure(measuring *m, const dms_scoring *scoring,
                          dms_error *err)
{
    dms_status st = DMS_OK;
    dms_bootstrap bootstrap = {
        .patients = scoring->count,
        .resamples = (size_t)m->options->resamples,
        .figures = dms_figure_count(m->width),
        .seed = m->options->seed,
        .threads = m->options->threads,
        .measure = dms_scoring_measure,
        .context = scoring,
    };

    dms_scoring_measure(m->value, scoring, m->ones);
    TRY(dms_bootstrap_run(m->low, m->high, &bootstrap, err));
    for (size_t f = 0; f < bootstrap.figures; f++)
        m->figures[f] = (dms_figure){m->value[f], m->low[f], m->high[f]};
done:
    return st;
}

static dms_status measure_model(dms_report *report, measuring *m,
                                dms_error *err)
{
    dms_status st = DMS_OK;
    dms_scoring scoring = {0};

    TRY(dms_scoring_init(&scoring, m->answers, m->thresholds, err));
    TRY(measure(m, &scoring, err));
    memcpy(report->metrics, m->figures, DMS_METRICS * sizeof *report->metrics);
    for (size_t k = 0; k < m->width; k++)
        memcpy(report->labels[k].metrics,
               m->figures + dms_figure_of_label(k, 0),
               sizeof report->labels[k].metrics);
    if (report->confusion)
        dms_scoring_confusion(report->confusion, &scoring);
done:
    dms_scoring_release(&scoring);
    return st;
}

/* Measure the predictor that gives every patient the probabilities m->constant,
 * with thresholds of 0.5. */
static dms_status measure_floor(dms_figure *metrics, measuring *m,
                                dms_error *err)
{
    dms_status st = DMS_OK;
    dms_answers answers = *m->answers;
    dms_scoring scoring = {0};
    double *probabilities =
        dms_calloc(answers.count * m->width, sizeof *probabilities);
    double *halves = dms_calloc(m->width, sizeof *halves);

    if (!probabilities || !halves) {
        st = dms_fail_memory(err, "trivial predictor");
        goto done;
    }
    for (size_t i = 0; i < answers.count; i++)
        memcpy(probabilities + i * m->width, m->constant,
               m->width * sizeof *m->constant);
    for (size_t k = 0; k < m->width; k++)
        halves[k] = 0.5;
    answers.probabilities = probabilities;
    TRY(dms_scoring_init(&scoring, &answers, halves, err));
    TRY(measure(m, &scoring, err));
    memcpy(metrics, m->figures, DMS_METRICS * sizeof *metrics);
done:
    dms_scoring_release(&scoring);
    dms_free(probabilities);
    dms_free(halves);
    return st;
}

static void count_labels(dms_report *report, const measuring *m)
{
    const uint8_t *labels = m->answers->labels;

    for (size_t i = 0; i < m->answers->count; i++) {
        bool any = false;

        for (size_t k = 0; k < m->width; k++) {
            uint8_t label = labels[i * m->width + k];

            report->labels[k].known += label != DMS_LABEL_UNKNOWN;
            report->labels[k].support += label == 1;
            any = any || label != DMS_LABEL_UNKNOWN;
        }
        report->patients += any;
    }
    for (size_t k = 0; k < m->width; k++) {
        dms_label_report *label = &report->labels[k];
        double share =
            label->known ? (double)label->support / (double)label->known : 0;

        label->threshold = m->thresholds[k];
        label->prior = m->options->priors ? m->options->priors[k] : share;
    }
}

/* A report without figures. */
static dms_status report_create(dms_report **out, const measuring *m,
                                dms_error *err)
{
    const dms_report_options *options = m->options;
    bool one_of = dms_label_set_task(m->set) == DMS_TASK_SINGLE_LABEL;
    dms_report *report = dms_calloc(1, sizeof *report);
    dms_status st;

    if (!report)
        return dms_fail_memory(err, "report");
    report->resamples = (size_t)options->resamples;
    report->seed = options->seed;
    report->tuned_here = options->tuned_here;
    TRY(dms_label_set_copy(&report->label_set, m->set, err));
    report->metrics =
        dms_calloc((1 + DMS_FLOORS) * DMS_METRICS, sizeof *report->metrics);
    report->labels = dms_calloc(m->width, sizeof *report->labels);
    if (one_of)
        report->confusion =
            dms_calloc(m->width * m->width, sizeof *report->confusion);
    if (!report->metrics || !report->labels || (one_of && !report->confusion)) {
        st = dms_fail_memory(err, "report");
        goto done;
    }
    for (int f = 0; f < DMS_FLOORS; f++)
        report->floors[f] = report->metrics + (1 + f) * DMS_METRICS;
    *out = report, report = NULL;
done:
    dms_report_destroy(report);
    return st;
}

dms_status dms_report_measure(dms_report **out, const dms_answers *answers,
                              const dms_report_options *given, dms_error *err)
{
    dms_status st;
    dms_report_options options;
    dms_report *report = NULL;
    measuring m = {.answers = answers,
                   .options = &options,
                   .set = dms_scored_set(answers)};

    dms_report_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given, "dms_report_options",
                         err));
    m.width = (size_t)dms_label_set_count(m.set);
    TRY(dms_scored_check(answers, err));
    TRY(measuring_init(&m, err));
    TRY(check_options(&m, err));
    TRY(report_create(&report, &m, err));
    count_labels(report, &m);
    TRY(measure_model(report, &m, err));
    TRY(measure_floor(report->floors[DMS_FLOOR_ALL_ZERO], &m, err));
    for (size_t k = 0; k < m.width; k++)
        m.constant[k] = report->labels[k].prior;
    TRY(measure_floor(report->floors[DMS_FLOOR_CLASS_PRIORS], &m, err));
    *out = report, report = NULL;
done:
    dms_free(m.thresholds);
    dms_free(m.constant);
    dms_free(m.value);
    dms_free(m.figures);
    dms_free(m.ones);
    dms_report_destroy(report);
    return st;
}
