/* dmsnet: the table of verbs, and what happens around each of them. */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "dms/model.h"
#include "fail.h"
#include "help.h"
#include "progress.h"
#include "waiting.h"

const cli_command *const cli_commands[] = {&cli_command_train,
                                           &cli_command_evaluate,
                                           &cli_command_predict,
                                           &cli_command_data_check,
                                           &cli_command_score,
                                           &cli_command_compare,
                                           &cli_command_info,
                                           &cli_command_models,
                                           &cli_command_init,
                                           &cli_command_import,
                                           &cli_command_adapt,
                                           &cli_command_calibrate,
                                           &cli_command_average,
                                           &cli_command_export,
                                           &cli_command_quantize,
                                           &cli_command_synth,
                                           &cli_command_bench,
                                           &cli_command_tensor_forward,
                                           &cli_command_tensor_backward,
                                           &cli_command_completion,
                                           &cli_command_man,
                                           NULL};

/* Do the first `used` words spell name ("data check")? */
static bool spells(const char *name, int count, char **words, int *used)
{
    for (*used = 0; *used < count; ++*used) {
        size_t len = strcspn(name, " ");

        if (strlen(words[*used]) != len ||
            strncmp(words[*used], name, len) != 0)
            return false;
        name += len;
        if (*name == '\0')
            return ++*used, true;
        name++;
    }
    return false;
}

static const cli_command *find_command(int count, char **words, int *used)
{
    for (const cli_command *const *c = cli_commands; *c != NULL; c++)
        if (spells((*c)->name, count, words, used))
            return *c;
    return NULL;
}

/* Is word the first one of a longer verb, as "data" is of "data check"? */
static bool is_family(const char *word)
{
    size_t len = strlen(word);

    for (const cli_command *const *c = cli_commands; *c != NULL; c++)
        if (strncmp((*c)->name, word, len) == 0 && (*c)->name[len] == ' ')
            return true;
    return false;
}

static int unknown_verb(const char *given)
{
    const char *best = NULL;
    char text[256];

    for (const cli_command *const *c = cli_commands; *c != NULL; c++) {
        const char *name = (*c)->name;

        if (dms_word_is_near(given, name) &&
            (best == NULL ||
             dms_word_distance(given, name) < dms_word_distance(given, best)))
            best = name;
    }
    snprintf(text, sizeof(text), "dmsnet: '%.80s' is not a verb%s%s%s", given,
             best ? "; did you mean '" : "", best ? best : "",
             best ? "'?" : "; 'dmsnet --help' lists them");
    cli_put_line(stderr, text);
    return CLI_WRONG_USE;
}

/* Words that name no verb: help, the version or an error. */
static int no_command(int count, char **words)
{
    const cli_command *command;
    char both[128];
    int used;

    if (count == 0) {
        cli_help_verbs(stderr, NULL);
        return CLI_WRONG_USE;
    }
    if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
        cli_help_verbs(stdout, NULL);
        return CLI_GOOD;
    }
    if (strcmp(words[0], "help") == 0) {
        command = find_command(count - 1, words + 1, &used);
        if (command == NULL)
            return no_command(count - 1, words + 1);
        cli_help_command(stdout, command);
        return CLI_GOOD;
    }
    if (strcmp(words[0], "--version") == 0) {
        char backend[64];

        dms_backend_text(backend, sizeof(backend));
        printf("dmsnet %s (%s)\n", dms_version(), backend);
        return CLI_GOOD;
    }
    if (!is_family(words[0]))
        return unknown_verb(words[0]);
    if (count > 1 && strcmp(words[1], "--help") == 0) {
        cli_help_verbs(stdout, words[0]);
        return CLI_GOOD;
    }
    if (count > 1 && words[1][0] != '-') {
        snprintf(both, sizeof(both), "%s %s", words[0], words[1]);
        return unknown_verb(both);
    }
    cli_help_verbs(stderr, words[0]);
    return CLI_WRONG_USE;
}

/* Print the reason on stderr; return the exit status. */
static int report(cli_progress *progress, const cli_command *command,
                  dms_status st, const dms_error *err)
{
    char text[sizeof(err->message) + 64];

    if (st == DMS_OK)
        return CLI_GOOD;
    snprintf(text, sizeof(text), "%s: %s", command->name,
             *err->message ? err->message : dms_status_name(st));
    cli_progress_say(progress, DMS_LOG_ERROR, text);
    if (st != DMS_EINVAL)
        return CLI_FAILED;
    fprintf(stderr, "Try 'dmsnet %s --help'.\n", command->name);
    return CLI_WRONG_USE;
}

static int run_command(const cli_command *command, const cli_args *args)
{
    cli_progress progress = {0};
    dms_error err = {0};
    dms_status st = cli_progress_open(&progress, args->common.log, &err);
    dms_monitor monitor = cli_progress_monitor(&progress);
    cli_run run = {.args = args, .monitor = &monitor};
    int exit_status;

    cli_signals_catch();
    if (st == DMS_OK)
        st = command->run(&run, &err);
    if ((fflush(stdout) != 0 || ferror(stdout)) && st == DMS_OK)
        st = cli_fail(&err, DMS_EIO, "standard output cannot be written");
    exit_status = report(&progress, command, st, &err);
    cli_progress_close(&progress);
    if (exit_status == CLI_GOOD && run.failed_inputs > 0)
        return CLI_SOME_FAILED;
    return exit_status;
}

int main(int argc, char **argv)
{
    int used = 0, exit_status;
    const cli_command *command = find_command(argc - 1, argv + 1, &used);
    cli_progress progress = {0};
    cli_args args;
    dms_error err = {0};
    dms_status st;

    if (command == NULL)
        return no_command(argc - 1, argv + 1);
    st = cli_args_parse(&args, command, argc - 1 - used, argv + 1 + used, &err);
    if (st != DMS_OK) {
        exit_status = report(&progress, command, st, &err);
    } else if (args.common.help) {
        exit_status = (cli_help_command(stdout, command), CLI_GOOD);
    } else {
        if (command->computes)
            cli_wait_briefly(argv);
        exit_status = run_command(command, &args);
    }
    cli_args_release(&args);
    return exit_status;
}
