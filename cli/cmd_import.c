/* `dmsnet import FILE --out M`: another program's weights as a model file. */
#include "commands.h"

#include <stdio.h>

#include "architecture_options.h"
#include "args.h"
#include "base/file.h"
#include "dms/import.h"
#include "fail.h"

typedef struct import_options {
    char *out;
    char *prefix;
    char *labels;
    int depth_slice; /* dms_depth_slice */
    uint64_t seed;
    bool json;
} import_options;

static const import_options import_defaults = {.seed = 1};

static const dms_option import_list[] = {
    {.name = "out",
     .letter = 'o',
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     DMS_OPTION_FIELD(import_options, out),
     .help = "model file to write (safetensors)"},
    {.name = "prefix",
     .type = DMS_OPTION_TEXT,
     .unit = "NAME",
     DMS_OPTION_FIELD(import_options, prefix),
     .help = "prefix of the tensor names to import, such as module.encoder_q; "
             "the usual prefixes are found without it"},
    {.name = "labels",
     .type = DMS_OPTION_TEXT,
     .unit = "LABELS",
     DMS_OPTION_FIELD(import_options, labels),
     .help = "labels of the outputs, in the form of train's --labels; empty: "
             "ODIR's N to O"},
    {.name = "depth-slice",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(import_options, depth_slice),
     .choice = dms_depth_slice_name,
     .help = "how to reduce convolutions that were inflated over depth for "
             "volumes: take the centre slice or the sum"},
    {.name = "seed",
     .type = DMS_OPTION_UINT64,
     DMS_OPTION_FIELD(import_options, seed),
     .help = "seed of the initial values of parameters that the file does not "
             "contain"},
    {.name = "json",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(import_options, json),
     .help = "print the report as JSON"}};

static const dms_option_table import_table = {
    import_list, sizeof(import_list) / sizeof(*import_list), &import_defaults,
    sizeof(import_options)};

static dms_status print_report(const dms_import_report *report, bool json,
                               dms_error *err)
{
    char *text = NULL;
    dms_status st = dms_import_report_print(&text, report, json, err);

    if (st == DMS_OK)
        fputs(text, stdout);
    dms_text_free(text);
    return st;
}

static dms_status run_import(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const import_options *options = run->args->values[0];
    dms_import_options wanted = {.struct_size = sizeof(wanted),
                                 .architecture = run->args->values[1],
                                 .seed = options->seed,
                                 .depth_slice =
                                     (dms_depth_slice)options->depth_slice,
                                 .prefix = options->prefix};
    dms_import_report *report = NULL;
    dms_model *model = NULL;
    dms_label_set *labels = NULL;

    TRY(cli_args_require(options->out, "out", "the model file to write", err));
    TRY(dms_file_try(options->out, err));
    if (options->labels[0] != '\0')
        TRY(dms_label_set_parse(&labels, options->labels, err));
    wanted.labels = labels;
    st = dms_model_import(&model, &report, run->args->arguments[0], &wanted,
                          run->monitor, err);
    if (report != NULL && (st == DMS_OK || st == DMS_EMISMATCH))
        print_report(report, options->json, NULL);
    if (st == DMS_OK)
        st = dms_model_write(model, options->out, err);
done:
    dms_import_report_destroy(report);
    dms_label_set_destroy(labels);
    dms_model_destroy(model);
    return st;
}

const cli_command cli_command_import = {
    .name = "import",
    .summary = "make a model file from PyTorch or safetensors weights",
    .arguments = "FILE",
    .text =
        "Read the weights of a ResNet backbone, or of a whole DMS-Net, from a "
        "PyTorch .pth file (a state dict, wrapped or not, in either form of "
        "torch.save) or from a safetensors file, and write a model file. Parts "
        "that a backbone file does not contain get random initial values; the "
        "options below say how they are built. What became of every tensor is "
        "printed: taken, left (not used), missing, or misshapen (of another "
        "shape).\n\nA .pth file is parsed as data: nothing in it is executed, "
        "and anything but a state dict is refused.\n\n--out is required. "
        "Nothing is written if a needed tensor is missing or misshapen.",
    .arguments_min = 1,
    .arguments_max = 1,
    .tables = {{.options = &import_table},
               {.options = &cli_architecture_table}},
    .run = run_import};
