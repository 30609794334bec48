/* The rows that a run does not train, between two parts of the run: they are
 * found in last.safetensors, which holds the same values of them from its first
 * writing to its last, and the checkpoint has their digest. Whichever of the
 * two files was replaced last when a run was killed, they belong together. */
#ifndef DMS_TRAIN_FROZEN_H
#define DMS_TRAIN_FROZEN_H

#include "graph/params.h"

/* Of the frozen rows' names, shapes and values in row-major order; 0 where no
 * row is frozen, never else. DMS_ENOMEM. */
dms_status dms_frozen_digest(uint64_t *digest, const dms_params *params,
                             dms_error *err);

/* Read the frozen rows from the model file at path. checkpoint, its path, is
 * for messages: DMS_EIO, DMS_EFORMAT and DMS_EMISMATCH, the last also where
 * their digest is another one, name both files. */
dms_status dms_frozen_read(dms_params *params, const char *path,
                           uint64_t digest, const char *checkpoint,
                           dms_error *err);

#endif
