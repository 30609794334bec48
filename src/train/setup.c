/* Everything that a run needs, made once. */
#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "net/compute.h"
#include "net/import.h"
#include "net/model_file.h"
#include "train/map_cache.h"
#include "train/trainer.h"

/* The figure that chooses the best epoch: the one that is asked for, if these
 * labels have it, or the one that goes with them. */
static dms_status choose_metric(dms_trainer *t, dms_error *err)
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

static dms_status configure(dms_trainer *t, dms_error *err)
{
    const dms_train_options *o = t->options;
    const dms_label_set *labels = t->patients.labels;
    size_t count = (size_t)dms_label_set_count(labels);
    dms_status st;

    TRY(choose_metric(t, err));
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

/* Prefixes of the rows that the run does not train; NULL behind the last. */
static const char *const *frozen_rows(const dms_train_options *options)
{
    static const char *const backbone[] = {"backbone.", NULL};
    static const char *const none[] = {NULL};

    return options->backbone_lr == 0 ? backbone : none;
}

/* Maps can be kept where neither weights nor photographs change. */
static void choose_maps(dms_trainer *t)
{
    bool frozen = t->options->backbone_lr == 0;

    t->augments = dms_train_augments(t->options);
    t->has_maps = frozen && !t->augments;
    if (frozen && t->augments)
        dms_log(t->monitor, DMS_LOG_INFO,
                "the backbone is frozen, but runs in every step since "
                "photographs are augmented; with --no-augment (augment: "
                "false) it would run once and epochs take seconds");
}

/* How an epoch falls into batches. Batch statistics need two patients, so a
 * last batch of one is dropped. */
static void plan(dms_trainer *t)
{
    const dms_train_options *o = t->options;
    size_t count = t->patients.train_count, batch = (size_t)o->batch;
    double per_epoch;

    t->rest = (int)(count % batch);
    if (t->rest == 1) {
        dms_log(t->monitor, DMS_LOG_INFO,
                "%zu training patients in batches of %zu leave one over; it "
                "is another one each epoch",
                count, batch);
        t->rest = 0;
    }
    t->batches = (int64_t)(count / batch) + (t->rest > 0);
    per_epoch = (double)t->batches / o->accumulate;
    t->schedule = (dms_schedule){
        .kind = o->schedule,
        .lr = o->lr,
        .steps = (int64_t)fmax(1, floor(per_epoch * o->epochs)),
        .warmup_steps = (int64_t)(per_epoch * o->warmup + 0.5),
        .step_every = per_epoch * o->step_epochs,
        .step_factor = o->step_factor,
    };
}

static dms_status refuse_labels(const char *path, const dms_label_set *found,
                                const dms_label_set *wanted, dms_error *err)
{
    char has[160], wants[160];

    dms_label_set_text(has, sizeof has, found);
    dms_label_set_text(wants, sizeof wants, wanted);
    return dms_fail(
        err, DMS_EMISMATCH,
        "%s: is a model of the labels %s%s; the data has %s%s", path,
        dms_label_set_task(found) == DMS_TASK_SINGLE_LABEL ? "one of " : "",
        has,
        dms_label_set_task(wanted) == DMS_TASK_SINGLE_LABEL ? "one of " : "",
        wants);
}

/* A model file's weights, whole. */
static dms_status read_init(dms_trainer *t, dms_error *err)
{
    const char *path = t->options->init;
    const dms_architecture *arch = &t->config.architecture;
    dms_model_config config = {0};
    const dms_architecture *found = &config.architecture;
    dms_status st = dms_model_file_read(
        &config, &t->params, path, frozen_rows(t->options), t->monitor, err);

    if (st == DMS_OK &&
        (found->backbone != arch->backbone || found->context != arch->context ||
         found->fusion != arch->fusion || found->width != arch->width))
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: holds %s, context %s, fusion %s, width %d; "
                      "the options ask for %s, %s, %s, %d",
                      path, dms_backbone_name(found->backbone),
                      dms_context_name(found->context),
                      dms_fusion_name(found->fusion), found->width,
                      dms_backbone_name(arch->backbone),
                      dms_context_name(arch->context),
                      dms_fusion_name(arch->fusion), arch->width);
    if (st == DMS_OK && !dms_label_sets_equal(config.labels, t->config.labels))
        st = refuse_labels(path, config.labels, t->config.labels, err);
    dms_model_config_release(&config);
    return st;
}

/* Another program's backbone over fresh weights. */
static dms_status read_pretrained(dms_trainer *t, dms_error *err)
{
    const char *path = t->options->pretrained;
    dms_backbone wanted = t->config.architecture.backbone;
    dms_import import = {0};
    dms_import_report report = {0};
    bool *taken = dms_calloc(t->params->count, sizeof *taken);
    dms_status st = DMS_OK;

    if (!taken)
        return dms_fail_memory(err, path);
    TRY(dms_import_open(&import, path, "", err));
    if (import.backbone != wanted) {
        st = dms_fail(
            err, DMS_EMISMATCH, "%s: holds %s; the options ask for %s", path,
            dms_backbone_name(import.backbone), dms_backbone_name(wanted));
        goto done;
    }
    TRY(dms_import_take(t->params, taken, &report, &import, true, err));
    dms_log(t->monitor, DMS_LOG_INFO,
            "%s: %zu tensors of %s taken, %zu left out", path,
            report.fates[DMS_IMPORT_TAKEN], dms_backbone_name(wanted),
            report.fates[DMS_IMPORT_LEFT]);
    dms_import_warn(&import, &report, t->monitor);
done:
    dms_import_report_release(&report);
    dms_import_close(&import);
    dms_free(taken);
    return st;
}

