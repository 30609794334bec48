/* The whole fit as a report. Relies on calibration.c for the fit, thresholds.c
 * for the operating point and reliability.c for the figures. */
#include "eval/calibration_report.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "data/labels.h"
#include "eval/confusion.h"
#include "eval/probability.h"
#include "eval/reliability.h"

enum { PARTS = 5 };

const dms_calibrate_label *
dms_calibrate_report_label(const dms_calibrate_report *report, int k)
{
    return k >= 0 && k < dms_label_set_count(report->label_set)
               ? &report->labels[k]
               : NULL;
}

void dms_calibrate_report_destroy(dms_calibrate_report *report)
{
    if (!report)
        return;
    dms_label_set_destroy(report->label_set);
    dms_free(report->labels);
    dms_free(report);
}

/* The state of a fit; its arrays are owned. */
typedef struct fitting {
    const dms_calibration_plan *plan;
    const dms_label_set *set;
    size_t width;          /* K */
    size_t count;          /* patients */
    double *probabilities; /* count x K */
    uint8_t *shown;        /* count x K: labels without those of a fold */
    size_t *order;         /* count: patients, shuffled */
    dms_calibration_fit fit;
    double *thresholds; /* K */
    bool *chosen;       /* K */
} fitting;

static dms_status fitting_init(fitting *f, dms_error *err)
{
    f->width = (size_t)dms_label_set_count(f->set);
    f->count = f->plan->outcomes.count;
    f->probabilities =
        dms_calloc(f->count, f->width * sizeof *f->probabilities);
    f->shown = dms_calloc(f->count, f->width);
    f->order = dms_calloc(f->count, sizeof *f->order);
    f->fit.calibration = dms_calloc(f->width, sizeof *f->fit.calibration);
    f->fit.own = dms_calloc(f->width, sizeof *f->fit.own);
    f->thresholds = dms_calloc(f->width, sizeof *f->thresholds);
    f->chosen = dms_calloc(f->width, sizeof *f->chosen);
    if (f->probabilities && f->shown && f->order && f->fit.calibration &&
        f->fit.own && f->thresholds && f->chosen)
        return DMS_OK;
    return dms_fail_memory(err, "calibration");
}

static void fitting_release(fitting *f)
{
    dms_free(f->probabilities);
    dms_free(f->shown);
    dms_free(f->order);
    dms_free(f->fit.calibration);
    dms_free(f->fit.own);
    dms_free(f->thresholds);
    dms_free(f->chosen);
}

static void apply(fitting *f, size_t patient, const dms_calibration *c)
{
    dms_probabilities(f->probabilities + patient * f->width,
                      f->plan->outcomes.logits + patient * f->width, f->set, c);
}

static dms_answers answers_of(const fitting *f)
{
    return (dms_answers){f->set, f->plan->outcomes.labels, f->probabilities,
                         f->count};
}

static void measure(dms_calibrate_report *report, const fitting *f,
                    dms_calibrate_stage stage)
{
    const dms_answers answers = answers_of(f);

    dms_reliability_measure(&report->all[stage], &answers, DMS_RELIABILITY_ALL);
    for (int k = 0; k < (int)f->width; k++)
        dms_reliability_measure(&report->labels[k].reliability[stage], &answers,
                                k);
}

/* Every patient's probabilities from a fit to four fifths of the patients,
 * without this one. */
static void apply_held_out(fitting *f)
{
    dms_outcomes shown = f->plan->outcomes;
    dms_rng rng = dms_rng_seeded(1);

    for (size_t i = 0; i < f->count; i++)
        f->order[i] = i;
    dms_rng_shuffle(&rng, f->order, f->count);
    shown.labels = f->shown;
    for (size_t part = 0; part < PARTS; part++) {
        memcpy(f->shown, f->plan->outcomes.labels, f->count * f->width);
        for (size_t i = part; i < f->count; i += PARTS)
            memset(f->shown + f->order[i] * f->width, DMS_LABEL_UNKNOWN,
                   f->width);
        dms_calibration_fit_to(&f->fit, &shown, f->plan->method);
        for (size_t i = part; i < f->count; i += PARTS)
            apply(f, f->order[i], f->fit.calibration);
    }
}

