/* The run's state as JSON text, and back: the metadata of a checkpoint. */
#ifndef DMS_TRAIN_CHECKPOINT_STATE_H
#define DMS_TRAIN_CHECKPOINT_STATE_H

#include "train/checkpoint.h"

/* text: the caller frees it (dms_free). Every number reads back bit-equal. */
dms_status dms_train_state_format(char **text, const dms_train_state *state,
                                  const dms_optimizer *optimizer,
                                  dms_error *err);

/* state: its log must be empty. name is for messages. DMS_EFORMAT names the key
 * that is missing or has a wrong type. */
dms_status dms_train_state_parse(dms_train_state *state, const char *text,
                                 const char *name, dms_error *err);

/* Parse the optimiser's step and pending, and the digest of the frozen rows. */
dms_status dms_train_state_parse_optimizer(dms_optimizer *optimizer,
                                           uint64_t *frozen_digest,
                                           const char *text, const char *name,
                                           dms_error *err);

#endif
