/* A run from the first check of its options to its last model file: setup once,
 * then each epoch is trained, measured and recorded. Relies on the files that
 * trainer.h lists for each step. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "machine/threads.h"
#include "net/model.h"
#include "train/curves.h"
#include "train/out_of_fold.h"
#include "train/trainer.h"

/* What another model was trained on this run's models know too, by its weights
 * or its answers. */
static dms_status add_record(dms_trainer *t, const dms_trained_on *other,
                             const char *whose, dms_error *err)
{
    size_t known = dms_train_patients_known(&t->patients, other);

    if (known > 0)
        dms_log(t->monitor, DMS_LOG_WARNING,
                "%zu of %zu validation patients have photographs that %s was "
                "trained on: figures on them are better than on new ones",
                known, t->patients.val_count, whose);
    return dms_trained_on_add(&t->config.trained_on, other->digests,
                              other->count, err);
}

/* Record in the model files what they were trained on: by this run, and before
 * it by the model that it started from and by the teacher. */
static dms_status take_record(dms_trainer *t, dms_error *err)
{
    dms_status st;

    TRY(dms_train_patients_trained_on(&t->config.trained_on, &t->patients,
                                      err));
    TRY(add_record(t, &t->state.before, "the model to start from", err));
    if (t->teacher.model)
        TRY(add_record(t, &t->teacher.model->config.trained_on, "the teacher",
                       err));
done:
    return st;
}

/* Start from a fresh state, or from the checkpoint's. */
static dms_status begin(dms_trainer *t, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_train_options recorded = *t->options; /* borrows its strings */

    if (t->outputs.resumes)
        TRY(dms_trainer_resume(t, err));
    TRY(dms_train_nets_enter(t, err));
    TRY(take_record(t, err));
    t->state.data_digest = dms_train_patients_digest(&t->patients);
    memcpy(t->state.teacher, t->teacher.digest, sizeof t->state.teacher);
    TRY(dms_params_digest(&t->state.frozen_digest, t->nets.params, true, err));
    t->state.log.labels = t->config.labels;
    dms_run_folder_labels(t->state.labels, sizeof t->state.labels,
                          t->config.labels);
    recorded.resume = DMS_TRAIN_RESUME_NO; /* applies to this call only */
    if (dms_options_format_yaml(t->state.options, sizeof t->state.options,
                                &recorded, dms_train_option_table(),
                                NULL) >= sizeof t->state.options) {
        st = dms_fail(err, DMS_ELIMIT, "the options are too long as text");
        goto done;
    }
    t->clock_start = dms_clock_now() - t->state.elapsed;
    t->outputs.checkpoint_clock = dms_clock_now();
    TRY(dms_train_events_open(t, err));
    TRY(dms_run_folder_describe(t, err));
done:
    return st;
}

/* Is it better than the best so far? If the metric is undefined, every epoch
 * is. */
static bool is_best(const dms_trainer *t, const dms_epoch_record *record)
{
    double now = record->metrics[t->metric], best = t->state.best_metric;

    return isnan(best) || (!isnan(now) && now > best);
}

/* Measure the epoch and write the model files. The best epoch is written once,
 * under both names. */
