/* What a run tells TensorBoard: loss and learning rate after each step of the
 * optimiser, the epoch's record and the labels' AUCs after each epoch. No run
 * needs its event files: if one cannot be written, a warning says so and the
 * run continues without them.
 *
 * All tags count steps of the optimiser: training and validation share an axis,
 * and one step tells which events a resumed run replaces. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "train/trainer.h"

enum { TAG_MAX = 64 }; /* a group and the name of a metric or label */

dms_status dms_train_events_open(dms_trainer *t, dms_error *err)
{
    dms_train_events *events = &t->outputs.events;
    char *folder;
    dms_status st;

    if (!t->options->tensorboard)
        return DMS_OK;
    folder = dms_path_join(t->options->run, "tensorboard");
    events->label_auc = dms_calloc((size_t)t->config.architecture.labels,
                                   sizeof *events->label_auc);
    events->step = t->nets.optimizer->step;
    st = folder && events->label_auc
             ? dms_event_file_create(&events->file, folder, events->step + 1,
                                     err)
             : dms_fail_memory(err, "TensorBoard's events");
    dms_free(folder);
    return st;
}

/* Undefined values have no event. */
static void put(const dms_trainer *t, const char *group, const char *name,
                double value)
{
    char tag[TAG_MAX];

    snprintf(tag, sizeof tag, "%s/%s", group, name);
    if (isfinite(value))
        dms_event_file_scalar(t->outputs.events.file, tag,
                              t->nets.optimizer->step, value);
}

void dms_train_events_batch(dms_trainer *t, int patients, double loss,
                            double lr)
{
    dms_train_events *events = &t->outputs.events;
    int64_t step = t->nets.optimizer->step;

    if (!events->file)
        return;
    events->loss_sum += loss * patients;
    events->patients += patients;
    if (step == events->step)
        return; /* gradients are being accumulated */
    put(t, "train", "loss", events->loss_sum / (double)events->patients);
    put(t, "train", "lr", lr);
    events->step = step;
    events->loss_sum = 0, events->patients = 0;
}

void dms_train_events_epoch(dms_trainer *t, const dms_epoch_record *record)
{
    const dms_train_events *events = &t->outputs.events;

    if (!events->file)
        return;
    put(t, "train", "epoch", (double)record->epoch);
    put(t, "train", "epoch_loss", record->train_loss);
    put(t, "train", "images_per_s", record->images_per_s);
    put(t, "validation", "loss", record->val_loss);
    for (int i = 0; i < DMS_METRICS; i++)
        if (dms_metrics_log_has(&t->state.log, (dms_metric)i))
            put(t, "validation", dms_metric_name((dms_metric)i),
                record->metrics[i]);
    for (int k = 0; k < t->config.architecture.labels; k++)
        put(t, "validation_auc", dms_label_set_code(t->config.labels, k),
            events->label_auc[k]);
}

void dms_train_events_flush(dms_trainer *t)
{
    dms_train_events *events = &t->outputs.events;
    dms_error problem = {0};

    if (!events->file || dms_event_file_flush(events->file, &problem) == DMS_OK)
        return;
    dms_log(t->monitor, DMS_LOG_WARNING,
            "%s: no more events are written for TensorBoard; training goes on",
            problem.message);
    dms_event_file_close(events->file);
    events->file = NULL;
}

void dms_train_events_close(dms_train_events *events)
{
    dms_event_file_close(events->file);
    dms_free(events->label_auc);
}