/* Fresh weights, a model file's, or fresh ones behind a pretrained backbone.
 * A run that goes on gets its own from the checkpoint and last.safetensors. */
static dms_status make_params(dms_trainer *t, dms_error *err)
{
    const dms_train_options *o = t->options;
    const char *const *frozen = frozen_rows(o);
    dms_status st;

    if (o->init[0] && o->pretrained[0])
        return dms_fail(err, DMS_EINVAL,
                        "init and pretrained: give one of the two");
    if (o->init[0] && !t->resumes)
        return read_init(t, err);
    t->params = dms_params_create();
    if (!t->params)
        return dms_fail_memory(err, "parameters");
    TRY(dms_net_declare(t->params, &t->config.architecture, true,
                        o->zero_init_residual, err));
    for (; *frozen; frozen++)
        dms_params_freeze(t->params, *frozen);
    TRY(dms_params_allocate(t->params, true, err));
    TRY(dms_params_fill(t->params, o->seed, err));
    if (o->pretrained[0] && !t->resumes)
        TRY(read_pretrained(t, err));
done:
    return st;
}

static dms_status make_eval_params(dms_trainer *t, dms_error *err)
{
    const char *const *frozen = frozen_rows(t->options);
    dms_status st;

    t->eval_params = dms_params_create();
    if (!t->eval_params)
        return dms_fail_memory(err, "parameters");
    TRY(dms_net_declare(t->eval_params, &t->config.architecture, false, false,
                        err));
    for (; *frozen; frozen++)
        dms_params_freeze(t->eval_params, *frozen);
    TRY(dms_params_allocate(t->eval_params, false, err));
done:
    return st;
}

/* How the backbone is trained, or its maps are made. */
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
    if (t->has_maps) {
        options.part = DMS_NET_FROM_MAP;
        options.map_type = options.type;
        options.type = DMS_TYPE_F32;
    }
    return dms_net_create(net, &t->config.architecture, t->params, &options,
                          err);
}

/* In float32, but that kept maps are in whatever numbers the backbone runs. */
static dms_status make_validator(dms_trainer *t, dms_error *err)
{
    dms_compute compute = t->has_maps
                              ? compute_of(t)
                              : (dms_compute){.precision = DMS_PRECISION_FP32};

    compute.workers = 1;
    return dms_engine_create(
        &t->validator,
        &(dms_engine_options){.arch = &t->config.architecture,
                              .labels = t->config.labels,
                              .params = t->eval_params,
                              .batch = t->options->batch,
                              .size = t->options->size,
                              .compute = &compute,
                              .part = t->has_maps ? DMS_NET_FROM_MAP
                                                  : DMS_NET_WHOLE},
        err);
}

static dms_status make_nets(dms_trainer *t, dms_error *err)
{
    int batch = t->options->batch;
    size_t labels = (size_t)t->config.architecture.labels;
    dms_status st = DMS_OK;

    if (t->patients.train_count >= (size_t)batch)
        TRY(make_net(&t->net, t, batch, err));
    if (t->rest)
        TRY(make_net(&t->net_rest, t, t->rest, err));
    if (t->patients.val_count)
        TRY(make_validator(t, err));
    t->targets = dms_calloc((size_t)batch * labels, sizeof *t->targets);
    t->eye_targets =
        dms_calloc((size_t)batch * 2 * labels, sizeof *t->eye_targets);
    if (!t->targets || !t->eye_targets)
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
                                     .clip_norm = o->clip_norm,
                                     .ema_decay = o->ema_decay,
                                     .accumulate = o->accumulate};

    return dms_optimizer_create(&t->optimizer, t->params, &options, err);
}

static size_t net_memory(const dms_net *net)
{
    return net ? dms_net_memory(net) : 0;
}

static void say_memory(const dms_trainer *t)
{
    size_t nets =
        net_memory(t->net) + net_memory(t->net_rest) +
        (t->validator ? net_memory(dms_engine_net(t->validator, 0)) : 0);
    size_t weights =
        (t->params->total + t->params->trained + t->eval_params->total) *
            sizeof(float) +
        dms_optimizer_memory(t->params, &t->optimizer->options);

    dms_log(t->monitor, DMS_LOG_INFO,
            "memory: %zu MB (%zu weights and optimiser, %zu activations and "
            "gradients), and %zu to write a checkpoint",
            (nets + weights) >> 20, weights >> 20, nets >> 20,
            dms_checkpoint_bytes(t->optimizer) >> 20);
    dms_log(t->monitor, DMS_LOG_INFO,
            "training on %zu patients in %lld batches, validating on %zu",
            t->patients.train_count, (long long)t->batches,
            t->patients.val_count);
}

dms_status dms_trainer_open_maps(dms_trainer *t, dms_error *err)
{
    dms_compute compute = compute_of(t);

    if (!t->has_maps)
        return DMS_OK;
    return dms_map_cache_open(&t->patients.maps, &t->patients,
                              &t->config.architecture, t->eval_params, &compute,
                              t->monitor, err);
}

dms_status dms_trainer_setup(dms_trainer *t, dms_error *err)
{
    dms_status st;

    TRY(dms_train_patients_open(&t->patients, t->options, t->monitor, err));
    TRY(configure(t, err));
    choose_maps(t);
    plan(t);
    TRY(make_params(t, err));
    TRY(make_eval_params(t, err));
    TRY(make_nets(t, err));
    TRY(make_optimizer(t, err));
    say_memory(t);
done:
    return st;
}
