/* `dmsnet init --out M`: a fresh model file. */
#include "commands.h"

#include <stdio.h>

#include "args.h"
#include "dms/model.h"
#include "fail.h"

typedef struct init_options {
    dms_architecture arch;
    uint64_t seed;
    char out[1024];
} init_options;

static const char *backbone_word(int i)
{
    return dms_backbone_name((dms_backbone)i);
}

static const char *context_word(int i)
{
    return dms_context_name((dms_context)i);
}

static const char *fusion_word(int i)
{
    return dms_fusion_name((dms_fusion)i);
}

static const char *eyes_word(int i)
{
    return dms_eyes_name((dms_eyes)i);
}

static const char *task_word(int i)
{
    return dms_task_name((dms_task)i);
}

static const init_options init_defaults = {
    .arch = {.backbone = DMS_BACKBONE_RESNET152,
             .context = DMS_CONTEXT_MSCAM,
             .fusion = DMS_FUSION_DMFF,
             .eyes = DMS_EYES_BOTH,
             .task = DMS_TASK_MULTI_LABEL,
             .width = 512,
             .size = 224},
    .seed = 1};

static const dms_option init_list[] = {
    {.name = "out",
     .letter = 'o',
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     DMS_OPTION_FIELD(init_options, out),
     .help = "model file to write (safetensors)"},
    {.name = "seed",
     .type = DMS_OPTION_UINT64,
     DMS_OPTION_FIELD(init_options, seed),
     .help = "of the initial values"},
    {.name = "backbone",
     .type = DMS_OPTION_CHOICE,
     .section = "Architecture",
     DMS_OPTION_FIELD(init_options, arch.backbone),
     .choice = backbone_word,
     .help = "network that turns a photograph into a feature map"},
    {.name = "width",
     .type = DMS_OPTION_INT,
     .unit = "channels",
     DMS_OPTION_FIELD(init_options, arch.width),
     .min = 16,
     .max = 2048,
     .help = "width D behind the backbone, a multiple of 16"},
    {.name = "context",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(init_options, arch.context),
     .choice = context_word,
     .help = "multi-scale context module"},
    {.name = "fusion",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(init_options, arch.fusion),
     .choice = fusion_word,
     .help = "how the two eyes meet"},
    {.name = "eyes",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(init_options, arch.eyes),
     .choice = eyes_word,
     .help = "photographs that are looked at; left or right stands in for "
             "both"},
    {.name = "task",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(init_options, arch.task),
     .choice = task_word,
     .help = "several findings a patient, or exactly one"},
    {.name = "size",
     .type = DMS_OPTION_INT,
     .unit = "px",
     DMS_OPTION_FIELD(init_options, arch.size),
     .min = 32,
     .max = 2048,
     .help = "side of the preprocessed photograph"}};

static const dms_option_table init_table = {
    init_list, sizeof(init_list) / sizeof(*init_list), &init_defaults,
    sizeof(init_options)};

static dms_status run_init(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const init_options *options = run->args->values[0];
    dms_model *model = NULL;

    TRY(cli_args_require(options->out, "out", "the model file to write", err));
    TRY(dms_architecture_check(&options->arch, err));
    TRY(dms_model_create(&model, &options->arch, options->seed, err));
    TRY(dms_model_write(model, options->out, err));
done:
    dms_model_destroy(model);
    return st;
}

const cli_command cli_command_init = {
    .name = "init",
    .summary = "make a fresh, untrained model file",
    .arguments = "",
    .text = "Write a model file with random initial values. Training makes its "
            "own; this serves experiments and comparisons with other programs."
            "\n\n"
            "--out must be given.",
    .tables = {{.options = &init_table}},
    .run = run_init};
