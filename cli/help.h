/* Help, the manual page and completion: all from the option tables. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "command.h"

/* `dmsnet --help`: the verbs; with a prefix ("data") only those below it. */
void cli_help_verbs(FILE *out, const char *prefix);

/* `dmsnet VERB --help`, wrapped at 80 columns. */
void cli_help_command(FILE *out, const cli_command *command);

/* groff -man source for dmsnet(1). */
void cli_man_write(FILE *out);

/* A script for bash to source. */
void cli_completion_bash(FILE *out);

/* Placeholder of the option's value: N, X, TIME, WORD, FILE ...; "" for a
 * switch. */
const char *cli_option_value(const dms_option *option);

/* "pictures' side (32 to 2048 px; default 224)": help, range and default. */
void cli_option_describe(char *text, size_t capacity, const dms_option *option,
                         const void *defaults);

/* Is it a switch that is on unless --no-NAME is given? */
bool cli_option_is_on(const dms_option *option, const void *defaults);

#endif