static dms_status judge(dms_trainer *t, dms_epoch_record *record,
                        dms_error *err)
{
    dms_status st;

    record->averaged = t->nets.optimizer->average != NULL;
    TRY(dms_train_weights_copy(&t->nets, false, err));
    TRY(dms_trainer_validate(t, record, err));
    record->best = is_best(t, record);
    TRY(dms_train_outputs_write_models(t, record, err));
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

static void tell_epoch(const dms_trainer *t, const dms_epoch_record *record)
{
    if (t->patients.val_count == 0)
        dms_log(t->monitor, DMS_LOG_INFO,
                "epoch %lld: loss %.4f, no validation patients",
                (long long)record->epoch, record->train_loss);
    else
        dms_log(t->monitor, DMS_LOG_INFO,
                "epoch %lld: loss %.4f, validation loss %.4f, %s %.4f%s",
                (long long)record->epoch, record->train_loss, record->val_loss,
                dms_metric_name(t->metric), record->metrics[t->metric],
                record->best ? " (best)" : "");
}

static dms_status finish_epoch(dms_trainer *t, dms_error *err)
{
    const dms_train_state *s = &t->state;
    double began = dms_clock_now();
    double seen = (double)s->patients_seen;
    dms_epoch_record record = {
        .epoch = s->epoch + 1,
        .step = t->nets.optimizer->step,
        .train_loss = seen > 0 ? s->loss_sum / seen : NAN,
        .images_per_s = seen > 0 ? 2 * seen / s->epoch_seconds : 0,
        .lr = dms_trainer_rate(t, t->nets.optimizer->step - 1)};
    dms_status st = DMS_OK;

    /* no model file without a checkpoint: see dms_train_outputs_find */
    if (s->log.count == 0)
        TRY(dms_train_outputs_save(t, err));
    TRY(judge(t, &record, err));
    record.seconds = s->epoch_seconds + dms_clock_now() - began;
    TRY(dms_metrics_log_add(&t->state.log, &record, err));
    dms_train_events_epoch(t, &record);
    remember(t, &record);
    TRY(dms_train_weights_thaw(t, err));
    TRY(dms_metrics_log_write(&t->state.log, t->options->run, err));
    TRY(dms_curves_write(&t->state.log, t->metric, t->options->run, err));
    TRY(dms_train_outputs_save(t, err));
    tell_epoch(t, &record);
done:
    return st;
}

/* Has the run used its time? One that ended a little before the limit, to leave
 * time for the validation, has: a fold that has ended is not trained further. A
 * run without a model first gets one. */
static bool has_used_its_time(const dms_trainer *t)
{
    const dms_train_state *s = &t->state;
    double limit = t->options->time_limit;

    return limit > 0 && s->log.count > 0 &&
           fmax(s->elapsed, s->limit_reached) >= limit;
}

static dms_status run(dms_trainer *t, dms_error *err)
{
    const dms_train_options *o = t->options;
    dms_status st = DMS_OK;
    bool time_over = has_used_its_time(t);

    t->end = time_over ? DMS_TRAIN_END_TIME : DMS_TRAIN_END_EPOCHS;
    while (!time_over && t->state.epoch < o->epochs) {
        if (o->patience && t->state.stale_epochs >= o->patience) {
            t->end = DMS_TRAIN_END_EARLY;
            break;
        }
        TRY(dms_train_nets_enter(t, err));
        TRY(dms_trainer_run_epoch(t, &time_over, err));
        if (time_over) {
            t->end = DMS_TRAIN_END_TIME;
            t->state.limit_reached = o->time_limit;
        }
        if (time_over && t->state.batch == 0 && t->state.epoch > 0)
            TRY(dms_train_outputs_save(t, err)); /* nothing new to validate */
        else
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
        .steps = t->nets.optimizer ? t->nets.optimizer->step : 0,
        .seconds = dms_trainer_elapsed(t),
        .best_epoch = (int)s->best_epoch,
        .best_metric = s->best_metric,
        .train_loss = last ? last->train_loss : NAN,
        .val_loss = last ? last->val_loss : NAN,
        .metric = t->metric,
        .metric_deviation = NAN,
        .out_of_fold = NAN,
    };
}

void dms_train_result_destroy(dms_train_result *result)
{
    if (!result)
        return;
    for (int i = 0; i < result->fold_count; i++)
        dms_train_result_destroy(result->folds[i]);
    dms_free(result->folds);
    dms_free(result);
}

dms_status dms_trainer_run(dms_train_result **out,
                           const dms_train_options *options,
                           const dms_monitor *monitor,
                           dms_out_of_fold *held_out, dms_error *err)
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
    t->state.best_metric = NAN;
    t->clock_start = dms_clock_now(); /* begin() sets it again */
    TRY(dms_train_outputs_find(t, err));
    TRY(dms_train_options_check(options, err));
    threads = dms_threads_use(options->threads);
    TRY(dms_trainer_resume_state(t, err));
    TRY(dms_run_folder_open(options->run, err));
    TRY(dms_trainer_setup(t, err));
    TRY(begin(t, err));
    TRY(dms_train_weights_copy(&t->nets, true, err));
    TRY(dms_trainer_open_maps(t, err));
    TRY(run(t, err));
    if (held_out)
        TRY(dms_out_of_fold_add(held_out, t, err));
done:
    if (st == DMS_ESTOPPED)
        t->end = DMS_TRAIN_END_STOPPED;
    if (out && (st == DMS_OK || st == DMS_ESTOPPED)) {
        *result = result_of(t);
        *out = result, result = NULL;
    }
    dms_free(result);
    dms_threads_use(threads);
    dms_trainer_release(t);
    dms_free(t);
    return st;
}
