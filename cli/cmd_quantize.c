/* `dmsnet quantize`: a model whose convolutions multiply 8-bit integers. */
#include "commands.h"

#include <stdio.h>

#include "args.h"
#include "dms/quantize.h"
#include "fail.h"

typedef struct quantize_cli {
    char *model;
    char *data;
    char *images;
    char *encoding;
    char *out;
    int split; /* of cli_split_words */
    int patients;
    int method; /* dms_quantize_method */
    double percentile;
    double tolerance;
    uint64_t seed;
    int threads;
    bool json;
} quantize_cli;

static const quantize_cli quantize_defaults = {.patients = 64,
                                               .percentile = 99.99,
                                               .tolerance = 0.01,
                                               .seed = 1,
                                               .split = DMS_SPLIT_TRAIN};

#define FIELD(member) DMS_OPTION_FIELD(quantize_cli, member)

static const dms_option quantize_list[] = {
    {.name = "model",
     .letter = 'm',
     .type = DMS_OPTION_TEXT,
     .unit = "MODEL",
     FIELD(model),
     .help = "model to quantise: " CLI_MODEL_HELP},
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
    {.name = "out",
     .letter = 'o',
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     FIELD(out),
     .help = "quantised model file to write"},
    {.name = "split",
     .type = DMS_OPTION_CHOICE,
     FIELD(split),
     .choices = cli_split_words,
     .help = "patients from whose photographs the ranges are found; if the "
             "table has no split column, the split of the model's training is "
             "reproduced"},
    {.name = "patients",
     .type = DMS_OPTION_INT,
     FIELD(patients),
     .min = 1,
     .max = 4096,
     .help = "number of those patients to use"},
    {.name = "method",
     .type = DMS_OPTION_CHOICE,
     FIELD(method),
     .choice = dms_quantize_method_name,
     .help = "where a range ends: at a percentile of the magnitudes, or where "
             "rounding changes their distribution least"},
    {.name = "percentile",
     .type = DMS_OPTION_REAL,
     FIELD(percentile),
     .min = 90,
     .max = 100,
     .help = "percentile of the magnitudes, for --method percentile"},
    {.name = "tolerance",
     .type = DMS_OPTION_REAL,
     FIELD(tolerance),
     .max = 1,
     .help = "keep the noisiest layers in bf16 or fp32 until the mean "
             "difference of the probabilities from fp32 is below this"},
    {.name = "seed",
     .type = DMS_OPTION_UINT64,
     FIELD(seed),
     .help = "seed of the choice of patients"},
    {.name = "threads",
     .type = DMS_OPTION_INT,
     FIELD(threads),
     .max = 1024,
     .help = "threads to use; 0: all cores"},
    {.name = "json",
     .type = DMS_OPTION_FLAG,
     FIELD(json),
     .help = "print the report as JSON"}};

static const dms_option_table quantize_table = {
    quantize_list, sizeof(quantize_list) / sizeof(*quantize_list),
    &quantize_defaults, sizeof(quantize_cli)};

static dms_status run_quantize(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const quantize_cli *given = run->args->values[0];
    const dms_quantize_options options = {
        .struct_size = sizeof(options),
        .model = given->model,
        .data = given->data,
        .images = given->images,
        .out = given->out,
        .split = (dms_split)given->split,
        .patients = given->patients,
        .method = (dms_quantize_method)given->method,
        .percentile = given->percentile,
        .tolerance = given->tolerance,
        .seed = given->seed,
        .threads = given->threads,
        .encoding = given->encoding};
    dms_quantize_report *report = NULL;
    char *text = NULL;

    TRY(cli_args_require(options.model, "model", "the model file", err));
    TRY(cli_args_require(options.data, "data",
                         "the folder or table to calibrate on", err));
    TRY(cli_args_require(options.out, "out", "the file to write", err));
    if (cli_args_same_file(options.out, options.model)) {
        st =
            cli_fail(err, DMS_EINVAL,
                     "--out: '%s' is already the file of --model", options.out);
        goto done;
    }
    TRY(dms_quantize(&report, &options, run->monitor, err));
    TRY(dms_quantize_report_print(&text, report, given->json, err));
    fputs(text, stdout);
done:
    dms_text_free(text);
    dms_quantize_report_destroy(report);
    return st;
}

const cli_command cli_command_quantize = {
    .name = "quantize",
    .summary = "make a model that computes in 8-bit integers",
    .arguments = "",
    .text =
        "Make a model file whose convolutions multiply 8-bit integers: about a "
        "third of the size, and up to twice the speed of bf16 on a CPU with "
        "VNNI (run it with --precision int8 or auto; with fp32 and bf16 it "
        "computes with the rounded weights).\n\nWeights get a scale per output "
        "channel; the ranges of the layers' outputs are found by running the "
        "model on photographs. Layers that add too much noise stay in float. "
        "The report, on standard output, gives for each layer: int8 or float, "
        "the range of its output, and how far the output is from fp32's, from "
        "its own rounding alone and with the errors of all layers before it. "
        "--model, --data and --out are required.",
    .tables = {{.options = &quantize_table}},
    .computes = true,
    .run = run_quantize};
