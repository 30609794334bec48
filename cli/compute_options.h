/* The options of how a model is run, for verbs that run one. */
#ifndef CLI_COMPUTE_OPTIONS_H
#define CLI_COMPUTE_OPTIONS_H

#include "dms/compute.h"
#include "dms/option.h"

/* Over a dms_compute: precision, winograd, threads. */
extern const dms_option_table cli_compute_table;

/* workers too: for verbs that run many patients. */
extern const dms_option_table cli_compute_many_table;

/* tta too: for verbs that answer. */
extern const dms_option_table cli_compute_answer_table;

#endif
