/* Runs the batches of an epoch until they are done, the monitor asks to stop or
 * the time limit is reached, and writes checkpoints between them. Relies on
 * step.c for the batch and on outputs.c for the checkpoint. */
#include <stdio.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/number.h"
#include "train/trainer.h"

/* The limit includes the validation that still follows. Its time is estimated
 * as that of the last one; before the first, as a third of the time that
 * training takes for as many patients. */
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

static void report(const dms_trainer *t)
{
    char stage[64], detail[128];

    snprintf(stage, sizeof stage, "epoch %lld/%d",
             (long long)t->state.epoch + 1, t->options->epochs);
    dms_format(detail, sizeof detail, "loss %.4f  lr %.2e  %.1f images/s",
               t->state.loss_sum / (double)t->state.patients_seen,
               dms_trainer_rate(t, t->nets.optimizer->step),
               2 * (double)t->state.patients_seen / t->state.epoch_seconds);
    dms_progress(t->monitor, stage, (size_t)t->state.batch,
                 (size_t)t->nets.batches, detail);
}

static dms_status stop(dms_trainer *t, dms_error *err)
{
    dms_status st;

    TRY(dms_train_outputs_save(t, err));
    st = dms_fail(err, DMS_ESTOPPED,
                  "stopped in epoch %lld after %lld of %lld batches; resume "
                  "goes on from %s",
                  (long long)t->state.epoch + 1, (long long)t->state.batch,
                  (long long)t->nets.batches, t->outputs.checkpoint_path);
done:
    return st;
}

dms_status dms_trainer_run_epoch(dms_trainer *t, bool *time_over,
                                 dms_error *err)
{
    dms_status st = DMS_OK;

    *time_over = false;
    dms_train_patients_shuffle(&t->patients, t->state.epoch);
    while (t->state.batch < t->nets.batches) {
        double began = dms_clock_now();

        if (dms_should_stop(t->monitor))
            return stop(t, err);
        if (time_is_over(t)) {
            *time_over = true;
            break;
        }
        TRY(dms_trainer_step(t, err));
        t->state.batch++;
        t->state.epoch_seconds += dms_clock_now() - began;
        report(t);
        if (dms_clock_now() - t->outputs.checkpoint_clock >
            t->options->checkpoint_interval)
            TRY(dms_train_outputs_save(t, err));
    }
done:
    return st;
}
