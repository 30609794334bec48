/* `dmsnet init --out M`: a fresh model file. */
#include "commands.h"

#include <stdio.h>

#include "architecture_options.h"
#include "args.h"
#include "base/file.h"
#include "dms/model.h"
#include "fail.h"

typedef struct init_options {
    dms_backbone backbone;
    uint64_t seed;
    char *out;
    char *labels;
} init_options;

static const init_options init_defaults = {.backbone = DMS_BACKBONE_RESNET152,
                                           .seed = 1};

static const dms_option init_list[] = {
    {.name = "out",
     .letter = 'o',
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     DMS_OPTION_FIELD(init_options, out),
     .help = "model file to write (safetensors)"},
    {.name = "labels",
     .type = DMS_OPTION_TEXT,
     .unit = "LABELS",
     DMS_OPTION_FIELD(init_options, labels),
     .help = "labels of the outputs, in the form of train's --labels; empty: "
             "ODIR's N to O"},
    {.name = "seed",
     .type = DMS_OPTION_UINT64,
     DMS_OPTION_FIELD(init_options, seed),
     .help = "seed of the initial weights"},
    {.name = "backbone",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(init_options, backbone),
     .choice = cli_backbone_word,
     .help = "network that turns a photograph into a feature map"}};

static const dms_option_table init_table = {
    init_list, sizeof(init_list) / sizeof(*init_list), &init_defaults,
    sizeof(init_options)};

static dms_status run_init(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const init_options *options = run->args->values[0];
    dms_architecture arch = *(const dms_architecture *)run->args->values[1];
    dms_model *model = NULL;
    dms_label_set *labels = NULL;

    arch.backbone = options->backbone;
    TRY(cli_args_require(options->out, "out", "the model file to write", err));
    TRY(dms_file_try(options->out, err));
    if (options->labels[0] != '\0')
        TRY(dms_label_set_parse(&labels, options->labels, err));
    TRY(dms_model_create(&model, &arch, labels, options->seed, err));
    TRY(dms_model_write(model, options->out, err));
done:
    dms_label_set_destroy(labels);
    dms_model_destroy(model);
    return st;
}

const cli_command cli_command_init = {
    .name = "init",
    .summary = "make an untrained model file",
    .arguments = "",
    .text = "Write a model file with random initial weights. Training does not "
            "need one; it is for experiments and for comparison with other "
            "programs.\n\n--out is required.",
    .tables = {{.options = &init_table}, {.options = &cli_architecture_table}},
    .run = run_init};
