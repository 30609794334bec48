/* Creates what a run needs from its beginning to its end, in this order: table,
 * model configuration, weights, teacher, photographs, plan of an epoch,
 * optimiser.
 * Photographs come after all that can be refused without them. Relies on
 * options that dms_train_options_check has accepted. */
#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "net/model_file.h"
#include "train/adapt.h"
#include "train/trainer.h"

static dms_status configure(dms_trainer *t, dms_error *err)
{
    const dms_train_options *o = t->options;
    const dms_label_set *labels = t->patients.labels;
    size_t count = (size_t)dms_label_set_count(labels);
    dms_status st;

    TRY(dms_model_config_init(&t->config, labels, err));
    t->config.architecture = (dms_architecture){
        o->backbone, o->context, o->fusion, o->eyes, dms_label_set_task(labels),
        o->width,    o->size,    (int)count};
    t->config.preprocess =
        (dms_preprocess){o->size, o->crop, o->filter, o->enhance};
    t->loss = (dms_loss_options){.labels = (int)count,
                                 .task = dms_label_set_task(labels),
                                 .kind = o->loss,
                                 .eye_weight = o->eye_weight,
                                 .smoothing = o->smoothing,
                                 .focal_gamma = o->focal_gamma,
                                 .focal_alpha = o->focal_alpha,
                                 .gamma_pos = o->gamma_pos,
                                 .gamma_neg = o->gamma_neg,
                                 .clip = o->clip};
done:
    return st;
}

/* Weigh the loss by how frequent labels are among the training patients. */
static dms_status weigh_labels(dms_trainer *t, dms_error *err)
{
    size_t count = (size_t)t->loss.labels;

    if (!t->options->pos_weight)
        return DMS_OK;
    t->pos_weight = dms_calloc(count, sizeof *t->pos_weight);
    if (!t->pos_weight)
        return dms_fail_memory(err, "weights of positives");
    dms_train_patients_weights(t->pos_weight, &t->patients);
    t->loss.pos_weight = t->pos_weight;
    return DMS_OK;
}

/* Plan how an epoch is divided into batches. Batch statistics need two
 * patients, so a last batch of one patient is dropped. */
static void plan(dms_trainer *t)
{
    const dms_train_options *o = t->options;
    size_t count = t->patients.train_count, batch = (size_t)o->batch;
    double per_epoch;

    t->nets.rest = (int)(count % batch);
    if (t->nets.rest == 1) {
        dms_log(t->monitor, DMS_LOG_INFO,
                "%zu training patients in batches of %zu leave one out; it "
                "is a different one each epoch",
                count, batch);
        t->nets.rest = 0;
    }
    t->nets.batches = (int64_t)(count / batch) + (t->nets.rest > 0);
    per_epoch = (double)t->nets.batches / o->accumulate;
    t->schedule = (dms_schedule){
        .kind = o->schedule,
        .lr = o->lr,
        .steps = (int64_t)fmax(1, floor(per_epoch * o->epochs)),
        .warmup_steps = (int64_t)(per_epoch * o->warmup + 0.5),
        .step_every = per_epoch * o->step_epochs,
        .step_factor = o->step_factor,
    };
}

static dms_status make_targets(dms_train_nets *nets, const dms_trainer *t,
                               dms_error *err)
{
    size_t batch = (size_t)t->options->batch;
    size_t labels = (size_t)t->config.architecture.labels;

    nets->targets = dms_calloc(batch * labels, sizeof(float));
    nets->eye_targets = dms_calloc(2 * batch * labels, sizeof(float));
    return nets->targets && nets->eye_targets ? DMS_OK
                                              : dms_fail_memory(err, "targets");
}

static dms_status make_optimizer(dms_trainer *t, dms_error *err)
{
    const dms_train_options *o = t->options;
    dms_optimizer_options options = {.kind = o->optimizer,
                                     .weight_decay = o->weight_decay,
                                     .momentum = o->momentum,
                                     .nesterov = o->nesterov,
                                     .beta1 = o->beta1,
                                     .beta2 = o->beta2,
                                     .backbone_lr = o->backbone_lr,
                                     .stage_decay = o->stage_decay,
                                     .clip_norm = o->clip_norm,
                                     .ema_decay = o->ema_decay,
                                     .accumulate = o->accumulate};

    return dms_optimizer_create(&t->nets.optimizer, t->nets.params, &options,
                                err);
}

/* Copy the adapted norms' statistics into the table in training. */
static void take_statistics(dms_train_nets *nets)
{
    for (size_t i = 0; i < nets->params->count; i++) {
        const dms_param *to = &nets->params->items[i];
        const dms_param *from = dms_params_find(nets->eval_params, to->name);

        if (to->role == DMS_PARAM_STAT || to->role == DMS_PARAM_COUNT)
            dms_param_pack(to, nets->params->value + to->offset,
                           nets->eval_params->value + from->offset);
    }
}

/* Adapt the norms before the optimiser is created: its average starts with
 * these values. A resumed run reads them from its checkpoint. */
static dms_status adapt(dms_trainer *t, dms_error *err)
{
    const dms_train_options *o = t->options;
    dms_compute compute = dms_train_compute(t->options);
    dms_status st;

    if (o->adapt_norms == 0 || t->outputs.resumes)
        return DMS_OK;
    TRY(dms_train_weights_copy(&t->nets, true, err));
    TRY(dms_adapt_norms(&(dms_norm_adaptation){.config = &t->config,
                                               .params = t->nets.eval_params,
                                               .loader = t->patients.plain,
                                               .patients = t->patients.train,
                                               .count = t->patients.train_count,
                                               .batch = o->batch,
                                               .batches = o->adapt_norms,
                                               .seed = o->seed,
                                               .compute = &compute,
                                               .monitor = t->monitor},
                        err));
    take_statistics(&t->nets);
done:
    return st;
}

dms_status dms_trainer_setup(dms_trainer *t, dms_error *err)
{
    dms_status st;

    TRY(dms_train_patients_open(&t->patients, t->options, t->monitor, err));
    TRY(dms_trainer_choose_metric(t, err));
    TRY(configure(t, err));
    TRY(dms_train_weights_make(t, err));
    TRY(dms_train_teacher_open(t, err));
    TRY(dms_train_patients_split(&t->patients, t->monitor, err));
    TRY(dms_trainer_check_metric(t, err));
    TRY(dms_train_patients_prepare(&t->patients, t->monitor, err));
    TRY(dms_trainer_check_metric(t, err));
    TRY(weigh_labels(t, err));
    TRY(dms_train_teacher_start(t, err));
    t->augments = dms_train_augments(t->options);
    plan(t);
    TRY(adapt(t, err));
    TRY(make_targets(&t->nets, t, err));
    TRY(make_optimizer(t, err));
done:
    return st;
}
