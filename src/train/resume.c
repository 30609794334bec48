/* Checks whether a run may continue from the checkpoint that it finds, and
 * restores its state. Relies on options, labels and data being those of the
 * run's start, and refuses all others. */
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "train/frozen.h"
#include "train/trainer.h"

/* Options that may change when a run is resumed: they say where files are and
 * how long to train, not what a step computes. */
static bool may_differ(const char *name, const dms_train_options *options)
{
    static const char *const free_names[] = {"data",
                                             "images",
                                             "encoding",
                                             "run",
                                             "cache",
                                             "init",
                                             "pretrained",
                                             "teacher",
                                             "resume",
                                             "threads",
                                             "checkpoint-activations",
                                             "patience",
                                             "time-limit",
                                             "checkpoint-interval",
                                             "tensorboard"};

    for (size_t i = 0; i < sizeof free_names / sizeof free_names[0]; i++)
        if (strcmp(name, free_names[i]) == 0)
            return true;
    return strcmp(name, "epochs") == 0 && options->start_size == 0 &&
           (options->schedule == DMS_SCHEDULE_STEP ||
            options->schedule == DMS_SCHEDULE_CONSTANT);
}

/* The labels may differ, although the options name the same label file. */
static dms_status check_labels(const dms_train_state *state,
                               const dms_label_set *labels, dms_error *err)
{
    char now[DMS_LABEL_TEXT_MAX + 16];
    const char *was = state->labels;

    dms_run_folder_labels(now, sizeof now, labels);
    if (strcmp(was, now) == 0 || (!*was && dms_label_set_is_odir(labels)))
        return DMS_OK;
    return dms_fail(err, DMS_EMISMATCH,
                    "labels: the run to resume has %.160s, now they are "
                    "%.160s: give the same or another run folder",
                    *was ? was : "ODIR's eight", now);
}

/* The teacher's file may have moved, but must be the same. */
static dms_status check_teacher(const dms_trainer *t, dms_error *err)
{
    const char *was = t->state.teacher, *now = t->teacher.digest;

    if (strcmp(was, now) == 0)
        return DMS_OK;
    return dms_fail(
        err, DMS_EMISMATCH,
        "teacher: the run to resume has %s%.12s, now it is %s%.12s: "
        "give the same or another run folder",
        *was ? "the one with SHA-256 " : "none", was,
        *now ? "that with SHA-256 " : "none", now);
}

/* DMS_EINVAL names the first option that differs from the checkpoint's and
 * would change what is computed. */
static dms_status check_options(const dms_train_state *state,
                                const dms_train_options *options,
                                dms_error *err)
{
    const dms_option_table *table = dms_train_option_table();
    dms_train_options was;
    dms_status st = dms_options_init(&was, table, err);

    if (st == DMS_OK)
        st = dms_options_parse_yaml(&was, table, state->options,
                                    strlen(state->options), "checkpoint", NULL,
                                    err);
    for (size_t i = 0; st == DMS_OK && i < table->count; i++) {
        const dms_option *option = &table->options[i];
        char before[128], now[128]; /* truncated values still differ */

        dms_option_get(before, sizeof before, &was, option);
        dms_option_get(now, sizeof now, options, option);
        if (strcmp(before, now) != 0 && !may_differ(option->name, options))
            st = dms_fail(err, DMS_EINVAL,
                          "%s: the run to resume has %s, now it is %s: give "
                          "the same or another run folder",
                          option->name, before, now);
    }
    dms_options_release(&was, table);
    return st;
}

dms_status dms_trainer_resume_state(dms_trainer *t, dms_error *err)
{
    dms_status st = DMS_OK;

    if (!t->outputs.resumes)
        goto done;
    TRY(dms_checkpoint_read_state(&t->state, t->outputs.checkpoint_path,
                                  t->monitor, err));
    TRY(check_options(&t->state, t->options, err));
done:
    return st;
}

dms_status dms_trainer_resume(dms_trainer *t, dms_error *err)
{
    dms_status st;

    TRY(check_labels(&t->state, t->config.labels, err));
    TRY(check_teacher(t, err));
    if (t->state.data_digest != dms_train_patients_digest(&t->patients)) {
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: the data is not what the run to resume was "
                      "trained on (patients, labels, splits or photographs "
                      "differ)",
                      t->options->data);
        goto done;
    }
    if (t->options->unfreeze_after > 0 &&
        t->state.epoch >= t->options->unfreeze_after)
        dms_optimizer_thaw(t->nets.optimizer, t->state.unfrozen_step);
    TRY(dms_checkpoint_read_tensors(t->nets.optimizer,
                                    t->outputs.checkpoint_path, err));
    t->outputs.last_is_ours = t->state.frozen_digest != 0;
    if (t->outputs.last_is_ours)
        TRY(dms_frozen_read(t->nets.params, t->outputs.last_path,
                            t->state.frozen_digest, t->outputs.checkpoint_path,
                            err));
    dms_log(t->monitor, DMS_LOG_INFO, "resuming in epoch %lld, batch %lld",
            (long long)t->state.epoch + 1, (long long)t->state.batch + 1);
done:
    return st;
}
