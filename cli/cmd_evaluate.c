/* `dmsnet evaluate`: a model's figures on one split of a data set. */
#include "commands.h"

#include <stdlib.h>

#include "args.h"
#include "compute_options.h"
#include "dms/evaluate.h"
#include "fail.h"

typedef struct evaluate_cli {
    char *model;
    char *data;
    char *images;
    char *encoding;
    char *labels;
    char *out;
    char *cache;
    char *tuned_model;
    int split; /* of cli_split_words */
    int tune;  /* dms_tune */
    int batch;
    int resamples;
    uint64_t seed;
    bool strict;
    bool json;
} evaluate_cli;

static const evaluate_cli evaluate_defaults = {.out = "evaluation",
                                               .batch = 8,
                                               .resamples = 2000,
                                               .seed = 1,
                                               .split = DMS_SPLIT_VAL};

#define FIELD(member) DMS_OPTION_FIELD(evaluate_cli, member)

static const dms_option evaluate_list[] = {
    {.name = "model",
     .letter = 'm',
     .type = DMS_OPTION_TEXT,
     .unit = "MODEL",
     FIELD(model),
     .help = CLI_MODEL_HELP
     ", or the folder of a run with folds; given several times, an "
     "ensemble"},
    {.name = "data",
     .letter = 'd',
     .type = DMS_OPTION_TEXT,
     .unit = "DIR",
     FIELD(data),
     .help = "folder with photographs and table, or the table itself"},
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
     .unit = "DIR",
     FIELD(out),
     .help = "folder to write metrics.json, report.txt and predictions.csv to"},
    {.name = "cache",
     .type = DMS_OPTION_TEXT,
     .unit = "DIR",
     FIELD(cache),
     .help = "folder of the prepared photographs; empty: the model's folder, "
             "or --out if that is not writable or the model is given by its "
             "name"},
    {.name = "split",
     .type = DMS_OPTION_CHOICE,
     FIELD(split),
     .choices = cli_split_words,
     .help = "patients to evaluate; if the table has no split column, the "
             "split of the model's training is reproduced"},
    {.name = "tune",
     .type = DMS_OPTION_CHOICE,
     FIELD(tune),
     .choice = dms_tune_name,
     .help = "metric by which each label's threshold is chosen on the "
             "validation split"},
    {.name = "tuned-model",
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     FIELD(tuned_model),
     .help = "model file to write with the tuned thresholds"},
    {.name = "batch",
     .type = DMS_OPTION_INT,
     .unit = "patients",
     FIELD(batch),
     .min = 1,
     .max = 256,
     .help = "patients per batch; more need more memory"},
    {.name = "resamples",
     .type = DMS_OPTION_INT,
     FIELD(resamples),
     .max = 100000,
     .help = "bootstrap resamples of patients for the 95 % intervals; 0: no "
             "intervals"},
    {.name = "seed",
     .type = DMS_OPTION_UINT64,
     FIELD(seed),
     .help = "seed of the resamples"},
    {.name = "strict",
     .type = DMS_OPTION_FLAG,
     FIELD(strict),
     .help = "refuse patients that the model was trained on, instead of "
             "warning, and models that do not record them"},
    {.name = "json",
     .type = DMS_OPTION_FLAG,
     FIELD(json),
     .help = "print the report as JSON"}};

static const dms_option_table evaluate_table = {
    evaluate_list, sizeof(evaluate_list) / sizeof(*evaluate_list),
    &evaluate_defaults, sizeof(evaluate_cli)};

static dms_status run_evaluate(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const char **models = NULL;
    size_t model_count = cli_args_values(&models, run->args, "model");
    const evaluate_cli *given = run->args->values[0];
    const dms_evaluate_options options = {.struct_size = sizeof(options),
                                          .models = models,
                                          .model_count = model_count,
                                          .data = given->data,
                                          .images = given->images,
                                          .encoding = given->encoding,
                                          .labels = given->labels,
                                          .out = given->out,
                                          .cache = given->cache,
                                          .tuned_model = given->tuned_model,
                                          .split = (dms_split)given->split,
                                          .tune = (dms_tune)given->tune,
                                          .batch = given->batch,
                                          .resamples = given->resamples,
                                          .seed = given->seed,
                                          .strict = given->strict,
                                          .compute = run->args->values[1]};
    dms_report *report = NULL;

    if (models == NULL) {
        st = cli_fail(err, DMS_ENOMEM, "out of memory (models)");
        goto done;
    }
    if (given->tuned_model[0] != '\0' &&
        cli_args_same_file(given->tuned_model, given->model)) {
        st = cli_fail(err, DMS_EINVAL,
                      "--tuned-model: '%s' is already the file of --model",
                      given->tuned_model);
        goto done;
    }
    if (given->tuned_model[0] != '\0' && given->tune == DMS_TUNE_NONE) {
        st = cli_fail(err, DMS_EINVAL,
                      "--tuned-model is for --tune, which is not given");
        goto done;
    }
    TRY(cli_args_require(given->model, "model", "the model file", err));
    TRY(cli_args_require(given->data, "data",
                         "the folder or table to evaluate on", err));
    TRY(dms_evaluate(&report, &run->failed_inputs, &options, run->monitor,
                     err));
    TRY(cli_report_print(report, given->json, err));
done:
    free(models);
    dms_report_destroy(report);
    return st;
}

const cli_command cli_command_evaluate = {
    .name = "evaluate",
    .summary = "measure a model on a data set",
    .arguments = "",
    .text =
        "Predict every labelled patient of a split and report the metrics "
        "that the field uses, their 95 % intervals, and the metrics of two "
        "trivial predictors (all-zero, class priors).\n\nThe report is "
        "printed on standard output and, together with the predictions in "
        "the form of the ODIR challenge, written to the folder of --out. "
        "A patient counts as one that the model was trained on if a "
        "photograph has the pixels of a training photograph, whatever its "
        "name. Photographs that cannot be read are named and left out, and the "
        "exit status is then 1.\n\n--model and --data are required. Several "
        "models, or the models of a run with folds, are an ensemble: their "
        "logits are averaged, and the report also has the metrics of each "
        "model by itself.",
    .tables = {{.options = &evaluate_table},
               {.options = &cli_compute_answer_table}},
    .computes = true,
    .run = run_evaluate};
