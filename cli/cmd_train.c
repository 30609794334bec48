/* `dmsnet train`: from a data set to a model file. */
#include "commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "base/json_write.h"
#include "dms/train.h"
#include "fail.h"

/* A resumed run starts from the configuration in its folder. */
static void find_config(char *path, size_t capacity, const cli_args *args)
{
    const dms_train_options *options = args->values[0];
    char found[DMS_OPTION_TEXT_MAX + 16];

    if (options->resume == DMS_TRAIN_RESUME_NO || *options->run == '\0')
        return;
    snprintf(found, sizeof(found), "%s/config.yaml", options->run);
    if (strlen(found) < capacity && access(found, F_OK) == 0)
        strcpy(path, found);
}

static void put_real(dms_json_writer *w, const char *name, double value)
{
    dms_json_write_key(w, name);
    dms_json_write_real(w, value);
}

static void put_count(dms_json_writer *w, const char *name, int64_t value)
{
    dms_json_write_key(w, name);
    dms_json_write_integer(w, value);
}

static void put_run(dms_json_writer *w, const dms_train_result *result)
{
    dms_json_write_key(w, "end");
    dms_json_write_text(w, dms_train_end_name(result->end));
    put_count(w, "epochs", result->epochs);
    put_count(w, "steps", result->steps);
    put_real(w, "seconds", result->seconds);
    put_count(w, "best_epoch", result->best_epoch);
    put_real(w, "best_metric", result->best_metric);
    put_real(w, "train_loss", result->train_loss);
    put_real(w, "val_loss", result->val_loss);
}

/* What a run with folds has beside the sums and the mean. */
static void put_folds(dms_json_writer *w, const dms_train_result *result)
{
    dms_json_write_key(w, "metric");
    dms_json_write_text(w, dms_metric_name(result->metric));
    put_real(w, "metric_deviation", result->metric_deviation);
    put_real(w, "out_of_fold", result->out_of_fold);
    dms_json_write_key(w, "folds");
    dms_json_write_array(w);
    for (int i = 0; i < result->fold_count; i++) {
        dms_json_write_object(w);
        put_run(w, result->folds[i]);
        dms_json_write_object_end(w);
    }
    dms_json_write_array_end(w);
}

static dms_status put_result(const dms_train_result *result, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_json_writer w;
    dms_strbuf out;

    dms_strbuf_init(&out);
    dms_json_write_begin(&w, &out,
                         (dms_json_style){.plain = true, .digits = 9});
    dms_json_write_object(&w);
    put_run(&w, result);
    if (result->fold_count > 0)
        put_folds(&w, result);
    dms_json_write_object_end(&w);
    if (out.failed)
        st = cli_fail(err, DMS_ENOMEM, "out of memory (the run's result)");
    else
        puts(out.data);
    dms_strbuf_release(&out);
    return st;
}

static dms_status run_train(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const dms_train_options *options = run->args->values[0];
    dms_train_result *result = NULL;

    /* a run to resume names its own data, unless there is no such run */
    if (options->resume == DMS_TRAIN_RESUME_NO)
        TRY(cli_args_require(options->data, "data",
                             "the folder or table to learn from", err));
    TRY(cli_args_require(options->run, "run", "the folder of the run", err));
    st = dms_train(&result, options, run->monitor, err);
    if (st == DMS_OK)
        st = put_result(result, err);
    else if (st == DMS_ESTOPPED)
        put_result(result, NULL); /* err reports the stop */
done:
    dms_train_result_destroy(result);
    return st;
}

const cli_command cli_command_train = {
    .name = "train",
    .summary = "train a model on a data set",
    .arguments = "",
    .text = "Train DMS-Net on a data set in any supported form and validate "
            "after every epoch. The run folder holds best.safetensors and "
            "last.safetensors (model files), the checkpoint, the resolved "
            "config.yaml, metrics.jsonl, metrics.csv and curves.svg. A new "
            "run needs --data.\n\nCtrl-C and SIGTERM write a checkpoint and "
            "end the run. `dmsnet train --resume --run DIR` continues from the "
            "checkpoint with the run's own configuration, as if it had not "
            "been stopped. Only these options may change: --data, --images, "
            "--encoding, --cache, --teacher (the same file elsewhere), "
            "--threads, --checkpoint-activations, --patience, --time-limit, "
            "--checkpoint-interval and --tensorboard, and --epochs with "
            "--schedule step or constant and without --start-size; --init and "
            "--pretrained are not read again. "
            "--resume=auto, or --resume auto, starts the run if there is none "
            "yet, so that a scheduler can always give it. A folder with models "
            "but no checkpoint is refused.\n\n--folds K "
            "trains K models, each validated on another part of the training "
            "patients, in fold1, fold2, ... of the run folder, and writes "
            "out-of-fold.csv: each training patient's probabilities, by the "
            "model that did not see the patient. --resume goes on with the "
            "first fold that has not ended. `dmsnet predict` and `dmsnet "
            "evaluate` take the run folder as an ensemble of its "
            "models.\n\nOne line of JSON on standard output summarises the "
            "run.",
    .computes = true,
    .tables = {{.get = dms_train_option_table, .section = "train"}},
    .find_config = find_config,
    .run = run_train};
