/* A run from its first look at the options to its last model file. */
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "net/model_file.h"
#include "train/threads.h"

double dms_clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double dms_trainer_elapsed(const dms_trainer *trainer)
{
    return dms_clock_now() - trainer->clock_start;
}

dms_status dms_trainer_save(dms_trainer *t, dms_error *err)
{
    t->state.elapsed = dms_trainer_elapsed(t);
    t->checkpoint_clock = dms_clock_now();
    return dms_checkpoint_write(t->checkpoint_path, &t->state, t->optimizer,
                                err);
}

static void release(dms_trainer *t)
{
    dms_net_destroy(t->net);
    dms_net_destroy(t->net_rest);
    dms_net_destroy(t->net_eval);
    dms_optimizer_destroy(t->optimizer);
    dms_params_destroy(t->params);
    dms_params_destroy(t->eval_params);
    dms_train_patients_close(&t->patients);
    dms_metrics_log_release(&t->state.log);
    dms_free(t->targets);
    dms_free(t->eye_targets);
    dms_free(t->checkpoint_path);
    dms_free(t->best_path);
    dms_free(t->last_path);
}

static dms_status open_folder(dms_trainer *t, dms_error *err)
{
    const char *run = t->options->run;
    dms_status st;

    TRY(dms_run_folder_open(run, err));
    t->checkpoint_path = dms_path_join(run, "checkpoint.safetensors");
    t->best_path = dms_path_join(run, "best.safetensors");
    t->last_path = dms_path_join(run, "last.safetensors");
    if (!t->checkpoint_path || !t->best_path || !t->last_path)
        st = dms_fail_memory(err, run);
    else if (!t->options->resume && access(t->checkpoint_path, F_OK) == 0)
        st = dms_fail(err, DMS_EINVAL,
                      "%s: there is a run already: resume it, or give "
                      "another run folder",
                      run);
done:
    return st;
}

