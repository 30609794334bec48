/* The options of an architecture behind its backbone, for verbs that make
 * models. */
#ifndef CLI_ARCHITECTURE_OPTIONS_H
#define CLI_ARCHITECTURE_OPTIONS_H

#include "dms/architecture.h"
#include "dms/option.h"

/* Over a dms_architecture: width, context, fusion, eyes, task, size. */
extern const dms_option_table cli_architecture_table;

/* For a DMS_OPTION_CHOICE of a dms_backbone. */
const char *cli_backbone_word(int backbone);

#endif
