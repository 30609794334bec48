/* One batch: load photographs or maps, forward, loss, backward, and an
 * optimiser step if enough gradients are accumulated. Relies on setup.c for
 * nets and buffers. A value that is not finite never gets past a step. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/number.h"
#include "base/rng.h"
#include "train/mixup.h"
#include "train/trainer.h"

/* Compute the loss from the logits; its gradient is left in the net. */
static double evaluate_loss(dms_trainer *t, dms_net *net, int patients)
{
    dms_loss_batch batch = {
        .patients = patients,
        .patient_logits = dms_net_patient_logits(net),
        .eye_logits = dms_net_eye_logits(net),
        .patient_targets = t->nets.targets,
        .eye_targets = t->nets.eye_targets,
    };
    double loss =
        dms_loss_evaluate(dms_net_patient_gradient(net),
                          dms_net_eye_gradient(net), &batch, &t->loss);

    return dms_train_teacher_loss(t, net, patients, loss);
}

/* Report at which step the run diverged and which value did. The run's files
 * stay as the last good state left them. */
static dms_status diverged(const dms_trainer *t, const char *what, int64_t step,
                           dms_error *err)
{
    bool saved = access(t->outputs.checkpoint_path, F_OK) == 0;

    return dms_fail(err, DMS_EINVAL,
                    "epoch %lld, batch %lld, step %lld: %s: training diverged; "
                    "try a smaller lr than %g%s",
                    (long long)t->state.epoch + 1,
                    (long long)t->state.batch + 1, (long long)step, what,
                    t->options->lr,
                    saved ? "; the last good checkpoint is kept" : "");
}

/* Check running statistics, and the trained tensors from float `first` on. */
static dms_status check_tensors(const dms_trainer *t, size_t first,
                                int64_t step, dms_error *err)
{
    const dms_param *wrong =
        dms_params_find_wrong(t->nets.params, t->nets.params->value, first);
    char what[DMS_PARAM_NAME_MAX + 64];

    if (!wrong)
        return DMS_OK;
    snprintf(what, sizeof what, "tensor %s holds a value that is not finite",
             wrong->name);
    return diverged(t, what, step, err);
}

/* Compute the loss of one forward, which must be finite, and the logits'
 * gradient. */
static dms_status take_loss(double *loss, dms_trainer *t, dms_net *net,
                            int patients, dms_error *err)
{
    int64_t step = t->nets.optimizer->step + 1;
    char what[64];
    dms_status st;

    TRY(check_tensors(t, t->nets.params->trained, step, err));
    *loss = evaluate_loss(t, net, patients);
    dms_format(what, sizeof what, "the loss is %g", *loss);
    if (!isfinite(*loss))
        st = diverged(t, what, step, err);
done:
    return st;
}

static dms_status optimise(dms_trainer *t, double lr, dms_error *err)
{
    if (!dms_optimizer_add(t->nets.optimizer))
        return DMS_OK;
    if (isfinite(dms_optimizer_step(t->nets.optimizer, lr)))
        return check_tensors(t, 0, t->nets.optimizer->step, err);
    t->state.skipped_steps++;
    dms_log(t->monitor, DMS_LOG_WARNING,
            "epoch %lld: a gradient was not finite; that step was left out",
            (long long)t->state.epoch + 1);
    return DMS_OK;
}

static void mix(dms_trainer *t, dms_net *net, int patients, uint64_t key)
{
    const dms_train_options *o = t->options;

    if (t->augments && (o->mixup > 0 || o->cutmix > 0))
        dms_mixup_apply(&(dms_mixup_batch){.images = dms_net_images(net),
                                           .targets = t->nets.targets,
                                           .eye_targets = t->nets.eye_targets,
                                           .patients = patients,
                                           .side = (size_t)t->nets.phase.size,
                                           .labels = (size_t)t->loss.labels},
                        &(dms_mixup_alphas){o->mixup, o->cutmix}, key);
}

dms_status dms_trainer_step(dms_trainer *t, dms_error *err)
{
    int64_t number = t->state.batch;
    bool last = t->nets.rest > 0 && number == t->nets.batches - 1;
    int patients = last ? t->nets.rest : t->options->batch;
    dms_net *net = last ? t->nets.net_rest : t->nets.net;
    bool grows = t->options->start_size > 0;
    uint64_t place = (uint64_t)(t->state.epoch * t->nets.batches + number);
    const size_t *places = t->patients.order + number * t->options->batch;
    double loss, lr;
    dms_status st;

    dms_train_patients_fill(
        &t->patients, &(dms_train_batch){.images = dms_net_images(net),
                                         .maps = dms_net_map(net),
                                         .targets = t->nets.targets,
                                         .eye_targets = t->nets.eye_targets,
                                         .places = places,
                                         .count = (size_t)patients,
                                         .padded = (size_t)patients,
                                         .augmented = t->augments || grows,
                                         .epoch = t->state.epoch,
                                         .size = t->nets.phase.size});
    mix(t, net, patients, dms_hash_mix(t->options->seed, place));
    TRY(dms_train_teacher_look(t, dms_net_images(net), places, patients, err));
    TRY(dms_net_forward(net, dms_hash_mix(t->options->seed, place), err));
    TRY(take_loss(&loss, t, net, patients, err));
    TRY(dms_net_backward(net, err));
    lr = dms_trainer_rate(t, t->nets.optimizer->step);
    TRY(optimise(t, lr, err));
    t->state.loss_sum += loss * patients;
    t->state.patients_seen += patients;
    dms_train_events_batch(t, patients, loss, lr);
done:
    return st;
}