static void configure(dms_trainer *t)
{
    const dms_train_options *o = t->options;

    t->config = dms_model_config_default();
    t->config.architecture =
        (dms_architecture){o->backbone, o->context, o->fusion, o->eyes,
                           o->task,     o->width,   o->size};
    t->config.preprocess =
        (dms_preprocess){o->size, o->crop, o->filter, o->enhance};
    t->loss = (dms_loss_options){.task = o->task,
                                 .kind = o->loss,
                                 .eye_weight = o->eye_weight,
                                 .smoothing = o->smoothing,
                                 .focal_gamma = o->focal_gamma,
                                 .focal_alpha = o->focal_alpha,
                                 .gamma_pos = o->gamma_pos,
                                 .gamma_neg = o->gamma_neg,
                                 .clip = o->clip};
    for (int k = 0; k < DMS_LABELS; k++)
        t->loss.pos_weight[k] = 1;
    if (o->pos_weight)
        dms_train_patients_weights(t->loss.pos_weight, &t->patients);
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

/* Fresh weights, or those of a model file of the same architecture. */
static dms_status make_params(dms_trainer *t, dms_error *err)
{
    const dms_train_options *o = t->options;
    const dms_architecture *arch = &t->config.architecture;
    dms_model_config found;
    dms_status st;

    if (o->init[0]) {
        TRY(dms_model_file_read(&found, &t->params, o->init, true, t->monitor,
                                err));
        if (found.architecture.backbone != arch->backbone ||
            found.architecture.context != arch->context ||
            found.architecture.fusion != arch->fusion ||
            found.architecture.width != arch->width)
            st = dms_fail(
                err, DMS_EMISMATCH,
                "%s: holds %s, context %s, fusion %s, width %d; "
                "the options ask for %s, %s, %s, %d",
                o->init, dms_backbone_name(found.architecture.backbone),
                dms_context_name(found.architecture.context),
                dms_fusion_name(found.architecture.fusion),
                found.architecture.width, dms_backbone_name(arch->backbone),
                dms_context_name(arch->context), dms_fusion_name(arch->fusion),
                arch->width);
        goto done;
    }
    t->params = dms_params_create();
    if (!t->params)
        return dms_fail_memory(err, "parameters");
    TRY(dms_net_declare(t->params, arch, true, o->zero_init_residual, err));
    TRY(dms_params_allocate(t->params, true, err));
    TRY(dms_params_fill(t->params, o->seed, err));
done:
    return st;
}

static dms_status make_eval_params(dms_trainer *t, dms_error *err)
{
    dms_status st;

    t->eval_params = dms_params_create();
    if (!t->eval_params)
        return dms_fail_memory(err, "parameters");
    TRY(dms_net_declare(t->eval_params, &t->config.architecture, false, false,
                        err));
    TRY(dms_params_allocate(t->eval_params, false, err));
done:
    return st;
}

static dms_status make_net(dms_net **net, dms_trainer *t, int patients,
                           bool training, dms_error *err)
{
    dms_net_options options = {
        .patients = patients,
        .training = training,
        .frozen_backbone = training && t->options->backbone_lr == 0,
        .dropout = training ? (float)t->options->dropout : 0.0f,
        .zero_init_residual = t->options->zero_init_residual};

    return dms_net_create(net, &t->config.architecture,
                          training ? t->params : t->eval_params, &options, err);
}

static dms_status make_nets(dms_trainer *t, dms_error *err)
{
    int batch = t->options->batch;
    dms_status st = DMS_OK;

    if (t->patients.train_count >= (size_t)batch)
        TRY(make_net(&t->net, t, batch, true, err));
    if (t->rest)
        TRY(make_net(&t->net_rest, t, t->rest, true, err));
    if (t->patients.val_count)
        TRY(make_net(&t->net_eval, t, batch, false, err));
    t->targets = dms_calloc((size_t)batch * DMS_LABELS, sizeof *t->targets);
    t->eye_targets =
        dms_calloc((size_t)batch * 2 * DMS_LABELS, sizeof *t->eye_targets);
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
        net_memory(t->net) + net_memory(t->net_rest) + net_memory(t->net_eval);
    size_t weights =
        (t->params->total + t->params->trained + t->eval_params->total) *
            sizeof(float) +
        dms_optimizer_memory(t->params, &t->optimizer->options);

    dms_log(t->monitor, DMS_LOG_INFO,
            "memory: %zu MB (%zu weights and optimiser, %zu activations and "
            "gradients), and %zu to write a checkpoint",
            (nets + weights) >> 20, weights >> 20, nets >> 20, weights >> 20);
    dms_log(t->monitor, DMS_LOG_INFO,
            "training on %zu patients in %lld batches, validating on %zu",
            t->patients.train_count, (long long)t->batches,
            t->patients.val_count);
}

static dms_status resume(dms_trainer *t, dms_error *err)
{
    uint64_t digest = dms_train_patients_digest(&t->patients);
    char *previous = dms_checkpoint_previous(t->checkpoint_path);
    dms_status st;

    if (!previous)
        return dms_fail_memory(err, "resume");
    if (access(t->checkpoint_path, F_OK) != 0 && access(previous, F_OK) != 0) {
        dms_log(t->monitor, DMS_LOG_INFO,
                "%s: no checkpoint yet; the run starts at its beginning",
                t->options->run);
        st = DMS_OK;
        goto done;
    }
    TRY(dms_checkpoint_read_state(&t->state, t->checkpoint_path, t->monitor,
                                  err));
    TRY(dms_resume_check(&t->state, t->options, digest, err));
    TRY(dms_checkpoint_read_tensors(t->optimizer, t->checkpoint_path, err));
    dms_log(t->monitor, DMS_LOG_INFO, "resuming in epoch %lld, batch %lld",
            (long long)t->state.epoch + 1, (long long)t->state.batch + 1);
done:
    dms_free(previous);
    return st;
}

/* Fresh state, or the checkpoint's. */
static dms_status begin(dms_trainer *t, dms_error *err)
{
    dms_status st = DMS_OK;

    t->state.best_metric = NAN;
    if (t->options->resume)
        TRY(resume(t, err));
    t->state.data_digest = dms_train_patients_digest(&t->patients);
    if (dms_options_format_yaml(t->state.options, sizeof t->state.options,
                                t->options, dms_train_option_table(),
                                NULL) >= sizeof t->state.options) {
        st = dms_fail(err, DMS_ELIMIT, "the options are too long as text");
        goto done;
    }
    t->clock_start = dms_clock_now() - t->state.elapsed;
    t->checkpoint_clock = dms_clock_now();
    TRY(dms_run_folder_describe(t, err));
done:
    return st;
}

static dms_status write_model(dms_trainer *t, const char *path,
                              const dms_epoch_record *record, dms_error *err)
{
    char metric[32] = "null";

    if (isfinite(record->metrics[t->metric]))
        snprintf(metric, sizeof metric, "%.17g", record->metrics[t->metric]);
    snprintf(t->config.provenance, sizeof t->config.provenance,
             "{\"training\": {\"epoch\": %lld, \"step\": %lld, \"seed\": "
             "\"%llu\", \"data_digest\": \"%016llx\", \"averaged\": %s, "
             "\"metric\": \"%s\", \"value\": %s}}",
             (long long)record->epoch, (long long)record->step,
             (unsigned long long)t->options->seed,
             (unsigned long long)t->state.data_digest,
             record->averaged ? "true" : "false", dms_metric_name(t->metric),
             metric);
    return dms_model_file_write(path, &t->config, t->eval_params,
                                t->eval_params->value, err);
}

/* Better than the best so far? Without a defined figure each epoch is. */
static bool is_best(const dms_trainer *t, const dms_epoch_record *record)
{
    double now = record->metrics[t->metric], best = t->state.best_metric;

    return isnan(best) || (!isnan(now) && now > best);
}

/* The averaged weights, or where there are none the weights, go to the
 * evaluation's own table: those in training are not touched. */
static dms_status copy_weights(dms_trainer *t, dms_error *err)
{
    const float *weights = dms_optimizer_weights(t->optimizer);

    for (size_t i = 0; i < t->eval_params->count; i++) {
        const dms_param *to = &t->eval_params->items[i];
        const dms_param *from = dms_params_find(t->params, to->name);

        if (!from || from->len != to->len || to->block_out != 1 ||
            to->block_in != 1)
            return dms_fail(err, DMS_EINTERNAL,
                            "tensor %s differs between training and "
                            "evaluation",
                            to->name);
        dms_param_unpack(from, t->eval_params->value + to->offset,
                         weights + from->offset);
    }
    return DMS_OK;
}

/* Measure and write model files. */
static dms_status judge(dms_trainer *t, dms_epoch_record *record,
                        dms_error *err)
{
    dms_status st;

    record->averaged = t->optimizer->average != NULL;
    TRY(copy_weights(t, err));
    TRY(dms_trainer_validate(t, record, err));
    record->best = is_best(t, record);
    TRY(write_model(t, t->last_path, record, err));
    if (record->best)
        TRY(write_model(t, t->best_path, record, err));
done:
    return st;
}

static void remember(dms_trainer *t, const dms_epoch_record *record)
{
    dms_train_state *s = &t->state;

    s->stale_epochs = record->best ? 0 : s->stale_epochs + 1;
    if (record->best) {
        s->best_metric = record->metrics[t->metric];
        s->best_epoch = record->epoch;
    }
    s->epoch++;
    s->batch = 0, s->loss_sum = 0, s->patients_seen = 0, s->epoch_seconds = 0;
}

static dms_status finish_epoch(dms_trainer *t, dms_error *err)
{
    const dms_train_state *s = &t->state;
    double began = dms_clock_now();
    double seen = (double)s->patients_seen;
    dms_epoch_record record = {
        .epoch = s->epoch + 1,
        .step = t->optimizer->step,
        .train_loss = seen > 0 ? s->loss_sum / seen : NAN,
        .images_per_s = seen > 0 ? 2 * seen / s->epoch_seconds : 0,
        .lr = dms_schedule_rate(&t->schedule, t->optimizer->step - 1,
                                t->options->time_limit > 0
                                    ? dms_trainer_elapsed(t) /
                                          t->options->time_limit
                                    : 0)};
    dms_status st;

    TRY(judge(t, &record, err));
    record.seconds = s->epoch_seconds + dms_clock_now() - began;
    TRY(dms_metrics_log_add(&t->state.log, &record, err));
    remember(t, &record);
    TRY(dms_metrics_log_write(&t->state.log, t->options->run, err));
    TRY(dms_trainer_save(t, err));
    dms_log(t->monitor, DMS_LOG_INFO,
            "epoch %lld: loss %.4f, validation loss %.4f, %s %.4f%s",
            (long long)record.epoch, record.train_loss, record.val_loss,
            dms_metric_name(t->metric), record.metrics[t->metric],
            record.best ? " (best)" : "");
done:
    return st;
}

static dms_status run(dms_trainer *t, dms_error *err)
{
    const dms_train_options *o = t->options;
    dms_status st = DMS_OK;
    bool time_over = o->time_limit > 0 && t->state.elapsed >= o->time_limit;

    t->end = time_over ? DMS_TRAIN_END_TIME : DMS_TRAIN_END_EPOCHS;
    while (!time_over && t->state.epoch < o->epochs) {
        if (o->patience && t->state.stale_epochs >= o->patience) {
            t->end = DMS_TRAIN_END_EARLY;
            break;
        }
        TRY(dms_trainer_run_epoch(t, &time_over, err));
        if (time_over)
            t->end = DMS_TRAIN_END_TIME;
        if (time_over && t->state.batch == 0 && t->state.epoch > 0)
            break; /* nothing new since the last validation */
        TRY(finish_epoch(t, err));
    }
done:
    return st;
}

static dms_train_result result_of(const dms_trainer *t)
{
    const dms_train_state *s = &t->state;
    const dms_epoch_record *last =
        s->log.count ? &s->log.records[s->log.count - 1] : NULL;

    return (dms_train_result){
        .end = t->end,
        .epochs = (int)s->log.count,
        .steps = t->optimizer->step,
        .seconds = dms_trainer_elapsed(t),
        .best_epoch = (int)s->best_epoch,
        .best_metric = s->best_metric,
        .train_loss = last ? last->train_loss : NAN,
        .val_loss = last ? last->val_loss : NAN,
    };
}

dms_status dms_train(const dms_train_options *options,
                     const dms_monitor *monitor, dms_train_result *result,
                     dms_error *err)
{
    dms_status st;
    dms_trainer *t = dms_calloc(1, sizeof *t);
    int threads = 0;

    if (!t)
        return dms_fail_memory(err, "trainer");
    t->options = options;
    t->monitor = monitor;
    TRY(dms_train_options_check(options, err));
    threads = dms_threads_use(options->threads);
    dms_metric_find(&t->metric, options->metric);
    TRY(open_folder(t, err));
    TRY(dms_train_patients_open(&t->patients, options, monitor, err));
    configure(t);
    plan(t);
    TRY(make_params(t, err));
    TRY(make_eval_params(t, err));
    TRY(make_nets(t, err));
    TRY(make_optimizer(t, err));
    say_memory(t);
    TRY(begin(t, err));
    st = run(t, err);
    if (result && (st == DMS_OK || st == DMS_ESTOPPED))
        *result = result_of(t);
done:
    dms_threads_use(threads);
    release(t);
    dms_free(t);
    return st;
}
