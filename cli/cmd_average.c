/* `dmsnet average`: one model with the mean of several models' weights. */
#include "commands.h"

#include "args.h"
#include "dms/average.h"
#include "fail.h"

typedef struct average_options {
    char *out;
} average_options;

static const average_options average_defaults;

static const dms_option average_list[] = {
    {.name = "out",
     .letter = 'o',
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     DMS_OPTION_FIELD(average_options, out),
     .help = "model file to write"}};

static const dms_option_table average_table = {
    average_list, sizeof(average_list) / sizeof(*average_list),
    &average_defaults, sizeof(average_options)};

static dms_status run_average(cli_run *run, dms_error *err)
{
    const cli_args *args = run->args;
    const average_options *given = args->values[0];
    dms_status st = DMS_OK;

    TRY(cli_args_require(given->out, "out", "the file to write", err));
    for (int i = 0; i < args->count; i++)
        if (cli_args_same_file(given->out, args->arguments[i])) {
            st = cli_fail(err, DMS_EINVAL,
                          "--out: '%s' is already one of the models",
                          given->out);
            goto done;
        }
    TRY(dms_average(given->out, (const char *const *)args->arguments,
                    (size_t)args->count, run->monitor, err));
done:
    return st;
}

const cli_command cli_command_average = {
    .name = "average",
    .summary = "average the weights of several models",
    .arguments = "MODEL MODEL...",
    .text = "Write a model whose weights and running statistics are the means "
            "of those of 2 to 32 models, for models that were trained from the "
            "same start: epochs or runs with different seeds or options. It "
            "runs as fast as one of them; `dmsnet predict` with several "
            "--model runs them all and averages their logits.\n\nThe models "
            "must have the same architecture, labels and preprocessing, and "
            "none may be quantised. Thresholds and calibration are kept if "
            "they are equal in all. The result lists the files and digests of "
            "their weights (`dmsnet info`). `dmsnet adapt` can estimate its "
            "running statistics anew. --out is required.",
    .arguments_min = 2,
    .arguments_max = 32,
    .tables = {{.options = &average_table}},
    .run = run_average};
