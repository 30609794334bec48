/* `dmsnet adapt`: a model's batch norms on other photographs. */
#include "commands.h"

#include "args.h"
#include "compute_options.h"
#include "dms/adapt.h"
#include "fail.h"

typedef struct adapt_cli {
    char *model;
    char *data;
    char *images;
    char *encoding;
    char *out;
    char *cache;
    int split; /* of cli_split_words */
    int batches;
    int batch;
    uint64_t seed;
} adapt_cli;

static const adapt_cli adapt_defaults = {
    .split = DMS_SPLIT_TRAIN, .batches = 24, .batch = 16, .seed = 1};

#define FIELD(member) DMS_OPTION_FIELD(adapt_cli, member)

static const dms_option adapt_list[] = {
    {.name = "model",
     .letter = 'm',
     .type = DMS_OPTION_TEXT,
     .unit = "MODEL",
     FIELD(model),
     .help = "model to adapt, not a quantised one: " CLI_MODEL_HELP},
    {.name = "data",
     .letter = 'd',
     .type = DMS_OPTION_TEXT,
     .unit = "DIR",
     FIELD(data),
     .help = "folder with photographs and table, or the table itself; labels "
             "are not needed"},
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
    {.name = "out",
     .letter = 'o',
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     FIELD(out),
     .help = "adapted model file to write"},
    {.name = "cache",
     .type = DMS_OPTION_TEXT,
     .unit = "DIR",
     FIELD(cache),
     .help = "folder of the prepared photographs; empty: the folder of --out"},
    {.name = "split",
     .type = DMS_OPTION_CHOICE,
     FIELD(split),
     .choices = cli_split_words,
     .help = "patients whose photographs are used; if the table has no split "
             "column, the split of the model's training is reproduced"},
    {.name = "batches",
     .type = DMS_OPTION_INT,
     FIELD(batches),
     .min = 1,
     .max = 100000,
     .help = "batches over which the statistics are averaged"},
    {.name = "batch",
     .type = DMS_OPTION_INT,
     FIELD(batch),
     .min = 2,
     .max = 256,
     .unit = "patients",
     .help = "patients per batch"},
    {.name = "seed",
     .type = DMS_OPTION_UINT64,
     FIELD(seed),
     .help = "seed of the patients' order"}};

static const dms_option_table adapt_table = {
    adapt_list, sizeof(adapt_list) / sizeof(*adapt_list), &adapt_defaults,
    sizeof(adapt_cli)};

static dms_status run_adapt(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const adapt_cli *given = run->args->values[0];
    const dms_adapt_options options = {.struct_size = sizeof(options),
                                       .model = given->model,
                                       .data = given->data,
                                       .images = given->images,
                                       .cache = given->cache,
                                       .out = given->out,
                                       .split = (dms_split)given->split,
                                       .batches = given->batches,
                                       .batch = given->batch,
                                       .seed = given->seed,
                                       .compute = run->args->values[1],
                                       .encoding = given->encoding};

    TRY(cli_args_require(given->model, "model", "the model file", err));
    TRY(cli_args_require(given->data, "data", "the folder or table to adapt to",
                         err));
    TRY(cli_args_require(given->out, "out", "the file to write", err));
    if (cli_args_same_file(given->out, given->model)) {
        st = cli_fail(err, DMS_EINVAL,
                      "--out: '%s' is already the file of --model", given->out);
        goto done;
    }
    TRY(dms_adapt(&options, run->monitor, err));
done:
    return st;
}

const cli_command cli_command_adapt = {
    .name = "adapt",
    .summary = "re-estimate a model's batch norms on other photographs",
    .arguments = "",
    .text = "Run a model on the photographs of a data set, with each batch "
            "normalised by its own mean and variance, and write the model with "
            "their averages over all batches as its running statistics "
            "(AdaBN). Nothing is learnt, and labels are not needed. This is "
            "for weights that were trained on another kind of image or with "
            "another camera; `dmsnet train --adapt-norms N` does the same "
            "before training.\n\nCalibration and thresholds were fitted to the "
            "outputs of the original model and are dropped; `dmsnet calibrate` "
            "fits them again. --model, --data and --out are required.",
    .tables = {{.options = &adapt_table}, {.options = &cli_compute_table}},
    .computes = true,
    .run = run_adapt};