static void describe_fit(dms_calibrate_report *report, const fitting *f)
{
    const uint8_t *labels = f->plan->outcomes.labels;

    report->method = f->plan->method;
    report->temperature = f->fit.temperature;
    for (size_t i = 0; i < f->count; i++)
        report->patients +=
            dms_labels_known(labels + i * f->width, (int)f->width);
    for (size_t k = 0; k < f->width; k++) {
        dms_calibrate_label *label = &report->labels[k];

        dms_outcomes_count(&label->known, &label->support, &f->plan->outcomes,
                           (int)k);
        label->calibration = f->fit.calibration[k];
        label->own = f->fit.own[k];
    }
}

/* Recall and specificity of label k's threshold; NaN without such patients. */
static void count_decisions(dms_calibrate_label *label, const fitting *f,
                            size_t k)
{
    dms_cells cells = {0};

    for (size_t i = 0; i < f->count; i++) {
        uint8_t truth = f->plan->outcomes.labels[i * f->width + k];
        bool found = f->probabilities[i * f->width + k] > label->threshold;

        if (truth == DMS_LABEL_UNKNOWN)
            continue;
        cells.tp += found && truth, cells.fn += !found && truth;
        cells.fp += found && !truth, cells.tn += !found && !truth;
    }
    label->recall = cells.tp + cells.fn ? dms_cells_recall(&cells) : NAN;
    label->specificity =
        cells.fp + cells.tn ? dms_cells_specificity(&cells) : NAN;
}

/* From the calibrated probabilities of all patients. */
static dms_status choose_thresholds(dms_calibrate_report *report, fitting *f,
                                    dms_error *err)
{
    bool one_of = dms_label_set_task(f->set) == DMS_TASK_SINGLE_LABEL;
    const dms_answers answers = answers_of(f);
    dms_operating_point point = f->plan->point;
    dms_status st;

    if (one_of) /* decided by the largest probability */
        point = (dms_operating_point){DMS_POINT_FIXED, 0.5};
    TRY(dms_thresholds_choose(f->thresholds, f->chosen, &answers, &point,
                              DMS_CALIBRATE_THRESHOLD_MIN, err));
    for (size_t k = 0; k < f->width; k++) {
        report->labels[k].threshold = f->thresholds[k];
        report->labels[k].chosen = f->chosen[k];
        count_decisions(&report->labels[k], f, k);
    }
done:
    return st;
}

static dms_status report_create(dms_calibrate_report **out, const fitting *f,
                                dms_error *err)
{
    dms_calibrate_report *report = dms_calloc(1, sizeof *report);
    dms_status st;

    if (!report)
        return dms_fail_memory(err, "calibration");
    TRY(dms_label_set_copy(&report->label_set, f->set, err));
    report->labels = dms_calloc(f->width, sizeof *report->labels);
    if (!report->labels) {
        st = dms_fail_memory(err, "calibration");
        goto done;
    }
    *out = report, report = NULL;
done:
    dms_calibrate_report_destroy(report);
    return st;
}

dms_status dms_calibrate_report_make(dms_calibrate_report **out,
                                     const dms_calibration_plan *plan,
                                     dms_error *err)
{
    fitting f = {.plan = plan, .set = plan->outcomes.set};
    dms_calibrate_report *report = NULL;
    dms_status st;

    TRY(fitting_init(&f, err));
    TRY(report_create(&report, &f, err));
    for (size_t i = 0; i < f.count; i++)
        apply(&f, i, plan->before);
    measure(report, &f, DMS_CALIBRATE_BEFORE);
    apply_held_out(&f);
    measure(report, &f, DMS_CALIBRATE_HELD_OUT);
    dms_calibration_fit_to(&f.fit, &plan->outcomes, plan->method);
    describe_fit(report, &f);
    for (size_t i = 0; i < f.count; i++)
        apply(&f, i, f.fit.calibration);
    measure(report, &f, DMS_CALIBRATE_AFTER);
    TRY(choose_thresholds(report, &f, err));
    *out = report, report = NULL;
done:
    fitting_release(&f);
    dms_calibrate_report_destroy(report);
    return st;
}
