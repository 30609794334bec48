/* The metric that selects the best epoch. Checks before the first epoch that it
 * is defined for these labels and these validation patients. Relies on the
 * report of eval to compute it. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "train/trainer.h"

dms_status dms_trainer_choose_metric(dms_trainer *t, dms_error *err)
{
    const dms_label_set *labels = t->patients.labels;
    const char *name = t->options->metric;

    t->metric = dms_metric_default(labels);
    if (name[0] == '\0')
        return DMS_OK;
    dms_metric_find(&t->metric, name);
    if (dms_metric_applies(t->metric, labels))
        return DMS_OK;
    return dms_fail(err, DMS_EINVAL,
                    "metric: %s is not measured of these labels; without the "
                    "option it is %s",
                    name, dms_metric_name(dms_metric_default(labels)));
}

/* Validation patients, each with the correct answers. */
typedef struct right_answers {
    size_t count;
    size_t *places;
    uint8_t *labels;       /* count x K */
    double *probabilities; /* count x K */
} right_answers;

static void release(right_answers *a)
{
    dms_free(a->places);
    dms_free(a->labels);
    dms_free(a->probabilities);
}

/* fold: whose patients, 0: this run's. known: set if these are the patients of
 * the previous check. */
static dms_status take(right_answers *a, bool *known,
                       const dms_train_patients *p, int fold, dms_error *err)
{
    size_t width = (size_t)p->dataset->label_count;

    a->places = dms_calloc(p->dataset->count + 1, sizeof *a->places);
    if (!a->places)
        return dms_fail_memory(err, "metric");
    a->count = dms_train_patients_validating(a->places, p, fold);
    if (p->val) {
        *known = p->val_count == a->count; /* all could be read */
        a->count = p->val_count;
    }
    a->labels = dms_calloc(a->count * width + 1, sizeof *a->labels);
    a->probabilities =
        dms_calloc(a->count * width + 1, sizeof *a->probabilities);
    if (!a->labels || !a->probabilities)
        return dms_fail_memory(err, "metric");
    for (size_t i = 0; i < a->count; i++) {
        size_t place = p->val ? p->val[i] : a->places[i];
        const uint8_t *labels = p->dataset->patients[place].labels;

        for (size_t k = 0; k < width; k++) {
            a->labels[i * width + k] = labels[k];
            a->probabilities[i * width + k] = labels[k] == 1;
        }
    }
    return DMS_OK;
}

static dms_status measure(double *value, const dms_trainer *t,
                          const right_answers *a, dms_error *err)
{
    const dms_answers answers = {t->patients.labels, a->labels,
                                 a->probabilities, a->count};
    dms_report_options options;
    dms_report *report = NULL;
    dms_status st;

    dms_report_options_init(&options, sizeof options);
    options.resamples = 0;
    options.threads = 1;
    st = dms_report_measure(&report, &answers, &options, err);
    if (st == DMS_OK)
        *value = report->metrics[t->metric].value;
    dms_report_destroy(report);
    return st;
}

/* Append "; none has a, b": the labels that no patient has (value 1), or that
 * every patient with a known value has (value 0). */
static void list(dms_strbuf *text, const char *lead, uint8_t missing,
                 const dms_label_set *set, const right_answers *a)
{
    size_t width = (size_t)dms_label_set_count(set), listed = 0;

    for (size_t k = 0; k < width; k++) {
        bool there = false;

        for (size_t i = 0; i < a->count; i++)
            there = there || a->labels[i * width + k] == missing;
        if (!there)
            dms_strbuf_printf(text, "%s%s", listed++ ? ", " : lead,
                              dms_label_set_code(set, (int)k));
    }
}

/* Find what is wrong with the metric on these patients; NULL: nothing. If it is
 * undefined although all answers are right, or no better than if all are wrong,
 * the patients do not suffice. */
static dms_status find_fault(const char **fault, const dms_trainer *t,
                             right_answers *a, dms_error *err)
{
    size_t cells = a->count * (size_t)t->patients.dataset->label_count;
    double right, wrong;
    dms_status st;

    *fault = "undefined";
    if (a->count == 0)
        return DMS_OK;
    TRY(measure(&right, t, a, err));
    for (size_t i = 0; i < cells; i++)
        a->probabilities[i] = 1 - a->probabilities[i];
    TRY(measure(&wrong, t, a, err));
    if (!isnan(right))
        *fault = right == wrong ? "the same for all answers" : NULL;
done:
    return st;
}

/* Only a new run whose metric was asked for is refused. */
static bool may_refuse(const dms_trainer *t)
{
    return t->options->metric[0] != '\0' && !t->outputs.resumes;
}

static dms_status tell(const dms_trainer *t, const right_answers *a, int fold,
                       const char *fault, dms_error *err)
{
    const char *name = dms_metric_name(t->metric);
    bool refuses = may_refuse(t);
    char whose[24] = "";
    dms_strbuf why;
    dms_status st = DMS_OK;

    dms_strbuf_init(&why);
    if (fold > 0)
        snprintf(whose, sizeof whose, " of fold %d", fold);
    list(&why, "; none has ", 1, t->patients.labels, a);
    list(&why, "; none is without ", 0, t->patients.labels, a);
    if (why.failed)
        st = dms_fail_memory(err, "metric");
    else if (a->count == 0 && refuses)
        st = dms_fail(err, DMS_EINVAL,
                      "metric: %s cannot choose the best epoch: there are no "
                      "validation patients%s",
                      name, whose);
    else if (a->count > 0 && refuses)
        st = dms_fail(err, DMS_EINVAL,
                      "metric: %s is %s on the %zu validation patients%s%.300s",
                      name, fault, a->count, whose, why.data);
    else if (a->count > 0)
        dms_log(t->monitor, DMS_LOG_WARNING,
                "%s is %s on the %zu validation patients%.300s: it does not "
                "tell which epoch is the best",
                name, fault, a->count, why.data);
    dms_strbuf_release(&why);
    return st;
}

static dms_status check(dms_trainer *t, int fold, dms_error *err)
{
    right_answers a = {0};
    const char *fault = NULL;
    bool known = false;
    dms_status st;

    TRY(take(&a, &known, &t->patients, fold, err));
    if (!known)
        TRY(find_fault(&fault, t, &a, err));
    if (fault)
        TRY(tell(t, &a, fold, fault, err));
done:
    release(&a);
    return st;
}

/* A fold that would be refused is found before the folds in front of it have
 * taken their hours. */
dms_status dms_trainer_check_metric(dms_trainer *t, dms_error *err)
{
    bool split_only = t->patients.val == NULL;
    dms_status st;

    for (int fold = 1; split_only && may_refuse(t) && fold <= t->options->folds;
         fold++)
        TRY(check(t, fold, err));
    TRY(check(t, 0, err));
done:
    return st;
}
