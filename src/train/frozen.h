/* The rows that a run does not train, when the run is resumed. last.safetensors
 * contains them, with the same values from its first writing to its last, and
 * the checkpoint has their digest (dms_params_digest). So the two files match,
 * whichever of them was replaced last when a run was killed. */
#ifndef DMS_TRAIN_FROZEN_H
#define DMS_TRAIN_FROZEN_H

#include "graph/params.h"

/* Read the frozen rows from the model file at path. checkpoint is the
 * checkpoint's path, for messages. DMS_EIO, DMS_EFORMAT and DMS_EMISMATCH (also
 * if the digest differs) name both files. */
dms_status dms_frozen_read(dms_params *params, const char *path,
                           uint64_t digest, const char *checkpoint,
                           dms_error *err);

#endif
