/* The rows that a run does not train, between two parts of the run: they are
 * found in last.safetensors, which holds the same values of them from its first
 * writing to its last, and the checkpoint has their digest (dms_params_digest).
 * Whichever of the two files was replaced last when a run was killed, they
 * belong together. */
#ifndef DMS_TRAIN_FROZEN_H
#define DMS_TRAIN_FROZEN_H

#include "graph/params.h"

/* Read the frozen rows from the model file at path. checkpoint, its path, is
 * for messages: DMS_EIO, DMS_EFORMAT and DMS_EMISMATCH, the last also where
 * their digest is another one, name both files. */
dms_status dms_frozen_read(dms_params *params, const char *path,
                           uint64_t digest, const char *checkpoint,
                           dms_error *err);

#endif
