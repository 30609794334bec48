/* A run from its first look at the options to its last model file. */
#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "formats/json.h"
#include "net/model_file.h"
#include "train/frozen.h"
#include "machine/threads.h"

double dms_trainer_elapsed(const dms_trainer *trainer)
{
    return dms_clock_now() - trainer->clock_start;
}

static void release(dms_trainer *t)
{
    dms_net_destroy(t->net);
    dms_net_destroy(t->net_rest);
    dms_engine_destroy(t->validator);
    dms_optimizer_destroy(t->optimizer);
    dms_params_destroy(t->params);
    dms_params_destroy(t->eval_params);
    dms_train_patients_close(&t->patients);
    dms_metrics_log_release(&t->state.log);
    dms_model_config_release(&t->config);
    dms_free(t->pos_weight);
    dms_free(t->targets);
    dms_free(t->eye_targets);
    dms_free(t->checkpoint_path);
    dms_free(t->best_path);
    dms_free(t->last_path);
}

static dms_status open_folder(dms_trainer *t, dms_error *err)
{
    const char *run = t->options->run;
    char *previous = NULL;
    bool exists;
    dms_status st;

    TRY(dms_run_folder_open(run, err));
    t->checkpoint_path = dms_path_join(run, "checkpoint.safetensors");
    t->best_path = dms_path_join(run, "best.safetensors");
    t->last_path = dms_path_join(run, "last.safetensors");
    if (t->checkpoint_path)
        previous = dms_checkpoint_previous(t->checkpoint_path);
    if (!previous || !t->best_path || !t->last_path) {
        st = dms_fail_memory(err, run);
        goto done;
    }
    exists = access(t->checkpoint_path, F_OK) == 0;
    t->resumes = t->options->resume && (exists || access(previous, F_OK) == 0);
    if (!t->options->resume && exists)
        st = dms_fail(err, DMS_EINVAL,
                      "%s: there is a run already: resume it, or give "
                      "another run folder",
                      run);
    else if (t->options->resume && !t->resumes)
        dms_log(t->monitor, DMS_LOG_INFO,
                "%s: no checkpoint yet; the run starts at its beginning", run);
done:
    dms_free(previous);
    return st;
}

static dms_status check_tensors(const dms_params *params, const char *name,
                                dms_error *err)
{
    const dms_param *wrong = dms_params_find_wrong(params, params->value, 0);

    return wrong ? dms_fail(err, DMS_EFORMAT,
                            "%s: tensor %s holds a value that is not finite",
                            name, wrong->name)
                 : DMS_OK;
}

static dms_status resume(dms_trainer *t, dms_error *err)
{
    uint64_t digest = dms_train_patients_digest(&t->patients);
    dms_status st;

    TRY(dms_checkpoint_read_state(&t->state, t->checkpoint_path, t->monitor,
                                  err));
    TRY(dms_resume_check(&t->state, t->options, t->config.labels, digest, err));
    TRY(dms_checkpoint_read_tensors(t->optimizer, t->checkpoint_path, err));
    t->last_is_ours = t->state.frozen_digest != 0;
    if (t->last_is_ours)
        TRY(dms_frozen_read(t->params, t->last_path, t->state.frozen_digest,
                            t->checkpoint_path, err));
    TRY(check_tensors(t->params, t->checkpoint_path, err));
    dms_log(t->monitor, DMS_LOG_INFO, "resuming in epoch %lld, batch %lld",
            (long long)t->state.epoch + 1, (long long)t->state.batch + 1);
done:
    return st;
}

/* Fresh state, or the checkpoint's. */
static dms_status begin(dms_trainer *t, dms_error *err)
{
    dms_status st = DMS_OK;

    t->state.best_metric = NAN;
    if (t->resumes)
        TRY(resume(t, err));
    t->state.data_digest = dms_train_patients_digest(&t->patients);
    TRY(dms_params_digest(&t->state.frozen_digest, t->params, true, err));
    t->state.log.labels = t->config.labels;
    dms_run_folder_labels(t->state.labels, sizeof t->state.labels,
                          t->config.labels);
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

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static json_t *text_of_u64(uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, value);
    return json_string(text);
}

/* The model's provenance: how it was trained, from what, on which split. */
static json_t *provenance(const dms_trainer *t, const dms_epoch_record *record)
{
    const dms_train_options *o = t->options;
    double metric = record->metrics[t->metric];
    char digest[24];
    json_t *training, *split;

    snprintf(digest, sizeof digest, "%016" PRIx64, t->state.data_digest);
    training =
        json_pack("{s:I, s:I, s:o, s:s, s:b, s:s, s:o}", "epoch",
                  (json_int_t)record->epoch, "step", (json_int_t)record->step,
                  "seed", text_of_u64(o->seed), "data_digest", digest,
                  "averaged", record->averaged, "metric",
                  dms_metric_name(t->metric), "value", dms_json_real(metric));
    if (o->init[0])
        json_object_set_new(training, "init", json_string(base_name(o->init)));
    if (o->pretrained[0])
        json_object_set_new(training, "pretrained",
                            json_string(base_name(o->pretrained)));
    split =
        json_pack("{s:f, s:f, s:o, s:b}", "val", o->val, "test", o->test,
                  "seed", text_of_u64(o->seed), "override", o->split_override);
    return json_pack("{s:o, s:o, s:s}", "training", training, "split", split,
                     "dmsnet", dms_version());
}

