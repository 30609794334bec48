/* Validates: runs the split through an engine of its own, then computes loss
 * and figures over all its patients. Relies on eval_params for the weights and
 * on the caches for photographs and maps. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "eval/probability.h"
#include "train/trainer.h"

/* Everything about the validation split, n patients in order; in tables of
 * eyes, all left eyes come first. */
typedef struct outcome {
    size_t width;                 /* K */
    float *logits, *eye_logits;   /* n x K, 2n x K */
    float *targets, *eye_targets; /* n x K, 2n x K */
    double *probabilities;        /* n x K */
    uint8_t *labels;              /* n x K */
} outcome;

static void outcome_release(outcome *o)
{
    dms_free(o->logits);
    dms_free(o->eye_logits);
    dms_free(o->targets);
    dms_free(o->eye_targets);
    dms_free(o->probabilities);
    dms_free(o->labels);
}

static dms_status outcome_init(outcome *o, size_t n, size_t width,
                               dms_error *err)
{
    *o = (outcome){
        .width = width,
        .logits = dms_calloc(n * width, sizeof(float)),
        .eye_logits = dms_calloc(2 * n * width, sizeof(float)),
        .targets = dms_calloc(n * width, sizeof(float)),
        .eye_targets = dms_calloc(2 * n * width, sizeof(float)),
        .probabilities = dms_calloc(n * width, sizeof(double)),
        .labels = dms_calloc(n * width, sizeof(uint8_t)),
    };
    return o->logits && o->eye_logits && o->targets && o->eye_targets &&
                   o->probabilities && o->labels
               ? DMS_OK
               : dms_fail_memory(err, "validation");
}

/* Copy rows [0, real) of a batch's tables to rows [at, at + real) of all. */
static void gather(float *all, const float *batch, size_t at, size_t real,
                   size_t width)
{
    memcpy(all + at * width, batch, real * width * sizeof *all);
}

/* In training, batch statistics may have hidden that the run diverged: check it
 * here. */
static dms_status check_patient(const dms_trainer *t, const dms_net *net,
                                size_t place, size_t patient, dms_error *err)
{
    dms_error wrong = {0};
    char who[DMS_NET_WHO];

    dms_net_who(who, t->patients.dataset->patients[patient].id);
    if (dms_net_check(net, place, who, &wrong) == DMS_OK)
        return DMS_OK;
    return dms_fail(err, DMS_EINVAL,
                    "epoch %lld, validation: %.300s; try a smaller lr than %g",
                    (long long)t->state.epoch + 1, wrong.message,
                    t->options->lr);
}

/* A validation in progress. */
typedef struct validation {
    dms_trainer *trainer;
    outcome outcome;
} validation;

static dms_status show_patients(void *user, const dms_engine_batch *b,
                                dms_error *err)
{
    const validation *v = user;
    dms_trainer *t = v->trainer;

    (void)err; /* photographs and maps are in the caches */
    dms_train_patients_fill(
        &t->patients, &(dms_train_batch){.images = dms_net_images(b->net),
                                         .maps = dms_net_map(b->net),
                                         .targets = t->nets.targets,
                                         .eye_targets = t->nets.eye_targets,
                                         .places = t->patients.val + b->at,
                                         .count = b->count,
                                         .padded = (size_t)b->size});
    return DMS_OK;
}

static dms_status take_answers(void *user, const dms_engine_batch *b,
                               dms_error *err)
{
    validation *v = user;
    const dms_trainer *t = v->trainer;
    outcome *o = &v->outcome;
    size_t n = t->patients.val_count, rows = (size_t)b->size;
    size_t at = b->at, count = b->count, width = o->width;
    dms_status st = DMS_OK;

    for (size_t i = 0; i < count; i++)
        TRY(check_patient(t, b->net, i, t->patients.val[at + i], err));
    gather(o->logits, b->patient_logits, at, count, width);
    gather(o->targets, t->nets.targets, at, count, width);
    for (size_t eye = 0; eye < 2; eye++) {
        gather(o->eye_logits + eye * n * width,
               b->eye_logits + eye * rows * width, at, count, width);
        gather(o->eye_targets + eye * n * width,
               t->nets.eye_targets + eye * rows * width, at, count, width);
    }
done:
    return st;
}

