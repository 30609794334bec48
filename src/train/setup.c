/* Creates everything that a run needs, once and in this order: patients, model
 * configuration, plan of an epoch, weights, networks, optimiser. Relies on
 * options that dms_train_options_check has accepted. */
#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "net/compute.h"
#include "net/model_file.h"
#include "train/adapt.h"
#include "train/map_cache.h"
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
    if (!o->pos_weight)
        goto done;
    t->pos_weight = dms_calloc(count, sizeof *t->pos_weight);
    if (!t->pos_weight) {
        st = dms_fail_memory(err, "weights of positives");
        goto done;
    }
    dms_train_patients_weights(t->pos_weight, &t->patients);
    t->loss.pos_weight = t->pos_weight;
done:
    return st;
}

/* Maps can be stored if neither the backbone's weights nor the photographs
 * change. */
static void choose_maps(dms_trainer *t)
{
    bool frozen = t->options->backbone_lr == 0;

    t->augments = dms_train_augments(t->options);
    t->nets.has_maps = frozen && !t->augments;
    if (frozen && t->augments)
        dms_log(t->monitor, DMS_LOG_INFO,
                "the backbone is frozen, but runs in every step since "
                "photographs are augmented; with --no-augment (augment: "
                "false) it would run once and epochs take seconds");
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

/* The settings with which the backbone is trained, or its maps are computed. */
static dms_compute compute_of(const dms_trainer *t)
{
    return (dms_compute){.precision = t->options->precision,
                         .winograd = t->options->winograd,
                         .deterministic = t->options->deterministic};
}

static dms_status make_net(dms_net **net, dms_trainer *t, int patients,
                           dms_error *err)
{
    dms_net_options options = {.patients = patients,
                               .mode = DMS_RUN_TRAINING,
                               .dropout = (float)t->options->dropout,
                               .recompute = t->options->checkpoint_activations,
                               .zero_init_residual =
                                   t->options->zero_init_residual,
                               .labels = t->config.labels};
    dms_compute compute = compute_of(t);
    dms_status st;

    st = dms_compute_apply(&options, &compute, NULL, 0, err);
    if (st != DMS_OK)
        return st;
    if (t->nets.has_maps) {
        options.part = DMS_NET_FROM_MAP;
        options.map_type = options.type;
        options.type = DMS_TYPE_F32;
    }
    return dms_net_create(net, &t->config.architecture, t->nets.params,
                          &options, err);
}

/* The validator runs in float32, but stored maps have the backbone's
 * precision. */
static dms_status make_validator(dms_trainer *t, dms_error *err)
{
    dms_compute compute = t->nets.has_maps
                              ? compute_of(t)
                              : (dms_compute){.precision = DMS_PRECISION_FP32};

    compute.workers = 1;
    return dms_engine_create(
        &t->nets.validator,
        &(dms_engine_options){.arch = &t->config.architecture,
                              .labels = t->config.labels,
                              .params = t->nets.eval_params,
                              .batch = t->options->batch,
                              .size = t->options->size,
                              .compute = &compute,
                              .part = t->nets.has_maps ? DMS_NET_FROM_MAP
                                                       : DMS_NET_WHOLE},
        err);
}

static dms_status make_nets(dms_trainer *t, dms_error *err)
{
    int batch = t->options->batch;
    size_t labels = (size_t)t->config.architecture.labels;
    dms_status st = DMS_OK;

    if (t->patients.train_count >= (size_t)batch)
        TRY(make_net(&t->nets.net, t, batch, err));
    if (t->nets.rest)
        TRY(make_net(&t->nets.net_rest, t, t->nets.rest, err));
    if (t->patients.val_count)
        TRY(make_validator(t, err));
    t->nets.targets =
        dms_calloc((size_t)batch * labels, sizeof *t->nets.targets);
    t->nets.eye_targets =
        dms_calloc((size_t)batch * 2 * labels, sizeof *t->nets.eye_targets);
    if (!t->nets.targets || !t->nets.eye_targets)
        st = dms_fail_memory(err, "targets");
done:
    return st;
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

static size_t net_memory(const dms_net *net)
{
    return net ? dms_net_memory(net) : 0;
}

static void say_memory(const dms_trainer *t)
{
    size_t nets =
        net_memory(t->nets.net) + net_memory(t->nets.net_rest) +
        (t->nets.validator ? net_memory(dms_engine_net(t->nets.validator, 0))
                           : 0);
    size_t weights =
        (t->nets.params->total + t->nets.params->trained +
         t->nets.eval_params->total) *
            sizeof(float) +
        dms_optimizer_memory(t->nets.params, &t->nets.optimizer->options);

    dms_log(t->monitor, DMS_LOG_INFO,
            "memory: %zu MB (%zu weights and optimiser, %zu activations and "
            "gradients), and %zu to write a checkpoint",
            (nets + weights) >> 20, weights >> 20, nets >> 20,
            dms_checkpoint_bytes(t->nets.optimizer) >> 20);
    dms_log(t->monitor, DMS_LOG_INFO,
            "training on %zu patients in %lld batches, validating on %zu",
            t->patients.train_count, (long long)t->nets.batches,
            t->patients.val_count);
}

dms_status dms_trainer_open_maps(dms_trainer *t, dms_error *err)
{
    dms_compute compute = compute_of(t);

    if (!t->nets.has_maps)
        return DMS_OK;
    return dms_map_cache_open(&t->patients.maps, &t->patients,
                              &t->config.architecture, t->nets.eval_params,
                              &compute, t->monitor, err);
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
    dms_compute compute = compute_of(t);
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
    TRY(dms_train_patients_split(&t->patients, t->monitor, err));
    TRY(dms_trainer_check_metric(t, err));
    TRY(dms_train_patients_prepare(&t->patients, t->monitor, err));
    TRY(dms_trainer_check_metric(t, err));
    TRY(configure(t, err));
    choose_maps(t);
    plan(t);
    TRY(dms_train_weights_make(t, err));
    TRY(adapt(t, err));
    TRY(make_nets(t, err));
    TRY(make_optimizer(t, err));
    say_memory(t);
done:
    return st;
}
