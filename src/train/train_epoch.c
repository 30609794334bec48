#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/number.h"
#include "base/rng.h"
#include "train/trainer.h"

static double time_share(const dms_trainer *t)
{
    double limit = t->options->time_limit;

    return limit > 0 ? dms_trainer_elapsed(t) / limit : 0.0;
}

/* The limit counts the validation that still has to follow: as long as the
 * last one; before the first, a third of training on as many patients. */
static bool time_is_over(const dms_trainer *t)
{
    double validation = t->validate_seconds;
    double seen = (double)t->state.patients_seen;

    if (t->options->time_limit <= 0)
        return false;
    if (validation <= 0 && seen > 0)
        validation =
            (double)t->patients.val_count * t->state.epoch_seconds / seen / 3;
    return dms_trainer_elapsed(t) + validation >= t->options->time_limit;
}

/* Logits -> loss and its gradient, left in the net. */
static double evaluate_loss(dms_trainer *t, dms_net *net, int patients)
{
    dms_loss_batch batch = {
        .patients = patients,
        .patient_logits = dms_net_patient_logits(net),
        .eye_logits = dms_net_eye_logits(net),
        .patient_targets = t->targets,
        .eye_targets = t->eye_targets,
    };

    return dms_loss_evaluate(dms_net_patient_gradient(net),
                             dms_net_eye_gradient(net), &batch, &t->loss);
}

/* Say where the run went wrong and with what; its files stay as the last good
 * state left them. */
static dms_status diverged(const dms_trainer *t, const char *what, int64_t step,
                           dms_error *err)
{
    bool saved = access(t->checkpoint_path, F_OK) == 0;

    return dms_fail(err, DMS_EINVAL,
                    "epoch %lld, batch %lld, step %lld: %s: training diverged; "
                    "try a smaller lr than %g%s",
                    (long long)t->state.epoch + 1,
                    (long long)t->state.batch + 1, (long long)step, what,
                    t->options->lr,
                    saved ? "; the last good checkpoint is kept" : "");
}

/* Running statistics, and the trained tensors from float `first` on. */
static dms_status check_tensors(const dms_trainer *t, size_t first,
                                int64_t step, dms_error *err)
{
    const dms_param *wrong =
        dms_params_find_wrong(t->params, t->params->value, first);
    char what[DMS_PARAM_NAME_MAX + 64];

    if (!wrong)
        return DMS_OK;
    snprintf(what, sizeof what, "tensor %s holds a value that is not finite",
             wrong->name);
    return diverged(t, what, step, err);
}

/* A finite loss of one forward and the logits' gradient. */
static dms_status take_loss(double *loss, dms_trainer *t, dms_net *net,
                            int patients, dms_error *err)
{
    int64_t step = t->optimizer->step + 1;
    char what[64];
    dms_status st;

    TRY(check_tensors(t, t->params->trained, step, err));
    *loss = evaluate_loss(t, net, patients);
    dms_format(what, sizeof what, "the loss is %g", *loss);
    if (!isfinite(*loss))
        st = diverged(t, what, step, err);
done:
    return st;
}

static dms_status step(dms_trainer *t, dms_error *err)
{
    double lr =
        dms_schedule_rate(&t->schedule, t->optimizer->step, time_share(t));

    if (!dms_optimizer_add(t->optimizer))
        return DMS_OK;
    if (isfinite(dms_optimizer_step(t->optimizer, lr)))
        return check_tensors(t, 0, t->optimizer->step, err);
    t->state.skipped_steps++;
    dms_log(t->monitor, DMS_LOG_WARNING,
            "epoch %lld: a gradient was not finite; that step was left out",
            (long long)t->state.epoch + 1);
    return DMS_OK;
}

static dms_status train_batch(dms_trainer *t, dms_error *err)
{
    int64_t number = t->state.batch;
    bool last = t->rest > 0 && number == t->batches - 1;
    int patients = last ? t->rest : t->options->batch;
    dms_net *net = last ? t->net_rest : t->net;
    uint64_t place = (uint64_t)(t->state.epoch * t->batches + number);
    double loss;
    dms_status st;

    dms_train_patients_fill(
        &t->patients, &(dms_train_batch){.images = dms_net_images(net),
                                         .maps = dms_net_map(net),
                                         .targets = t->targets,
                                         .eye_targets = t->eye_targets,
                                         .places = t->patients.order +
                                                   number * t->options->batch,
                                         .count = (size_t)patients,
                                         .padded = (size_t)patients,
                                         .augmented = t->augments,
                                         .epoch = t->state.epoch});
    TRY(dms_net_forward(net, dms_hash_mix(t->options->seed, place), err));
    TRY(take_loss(&loss, t, net, patients, err));
    TRY(dms_net_backward(net, err));
    TRY(step(t, err));
    t->state.loss_sum += loss * patients;
    t->state.patients_seen += patients;
done:
    return st;
}

static void report(const dms_trainer *t)
{
    char stage[64], detail[128];

    snprintf(stage, sizeof stage, "epoch %lld/%d",
             (long long)t->state.epoch + 1, t->options->epochs);
    dms_format(
        detail, sizeof detail, "loss %.4f  lr %.2e  %.1f images/s",
        t->state.loss_sum / (double)t->state.patients_seen,
        dms_schedule_rate(&t->schedule, t->optimizer->step, time_share(t)),
        2 * (double)t->state.patients_seen / t->state.epoch_seconds);
    dms_progress(t->monitor, stage, (size_t)t->state.batch, (size_t)t->batches,
                 detail);
}

static dms_status stop(dms_trainer *t, dms_error *err)
{
    dms_status st;

    TRY(dms_trainer_save(t, err));
    st = dms_fail(err, DMS_ESTOPPED,
                  "stopped in epoch %lld after %lld of %lld batches; resume "
                  "goes on from %s",
                  (long long)t->state.epoch + 1, (long long)t->state.batch,
                  (long long)t->batches, t->checkpoint_path);
done:
    return st;
}

dms_status dms_trainer_run_epoch(dms_trainer *t, bool *time_over,
                                 dms_error *err)
{
    dms_status st = DMS_OK;

    *time_over = false;
    dms_train_patients_shuffle(&t->patients, t->state.epoch);
    while (t->state.batch < t->batches) {
        double began = dms_clock_now();

        if (dms_should_stop(t->monitor))
            return stop(t, err);
        if (time_is_over(t)) {
            *time_over = true;
            break;
        }
        TRY(train_batch(t, err));
        t->state.batch++;
        t->state.epoch_seconds += dms_clock_now() - began;
        report(t);
        if (dms_clock_now() - t->checkpoint_clock >
            t->options->checkpoint_interval)
            TRY(dms_trainer_save(t, err));
    }
done:
    return st;
}
