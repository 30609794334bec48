/* `dmsnet calibrate`: probabilities and thresholds fitted to outcomes. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "compute_options.h"
#include "dms/calibrate.h"
#include "fail.h"

typedef struct calibrate_cli {
    char *model;
    char *data;
    char *predictions;
    char *images;
    char *encoding;
    char *labels;
    char *out;
    char *cache;
    char *point;
    int split;  /* of cli_split_words */
    int method; /* dms_calibrate_method */
    int batch;
    bool json;
} calibrate_cli;

static const calibrate_cli calibrate_defaults = {
    .point = "f1", .split = DMS_SPLIT_VAL, .batch = 8};

#define FIELD(member) DMS_OPTION_FIELD(calibrate_cli, member)

static const dms_option calibrate_list[] = {
    {.name = "model",
     .letter = 'm',
     .type = DMS_OPTION_TEXT,
     .unit = "MODEL",
     FIELD(model),
     .help = "model to calibrate: " CLI_MODEL_HELP},
    {.name = "data",
     .letter = 'd',
     .type = DMS_OPTION_TEXT,
     .unit = "DIR",
     FIELD(data),
     .help = "folder with photographs and table, or the table itself; with "
             "--predictions photographs are not needed"},
    {.name = "predictions",
     .letter = 'p',
     .type = DMS_OPTION_TEXT,
     .unit = "CSV",
     FIELD(predictions),
     .help = "file of uncalibrated probabilities, such as evaluate's "
             "predictions.csv or a run's out-of-fold.csv, to use instead of "
             "running the model; more files may follow"},
    {.name = "images",
     .type = DMS_OPTION_TEXT,
     .unit = "DIR",
     FIELD(images),
     .help = "folder of the photographs, if they are not beside the table"},
    {.name = "encoding",
     .type = DMS_OPTION_TEXT,
     .unit = "NAME",
     FIELD(encoding),
     .help = "text encoding of a .csv table, as for train's --encoding"},
    {.name = "labels",
     .type = DMS_OPTION_TEXT,
     .unit = "LABELS",
     FIELD(labels),
     .help = "columns of the model's labels, in the form of train's --labels; "
             "empty: the columns that the model names"},
    {.name = "out",
     .letter = 'o',
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     FIELD(out),
     .help = "calibrated model file to write"},
    {.name = "cache",
     .type = DMS_OPTION_TEXT,
     .unit = "DIR",
     FIELD(cache),
     .help = "folder of the prepared photographs; empty: the model's folder, "
             "or that of --out if it is not writable or the model is given by "
             "its name"},
    {.name = "split",
     .type = DMS_OPTION_CHOICE,
     FIELD(split),
     .choices = cli_split_words,
     .help = "patients to fit to; if the table has no split column, the split "
             "of the model's training is reproduced; with --predictions, all "
             "patients unless a split is given"},
    {.name = "method",
     .type = DMS_OPTION_CHOICE,
     FIELD(method),
     .choice = dms_calibrate_method_name,
     .help = "platt: a slope and an intercept per label; temperature: a slope "
             "per label; none: uncalibrated, thresholds only. One-of labels "
             "have one temperature"},
    {.name = "point",
     .type = DMS_OPTION_TEXT,
     .unit = "POINT",
     FIELD(point),
     .help = "what the thresholds are for: f1, kappa or youden, the best of "
             "it; sensitivity=S or specificity=S, the best of the other with "
             "at least this; or a number, this threshold for every label"},
    {.name = "batch",
     .type = DMS_OPTION_INT,
     .unit = "patients",
     FIELD(batch),
     .min = 1,
     .max = 256,
     .help = "patients per batch; more need more memory"},
    {.name = "json",
     .type = DMS_OPTION_FLAG,
     FIELD(json),
     .help = "print the report as JSON"}};

static const dms_option_table calibrate_table = {
    calibrate_list, sizeof(calibrate_list) / sizeof(*calibrate_list),
    &calibrate_defaults, sizeof(calibrate_cli)};

static dms_status check(const calibrate_cli *given, const cli_args *args,
                        dms_error *err)
{
    dms_status st;

    TRY(cli_args_require(given->model, "model", "the model file", err));
    TRY(cli_args_require(given->data, "data",
                         "the folder or table with the labels", err));
    TRY(cli_args_require(given->out, "out", "the file to write", err));
    if (cli_args_same_file(given->out, given->model))
        st = cli_fail(err, DMS_EINVAL,
                      "--out: '%s' is already the file of --model", given->out);
    else if (args->count > 0 && given->predictions[0] == '\0')
        st = cli_fail(err, DMS_EINVAL,
                      "'%s' is not an option; files of probabilities follow "
                      "--predictions",
                      args->arguments[0]);
done:
    return st;
}

/* --predictions and the arguments; *files is freed by the caller. */
static dms_status list_predictions(const char ***files, size_t *count,
                                   const calibrate_cli *given,
                                   const cli_args *args, dms_error *err)
{
    size_t more = (size_t)args->count;

    if (given->predictions[0] == '\0')
        return DMS_OK;
    *files = calloc(1 + more, sizeof(**files));
    if (*files == NULL)
        return cli_fail(err, DMS_ENOMEM, "out of memory");
    (*files)[0] = given->predictions;
    for (size_t i = 0; i < more; i++)
        (*files)[1 + i] = args->arguments[i];
    *count = 1 + more;
    return DMS_OK;
}

static dms_status run_calibrate(cli_run *run, dms_error *err)
{
    const calibrate_cli *given = run->args->values[0];
    dms_calibrate_options options = {.struct_size = sizeof(options),
                                     .model = given->model,
                                     .data = given->data,
                                     .images = given->images,
                                     .labels = given->labels,
                                     .encoding = given->encoding,
                                     .cache = given->cache,
                                     .out = given->out,
                                     .split = (dms_split)given->split,
                                     .method =
                                         (dms_calibrate_method)given->method,
                                     .point = given->point,
                                     .batch = given->batch,
                                     .compute = run->args->values[1]};
    dms_calibrate_report *report = NULL;
    const char **files = NULL;
    char *text = NULL;
    dms_status st;

    TRY(check(given, run->args, err));
    TRY(list_predictions(&files, &options.predictions_count, given, run->args,
                         err));
    options.predictions = files;
    if (files != NULL && !cli_args_given(run->args, "split"))
        options.split = DMS_SPLIT_NONE;
    TRY(dms_calibrate(&report, &options, run->monitor, err));
    TRY(dms_calibrate_report_print(&text, report, given->json, err));
    fputs(text, stdout);
done:
    dms_text_free(text);
    dms_calibrate_report_destroy(report);
    free(files);
    return st;
}

const cli_command cli_command_calibrate = {
    .name = "calibrate",
    .summary = "fit a model's probabilities and thresholds to outcomes",
    .arguments = "[CSV...]",
    .text =
        "Write a model whose probabilities are calibrated, so that of the "
        "patients given 30 % about 30 % have the finding, and whose thresholds "
        "are those of a stated operating point. Weights and logits do not "
        "change. Fit to patients that the model was not trained on: the "
        "validation split, or out-of-fold predictions of the training "
        "patients.\n\nThe report, on standard output, has each label's "
        "calibration and threshold, and calibration error, Brier score and log "
        "loss before, after and held out. A label with fewer than 10 patients "
        "with or without it has the common temperature, one with fewer than 5 "
        "a threshold of 0.5. --model, --data and --out are required.",
    .arguments_max = 1000,
    .tables = {{.options = &calibrate_table},
               {.options = &cli_compute_answer_table}},
    .computes = true,
    .run = run_calibrate};
