/* The files that a run writes while it trains: model files and the checkpoint.
 * Relies on eval_params for the weights: a model file contains those that were
 * evaluated. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "formats/json.h"
#include "net/model_file.h"
#include "net/provenance.h"
#include "train/trainer.h"

/* How far the run in a folder has come. */
typedef enum run_state {
    RUN_ABSENT, /* the folder does not exist */
    RUN_BEGUN,  /* no checkpoint yet: starting again loses nothing */
    RUN_MODELS, /* model files, but their checkpoint is missing */
    RUN_GOES_ON /* there is a checkpoint */
} run_state;

/* Was this model file written before its run's first checkpoint, only to keep
 * the frozen rows (write_early_last)? Its epoch is then 0. */
static bool is_early(const char *path)
{
    dms_tensor_file *file = NULL;
    const char *text = NULL;
    const json_t *training, *epoch;
    json_t *root;
    bool early;

    if (dms_model_tensors_open(&file, path, NULL) == DMS_OK)
        text = dms_tensor_file_metadata(file, DMS_MODEL_METADATA_KEY);
    root = text ? dms_json_read(text, strlen(text), 0, NULL) : NULL;
    training = json_object_get(json_object_get(root, "provenance"), "training");
    epoch = json_object_get(training, "epoch");
    early = json_is_integer(epoch) && json_integer_value(epoch) == 0;
    json_decref(root);
    dms_tensor_file_close(file);
    return early;
}

static run_state look(const dms_train_outputs *o, const char *run,
                      const char *previous)
{
    if (!dms_path_exists(run))
        return RUN_ABSENT;
    if (dms_path_exists(o->checkpoint_path) || dms_path_exists(previous))
        return RUN_GOES_ON;
    return dms_path_exists(o->best_path) ||
                   (dms_path_exists(o->last_path) && !is_early(o->last_path))
               ? RUN_MODELS
               : RUN_BEGUN;
}

/* Does the resume option match what was found? */
static dms_status judge(const dms_trainer *t, run_state found, dms_error *err)
{
    const char *run = t->options->run;
    dms_train_resume resume = t->options->resume;

    if (found == RUN_GOES_ON && resume == DMS_TRAIN_RESUME_NO)
        return dms_fail(err, DMS_EINVAL,
                        "%s: there is already a run: resume it or give "
                        "another run folder",
                        run);
    if (found == RUN_MODELS)
        return dms_fail(err, DMS_EINVAL,
                        "%s: there are models of a run, but not its "
                        "checkpoint: it cannot go on, and a new one would "
                        "overwrite them; give another run folder",
                        run);
    if (found == RUN_ABSENT && resume == DMS_TRAIN_RESUME_YES)
        return dms_fail(err, DMS_EINVAL,
                        "%s: there is no such run to resume; resume=auto would "
                        "begin it",
                        run);
    if (found == RUN_BEGUN && resume != DMS_TRAIN_RESUME_NO)
        dms_log(t->monitor, DMS_LOG_INFO,
                "%s: no checkpoint yet; the run starts at its beginning", run);
    return DMS_OK;
}

/* A run without folds would overwrite the record of one with folds. */
static dms_status refuse_folds(const char *run, dms_error *err)
{
    char *fold = dms_path_join(run, "fold1");
    dms_status st = DMS_OK;

    if (!fold)
        return dms_fail_memory(err, run);
    if (dms_path_exists(fold))
        st = dms_fail(err, DMS_EINVAL,
                      "%s: there is a run with folds; a run of one model needs "
                      "another folder",
                      run);
    dms_free(fold);
    return st;
}

