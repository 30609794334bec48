/* `dmsnet info MODEL`: describe a model file. */
#include "commands.h"

#include <stdio.h>

#include "args.h"
#include "dms/model.h"
#include "fail.h"

typedef struct info_options {
    bool json;
} info_options;

static const info_options info_defaults = {.json = false};

static const dms_option info_list[] = {{.name = "json",
                                        .type = DMS_OPTION_FLAG,
                                        DMS_OPTION_FIELD(info_options, json),
                                        .help = "print as JSON"}};

static const dms_option_table info_table = {info_list, 1, &info_defaults,
                                            sizeof(info_options)};

static dms_status run_info(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const info_options *options = run->args->values[0];
    dms_model *model = NULL;
    char *text = NULL;

    TRY(dms_model_open(&model, run->args->arguments[0], run->monitor, err));
    TRY(dms_model_describe(&text, model, options->json, err));
    fputs(text, stdout);
done:
    dms_text_free(text);
    dms_model_destroy(model);
    return st;
}

const cli_command cli_command_info = {
    .name = "info",
    .summary = "describe a model file",
    .arguments = "MODEL",
    .text = "Print architecture, number of parameters, labels, preprocessing, "
            "thresholds and provenance of a model: " CLI_MODEL_HELP ".",
    .arguments_min = 1,
    .arguments_max = 1,
    .tables = {{.options = &info_table}},
    .run = run_info};
