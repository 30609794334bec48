/* The verbs, one or a few a file: cmd_<verb>.c. main.c lists them. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "command.h"

extern const cli_command cli_command_completion;
extern const cli_command cli_command_man;
extern const cli_command cli_command_score;

#endif