dms_status dms_train_outputs_find(dms_trainer *t, dms_error *err)
{
    const char *run = t->options->run;
    char *previous = NULL;
    run_state found;
    dms_status st = DMS_OK;

    if (!run || !run[0])
        return DMS_OK; /* dms_train_options_check rejects it */
    t->outputs.checkpoint_path = dms_path_join(run, "checkpoint.safetensors");
    t->outputs.best_path = dms_path_join(run, "best.safetensors");
    t->outputs.last_path = dms_path_join(run, "last.safetensors");
    if (t->outputs.checkpoint_path)
        previous = dms_checkpoint_previous(t->outputs.checkpoint_path);
    if (!previous || !t->outputs.best_path || !t->outputs.last_path) {
        st = dms_fail_memory(err, run);
        goto done;
    }
    found = look(&t->outputs, run, previous);
    TRY(refuse_folds(run, err));
    TRY(judge(t, found, err));
    t->outputs.resumes = found == RUN_GOES_ON;
done:
    dms_free(previous);
    return st;
}

static json_t *text_of_u64(uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, value);
    return json_string(text);
}

/* The model's provenance: how it was trained, from what data, on which
 * split. */
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
        dms_json_set(&training, "init", dms_json_name(dms_path_name(o->init)));
    if (o->pretrained[0])
        dms_json_set(&training, "pretrained",
                     dms_json_name(dms_path_name(o->pretrained)));
    if (o->folds > 0)
        dms_json_set(&training, "fold", json_pack("[i, i]", o->fold, o->folds));
    if (o->teacher[0]) {
        dms_json_set(&training, "teacher",
                     dms_json_name(dms_path_name(o->teacher)));
        dms_json_set(&training, "teacher_sha256",
                     json_string(t->teacher.digest));
    }
    split =
        json_pack("{s:f, s:f, s:o, s:b}", "val", o->val, "test", o->test,
                  "seed", text_of_u64(o->seed), "override", o->split_override);
    return json_pack("{s:o, s:o, s:s}", "training", training, "split", split,
                     "dmsnet", dms_version());
}

static dms_status write_model(dms_trainer *t, const char *path,
                              const dms_epoch_record *record, dms_error *err)
{
    dms_status st;

    TRY(dms_provenance_write(&t->config, provenance(t, record), path, err));
    TRY(dms_model_file_write(path, &t->config, t->nets.eval_params,
                             t->nets.eval_params->value, err));
done:
    return st;
}

/* Write last.safetensors from the weights in eval_params. */
static dms_status write_last(dms_trainer *t, const dms_epoch_record *record,
                             dms_error *err)
{
    dms_status st = write_model(t, t->outputs.last_path, record, err);

    t->outputs.last_is_ours |= st == DMS_OK;
    return st;
}

/* Write last.safetensors early, so that a checkpoint before the end of the
 * first epoch also finds its frozen rows. */
static dms_status write_early_last(dms_trainer *t, dms_error *err)
{
    dms_status st;
    dms_epoch_record record = {.epoch = t->state.epoch,
                               .step = t->nets.optimizer->step,
                               .averaged = t->nets.optimizer->average != NULL};

    for (int i = 0; i < DMS_METRICS; i++)
        record.metrics[i] = NAN;
    TRY(dms_train_weights_copy(&t->nets, false, err));
    TRY(write_last(t, &record, err));
done:
    return st;
}

dms_status dms_train_outputs_write_models(dms_trainer *t,
                                          const dms_epoch_record *record,
                                          dms_error *err)
{
    dms_status st;

    TRY(write_last(t, record, err));
    if (record->best &&
        !dms_file_share(t->outputs.best_path, t->outputs.last_path))
        TRY(write_model(t, t->outputs.best_path, record, err));
done:
    return st;
}

dms_status dms_train_outputs_save(dms_trainer *t, dms_error *err)
{
    dms_status st = DMS_OK;

    if (t->state.frozen_digest && !t->outputs.last_is_ours)
        TRY(write_early_last(t, err));
    t->state.elapsed = dms_trainer_elapsed(t);
    t->outputs.checkpoint_clock = dms_clock_now();
    TRY(dms_checkpoint_write(t->outputs.checkpoint_path, &t->state,
                             t->nets.optimizer, err));
    dms_train_events_flush(t);
done:
    return st;
}
