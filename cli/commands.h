/* The verbs, one or a few per file: cmd_<verb>.c. main.c lists them. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "command.h"
#include "dms/metrics.h"

/* Print a report on standard output, in words or as JSON (cmd_score.c). */
dms_status cli_report_print(const dms_report *report, bool json,
                            dms_error *err);

extern const cli_command cli_command_adapt;
extern const cli_command cli_command_average;
extern const cli_command cli_command_bench;
extern const cli_command cli_command_calibrate;
extern const cli_command cli_command_compare;
extern const cli_command cli_command_completion;
extern const cli_command cli_command_data_check;
extern const cli_command cli_command_evaluate;
extern const cli_command cli_command_export;
extern const cli_command cli_command_import;
extern const cli_command cli_command_info;
extern const cli_command cli_command_init;
extern const cli_command cli_command_man;
extern const cli_command cli_command_models;
extern const cli_command cli_command_predict;
extern const cli_command cli_command_quantize;
extern const cli_command cli_command_score;
extern const cli_command cli_command_synth;
extern const cli_command cli_command_tensor_backward;
extern const cli_command cli_command_tensor_forward;
extern const cli_command cli_command_train;

#endif
