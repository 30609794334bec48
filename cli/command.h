/* A verb of the command line: what it is called, takes and does. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/monitor.h"
#include "dms/option.h"
#include "dms/status.h"

enum { CLI_TABLES_MAX = 4 };

/* Options of a verb, as a table or as a function that gives it; an entry with
 * neither ends a list. */
typedef struct cli_table {
    const dms_option_table *options;
    const dms_option_table *(*get)(void);
    const char *section; /* read from `--config FILE` under this key; NULL: the
                          * command line only */
} cli_table;

typedef struct cli_args cli_args;

/* What a verb is given to do its work. */
typedef struct cli_run {
    const cli_args *args;
    const dms_monitor *monitor;
    size_t failed_inputs; /* out: > 0 makes the exit status 1 */
} cli_run;

typedef struct cli_command {
    const char *name;      /* "synth", "data check" */
    const char *summary;   /* one line for the list; no full stop */
    const char *arguments; /* as in the usage line: "DIR", "" */
    const char *text;      /* sentences; paragraphs are parted by "\n\n" */
    int arguments_min;
    int arguments_max;
    cli_table tables[CLI_TABLES_MAX + 1];
    /* NULL, or chooses the file to read as --config when none is given, from
     * the other options; leaves path empty for none. */
    void (*find_config)(char *path, size_t capacity, const cli_args *args);
    bool computes; /* runs a network, so cli_wait_briefly comes first */
    /* DMS_EINVAL is invalid usage (exit status 2), other failures are 3. */
    dms_status (*run)(cli_run *run, dms_error *err);
} cli_command;

/* Exit statuses; the man page and docs/command-line.md say the same. */
enum { CLI_GOOD = 0, CLI_SOME_FAILED = 1, CLI_WRONG_USE = 2, CLI_FAILED = 3 };

/* Options that every verb has. */
typedef struct cli_common {
    bool help;
    char *log;    /* a level, a file, or "" */
    char *config; /* verbs with a section only */
} cli_common;

/* with_config: the table for verbs that have a section. */
const dms_option_table *cli_common_table(bool with_config);

bool cli_command_has_config(const cli_command *command);

/* Number of the verb's own tables. */
int cli_command_tables(const cli_command *command);

/* Those tables in order and, last, the common one; NULL past the end. */
const dms_option_table *cli_command_table(const cli_command *command, int i);

/* All verbs in the order in which help shows them, ended by NULL (main.c). */
extern const cli_command *const cli_commands[];

#endif
