/* The words of a command line, read by a verb's option tables.
 *
 *     --name VALUE  --name=VALUE  --flag  --no-flag  -n VALUE  -nVALUE  -ab
 *
 * Options and arguments mix freely; after `--` all words are arguments. If an
 * option is given twice, the last value counts. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "command.h"

struct cli_args {
    const cli_command *command;
    void *values[CLI_TABLES_MAX]; /* one struct per table, owned */
    cli_common common;
    char **arguments; /* the list is owned, the words are argv's */
    int count;
    struct cli_setting *settings; /* owned: options as given, in order */
    int settings_count;
};

/* Read the words that follow the verb.
 *
 * args  out: defaults, then the --config file, then the words; released by
 *       the caller in any case
 * If --help is among the words, the others are not checked. DMS_EINVAL names
 * the option, what is wrong with it, and the nearest valid name. */
dms_status cli_args_parse(cli_args *args, const cli_command *command, int count,
                          char **words, dms_error *err);
void cli_args_release(cli_args *args);

/* Was the option given on the command line (not only in the file)? */
bool cli_args_given(const cli_args *args, const char *name);

/* All values of an option that may be given several times, in the order of the
 * command line; an empty one is left out.
 *
 * values  out: the list, to be freed by the caller; its texts are borrowed.
 *         NULL: out of memory
 * Returns how many. */
size_t cli_args_values(const char ***values, const cli_args *args,
                       const char *name);

/* DMS_EINVAL "--name is required: what" unless the text option has a value. */
dms_status cli_args_require(const char *value, const char *name,
                            const char *what, dms_error *err);

/* The help of an option that takes a model, behind what it is for. */
#define CLI_MODEL_HELP "a file, or a name that 'dmsnet models' lists"

/* The values of --split in the order of dms_split, NONE being "all"; ends with
 * NULL. */
extern const char *const cli_split_words[];

/* Do two paths name one file? false where a is "". */
bool cli_args_same_file(const char *a, const char *b);

#endif
