/* `dmsnet models`: list the models that ship with dmsnet. */
#include "commands.h"

#include <stdio.h>

#include "args.h"
#include "dms/model.h"

typedef struct models_options {
    bool json;
} models_options;

static const models_options models_defaults = {.json = false};

static const dms_option models_list[] = {
    {.name = "json",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(models_options, json),
     .help = "print as JSON"}};

static const dms_option_table models_table = {models_list, 1, &models_defaults,
                                              sizeof(models_options)};

static dms_status run_models(cli_run *run, dms_error *err)
{
    const models_options *options = run->args->values[0];
    char *text = NULL;
    dms_status st = dms_model_list(&text, options->json, err);

    if (st == DMS_OK)
        printf(options->json ? "%s\n" : "%s", text);
    dms_text_free(text);
    return st;
}

const cli_command cli_command_models = {
    .name = "models",
    .summary = "list the models that ship with dmsnet",
    .arguments = "",
    .text =
        "Print name, file, size, SHA-256 and labels of each model that ships "
        "with dmsnet, and the figures of its card.\n\nWherever a verb takes a "
        "model, it takes such a name too: --model odir-small. A word without "
        "'/' and '.' is looked up as a name first and only then as a file of "
        "the working directory; ./odir-small is always a file.",
    .tables = {{.options = &models_table}},
    .run = run_models};
