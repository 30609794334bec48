/* `dmsnet completion bash` and `dmsnet man`. */
#include "commands.h"

#include <string.h>

#include "args.h"
#include "fail.h"
#include "help.h"

static dms_status run_completion(cli_run *run, dms_error *err)
{
    const char *shell = run->args->arguments[0];

    if (strcmp(shell, "bash") != 0)
        return cli_fail(err, DMS_EINVAL,
                        "'%.80s' is not a supported shell, expected bash",
                        shell);
    cli_completion_bash(stdout);
    return DMS_OK;
}

static dms_status run_man(cli_run *run, dms_error *err)
{
    (void)run, (void)err;
    cli_man_write(stdout);
    return DMS_OK;
}

const cli_command cli_command_completion = {
    .name = "completion",
    .summary = "print a completion script for bash",
    .arguments = "bash",
    .text = "Print a script that completes dmsnet's verbs, options and values. "
            "To use it in this shell: source <(dmsnet completion bash)",
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_completion};

const cli_command cli_command_man = {
    .name = "man",
    .summary = "print the manual page",
    .arguments = "",
    .text = "Print the manual page as groff source. To read it: "
            "dmsnet man | man -l -",
    .run = run_man};