static dms_status write_model(dms_trainer *t, const char *path,
                              const dms_epoch_record *record, dms_error *err)
{
    json_t *root = provenance(t, record);
    size_t capacity = sizeof t->config.provenance;
    size_t size = dms_json_print(t->config.provenance, capacity, root);

    json_decref(root);
    if (size == 0)
        return dms_fail_memory(err, path);
    if (size >= capacity)
        return dms_fail(err, DMS_ELIMIT, "%s: a provenance of %zu bytes", path,
                        size);
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
 * evaluation's own table: those in training are not touched. frozen: also those
 * rows that have not changed since they were copied at first. */
static dms_status copy_weights(dms_trainer *t, bool frozen, dms_error *err)
{
    for (size_t i = 0; i < t->params->count; i++) {
        const dms_param *from = &t->params->items[i];
        const dms_param *to;

        if (from->frozen && !frozen)
            continue;
        to = dms_params_find(t->eval_params, from->name);
        if (!to || from->len != to->len || to->block_out != 1 ||
            to->block_in != 1)
            return dms_fail(err, DMS_EINTERNAL,
                            "tensor %s differs between training and "
                            "evaluation",
                            from->name);
        dms_param_unpack(from, t->eval_params->value + to->offset,
                         dms_optimizer_weights(t->optimizer, i));
    }
    return check_tensors(t->eval_params, "weights to evaluate", err);
}

/* By the weights in eval_params. */
static dms_status write_last(dms_trainer *t, const dms_epoch_record *record,
                             dms_error *err)
{
    dms_status st = write_model(t, t->last_path, record, err);

    t->last_is_ours |= st == DMS_OK;
    return st;
}

/* A checkpoint before the end of the first epoch finds its frozen rows too. */
static dms_status write_early_last(dms_trainer *t, dms_error *err)
{
    dms_status st;
    dms_epoch_record record = {.epoch = t->state.epoch,
                               .step = t->optimizer->step,
                               .averaged = t->optimizer->average != NULL};

    for (int i = 0; i < DMS_METRICS; i++)
        record.metrics[i] = NAN;
    TRY(copy_weights(t, false, err));
    TRY(write_last(t, &record, err));
done:
    return st;
}

dms_status dms_trainer_save(dms_trainer *t, dms_error *err)
{
    dms_status st = DMS_OK;

    if (t->state.frozen_digest && !t->last_is_ours)
        TRY(write_early_last(t, err));
    t->state.elapsed = dms_trainer_elapsed(t);
    t->checkpoint_clock = dms_clock_now();
    TRY(dms_checkpoint_write(t->checkpoint_path, &t->state, t->optimizer, err));
done:
    return st;
}

/* Measure and write model files; an epoch that is the best writes one, which
 * has both names. */
static dms_status judge(dms_trainer *t, dms_epoch_record *record,
                        dms_error *err)
{
    dms_status st;

    record->averaged = t->optimizer->average != NULL;
    TRY(copy_weights(t, false, err));
    TRY(dms_trainer_validate(t, record, err));
    record->best = is_best(t, record);
    TRY(write_last(t, record, err));
    if (record->best && !dms_file_share(t->best_path, t->last_path))
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
        .steps = t->optimizer ? t->optimizer->step : 0,
        .seconds = dms_trainer_elapsed(t),
        .best_epoch = (int)s->best_epoch,
        .best_metric = s->best_metric,
        .train_loss = last ? last->train_loss : NAN,
        .val_loss = last ? last->val_loss : NAN,
    };
}

void dms_train_result_destroy(dms_train_result *result)
{
    dms_free(result);
}

dms_status dms_train(dms_train_result **out, const dms_train_options *options,
                     const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_trainer *t = dms_calloc(1, sizeof *t);
    dms_train_result *result = dms_calloc(1, sizeof *result);
    int threads = 0;

    if (!t || !result) {
        dms_free(t);
        dms_free(result);
        return dms_fail_memory(err, "trainer");
    }
    t->options = options;
    t->monitor = monitor;
    TRY(dms_train_options_check(options, err));
    threads = dms_threads_use(options->threads);
    TRY(open_folder(t, err));
    TRY(dms_trainer_setup(t, err));
    TRY(begin(t, err));
    TRY(copy_weights(t, true, err));
    TRY(dms_trainer_open_maps(t, err));
    TRY(run(t, err));
done:
    if (st == DMS_ESTOPPED)
        t->end = DMS_TRAIN_END_STOPPED;
    if (out && (st == DMS_OK || st == DMS_ESTOPPED)) {
        *result = result_of(t);
        *out = result, result = NULL;
    }
    dms_free(result);
    dms_threads_use(threads);
    release(t);
    dms_free(t);
    return st;
}
