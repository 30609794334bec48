/* `dmsnet export --model M`: the network for other programs. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "args.h"
#include "base/file.h"
#include "dms/export.h"
#include "dms/model.h"
#include "fail.h"

typedef struct export_options {
    char *model;
    char *onnx;
    char *safetensors;
    char *backbone;
    int precision;
    int size;
    bool with_preprocessing;
    bool probabilities;
    bool keep_norms;
} export_options;

static const export_options export_defaults = {0};

#define EXPORT_FILE(name_, member, help_)                                      \
    {                                                                          \
        .name = name_, .type = DMS_OPTION_TEXT, .unit = "FILE",                \
        DMS_OPTION_FIELD(export_options, member), .help = help_                \
    }

static const dms_option export_list[] = {
    {.name = "model",
     .letter = 'm',
     .type = DMS_OPTION_TEXT,
     .unit = "MODEL",
     DMS_OPTION_FIELD(export_options, model),
     .help = "model to read: " CLI_MODEL_HELP},
    EXPORT_FILE("onnx", onnx, "ONNX file to write (opset 17)"),
    EXPORT_FILE(
        "safetensors", safetensors,
        "safetensors file to write, with the PyTorch reference's names"),
    EXPORT_FILE("backbone", backbone,
                "safetensors file to write with the backbone alone, under "
                "torchvision's names"),
    {.name = "precision",
     .type = DMS_OPTION_CHOICE,
     .section = "For --safetensors and --backbone",
     DMS_OPTION_FIELD(export_options, precision),
     .choice = dms_weight_type_name,
     .help = "number type of the weights"},
    {.name = "size",
     .type = DMS_OPTION_INT,
     .section = "For --onnx",
     .unit = "px",
     DMS_OPTION_FIELD(export_options, size),
     .min = 32,
     .max = 2048,
     .word = "model",
     .word_value = 0,
     .help = "side S of the inputs"},
    {.name = "with-preprocessing",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(export_options, with_preprocessing),
     .help = "inputs are 8-bit RGB, N x S x S x 3, and the network normalises "
             "them; without it, inputs are normalised float32, N x 3 x S x S"},
    {.name = "probabilities",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(export_options, probabilities),
     .help = "outputs are calibrated probabilities instead of logits"},
    {.name = "keep-norms",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(export_options, keep_norms),
     .help = "keep batch norms as nodes; without it, they are folded into the "
             "convolutions before them"}};

static const dms_option_table export_table = {
    export_list, sizeof(export_list) / sizeof(*export_list), &export_defaults,
    sizeof(export_options)};

/* Refuse options that apply to none of the files to write. */
static dms_status check_given(const cli_args *args,
                              const export_options *options, dms_error *err)
{
    static const char *const for_onnx[] = {"size", "with-preprocessing",
                                           "probabilities", "keep-norms"};

    if (!options->safetensors[0] && !options->backbone[0] &&
        cli_args_given(args, "precision"))
        return cli_fail(err, DMS_EINVAL,
                        "--precision: applies only to --safetensors and "
                        "--backbone, and neither is given");
    for (size_t i = 0; i < sizeof for_onnx / sizeof *for_onnx; i++)
        if (!options->onnx[0] && cli_args_given(args, for_onnx[i]))
            return cli_fail(err, DMS_EINVAL,
                            "--%s: applies only to --onnx, which is not given",
                            for_onnx[i]);
    return DMS_OK;
}

/* No output may overwrite the model or another output, and all can be written:
 * no file is written if another cannot be. */
static dms_status check_files(const export_options *options, dms_error *err)
{
    const struct {
        const char *name, *path;
    } files[] = {{"model", options->model},
                 {"safetensors", options->safetensors},
                 {"backbone", options->backbone},
                 {"onnx", options->onnx}};
    dms_status st = DMS_OK;

    for (size_t i = 1; i < sizeof files / sizeof *files; i++)
        for (size_t k = 0; k < i; k++)
            if (cli_args_same_file(files[i].path, files[k].path))
                return cli_fail(err, DMS_EINVAL,
                                "--%s: '%s' is already the file of --%s",
                                files[i].name, files[i].path, files[k].name);
    for (size_t i = 1; i < sizeof files / sizeof *files; i++)
        if (files[i].path[0])
            TRY(dms_file_try(files[i].path, err));
done:
    return st;
}

static dms_status write_weights(const dms_model *model, const char *path,
                                const export_options *options,
                                bool backbone_only, dms_error *err)
{
    dms_export_options wanted = {.struct_size = sizeof(wanted),
                                 .type = (dms_weight_type)options->precision,
                                 .backbone_only = backbone_only};

    return path[0] ? dms_model_export_safetensors(model, path, &wanted, err)
                   : DMS_OK;
}

static dms_status write_onnx(const dms_model *model,
                             const export_options *options, dms_error *err)
{
    dms_onnx_options wanted = {.struct_size = sizeof(wanted),
                               .size = options->size,
                               .preprocessing = options->with_preprocessing,
                               .probabilities = options->probabilities,
                               .keep_norms = options->keep_norms};

    return options->onnx[0]
               ? dms_model_export_onnx(model, options->onnx, &wanted, err)
               : DMS_OK;
}

static dms_status run_export(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const export_options *options = run->args->values[0];
    dms_model *model = NULL;

    TRY(cli_args_require(options->model, "model", "the model file", err));
    if (!options->onnx[0] && !options->safetensors[0] && !options->backbone[0])
        TRY(cli_args_require("", "onnx, --safetensors or --backbone",
                             "the file to write", err));
    TRY(check_given(run->args, options, err));
    TRY(check_files(options, err));
    TRY(dms_model_open(&model, options->model, run->monitor, err));
    TRY(write_weights(model, options->safetensors, options, false, err));
    TRY(write_weights(model, options->backbone, options, true, err));
    TRY(write_onnx(model, options, err));
done:
    dms_model_destroy(model);
    return st;
}

const cli_command cli_command_export = {
    .name = "export",
    .summary = "write a model for ONNX Runtime, PyTorch and others",
    .arguments = "",
    .text =
        "Write the network of a model file as ONNX, or its weights as a "
        "safetensors file that the PyTorch reference or torchvision's ResNet "
        "can load. One run can write several files.\n\n--model and at least "
        "one of --onnx, --safetensors and --backbone are required.",
    .tables = {{.options = &export_table}},
    .run = run_export};