static void decide(outcome *o, size_t n, const dms_label_set *labels)
{
    for (size_t i = 0; i < n * o->width; i++)
        o->labels[i] =
            isnan(o->targets[i]) ? DMS_LABEL_UNKNOWN : o->targets[i] > 0.5f;
    for (size_t i = 0; i < n; i++)
        dms_probabilities(o->probabilities + i * o->width,
                          o->logits + i * o->width, labels, NULL);
}

static dms_status measure(dms_trainer *t, outcome *o, dms_epoch_record *record,
                          dms_error *err)
{
    size_t n = t->patients.val_count;
    dms_report_options options;
    dms_loss_batch batch = {(int)n, o->logits, o->eye_logits, o->targets,
                            o->eye_targets};
    const dms_answers answers = {t->config.labels, o->labels, o->probabilities,
                                 n};
    dms_report *report = NULL;
    double *label_auc = t->outputs.events.label_auc;
    dms_status st;

    record->val_loss = dms_loss_evaluate(NULL, NULL, &batch, &t->loss);
    if (!isfinite(record->val_loss))
        return DMS_OK; /* no probabilities: figures stay undefined */
    decide(o, n, t->config.labels);
    dms_report_options_init(&options, sizeof options);
    options.resamples = 0;
    options.threads = 1;
    st = dms_report_measure(&report, &answers, &options, err);
    for (int i = 0; st == DMS_OK && i < DMS_METRICS; i++)
        record->metrics[i] = report->metrics[i].value;
    for (size_t k = 0; st == DMS_OK && label_auc && k < o->width; k++)
        label_auc[k] = report->labels[k].metrics[DMS_LABEL_METRIC_AUC].value;
    dms_report_destroy(report);
    return st;
}

/* Fill in the outcome. */
static dms_status run(validation *v, dms_error *err)
{
    dms_trainer *t = v->trainer;
    const dms_feed feed = {.fill = show_patients,
                           .take = take_answers,
                           .user = v,
                           .total = t->patients.val_count,
                           .stage = "validation"};
    /* a stop waits for the checkpoint that follows */
    const dms_monitor show = {.user = t->monitor ? t->monitor->user : NULL,
                              .progress =
                                  t->monitor ? t->monitor->progress : NULL};
    size_t done;
    dms_status st;

    dms_engine_weights_changed(t->nets.validator);
    TRY(outcome_init(&v->outcome, t->patients.val_count,
                     (size_t)t->config.architecture.labels, err));
    TRY(dms_engine_run(&done, t->nets.validator, &feed, &show, err));
done:
    return st;
}

dms_status dms_trainer_validate(dms_trainer *t, dms_epoch_record *record,
                                dms_error *err)
{
    dms_status st = DMS_OK;
    size_t width = (size_t)t->config.architecture.labels;
    double *label_auc = t->outputs.events.label_auc;
    double began = dms_clock_now();
    validation v = {.trainer = t};

    record->val_loss = NAN;
    for (int i = 0; i < DMS_METRICS; i++)
        record->metrics[i] = NAN;
    for (size_t k = 0; label_auc && k < width; k++)
        label_auc[k] = NAN;
    if (t->patients.val_count == 0)
        return DMS_OK;
    TRY(run(&v, err));
    TRY(measure(t, &v.outcome, record, err));
    t->validate_seconds = dms_clock_now() - began;
done:
    outcome_release(&v.outcome);
    return st;
}

dms_status dms_trainer_answer(double *probabilities, uint8_t *labels,
                              dms_trainer *t, dms_error *err)
{
    size_t n = t->patients.val_count;
    size_t cells = n * (size_t)t->config.architecture.labels;
    validation v = {.trainer = t};
    dms_status st;

    TRY(run(&v, err));
    decide(&v.outcome, n, t->config.labels);
    memcpy(probabilities, v.outcome.probabilities,
           cells * sizeof *probabilities);
    memcpy(labels, v.outcome.labels, cells);
done:
    outcome_release(&v.outcome);
    return st;
}
