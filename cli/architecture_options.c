/* The options of an architecture, read straight into a dms_architecture. */
#include "architecture_options.h"

#include <stddef.h>

const char *cli_backbone_word(int backbone)
{
    return dms_backbone_name((dms_backbone)backbone);
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

static const dms_architecture architecture_defaults = {
    .backbone = DMS_BACKBONE_RESNET152,
    .context = DMS_CONTEXT_MSCAM,
    .fusion = DMS_FUSION_DMFF,
    .eyes = DMS_EYES_BOTH,
    .task = DMS_TASK_MULTI_LABEL,
    .width = 512,
    .size = 224};

static const dms_option architecture_list[] = {
    {.name = "width",
     .type = DMS_OPTION_INT,
     .section = "Architecture",
     .unit = "channels",
     DMS_OPTION_FIELD(dms_architecture, width),
     .min = 16,
     .max = 2048,
     .help = "width D of the context and fusion modules; a multiple of 16"},
    {.name = "context",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(dms_architecture, context),
     .choice = context_word,
     .help = "multi-scale context module"},
    {.name = "fusion",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(dms_architecture, fusion),
     .choice = fusion_word,
     .help = "how the two eyes' features are combined"},
    {.name = "eyes",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(dms_architecture, eyes),
     .choice = eyes_word,
     .help = "eyes that the model uses; left or right: that eye stands in for "
             "both"},
    {.name = "task",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(dms_architecture, task),
     .choice = task_word,
     .help = "single-label: exactly one finding per patient; multi-label: as "
             "the labels say"},
    {.name = "size",
     .type = DMS_OPTION_INT,
     .unit = "px",
     DMS_OPTION_FIELD(dms_architecture, size),
     .min = 32,
     .max = 2048,
     .help = "side S of the preprocessed photographs"}};

const dms_option_table cli_architecture_table = {
    architecture_list, sizeof(architecture_list) / sizeof(*architecture_list),
    &architecture_defaults, sizeof(dms_architecture)};
