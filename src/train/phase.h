/* What changes from epoch to epoch: which part of the backbone is frozen, and
 * the size of the photographs. Both follow from the options and the epoch
 * alone, so that a resumed run needs no memory of them. */
#ifndef DMS_TRAIN_PHASE_H
#define DMS_TRAIN_PHASE_H

#include <stdint.h>

#include "dms/train.h"

typedef struct dms_train_phase {
    dms_freeze frozen; /* the last frozen part of the backbone */
    int size;          /* side of the training photographs */
} dms_train_phase;

/* The phase of that epoch, from 0. With --start-size N the epochs are divided
 * evenly among the sizes N, N + 32, ... up to --size, the last epoch at --size:
 * of n sizes, epoch e of E has number ceil((e + 1) n / E). */
dms_train_phase dms_train_phase_at(const dms_train_options *options,
                                   int64_t epoch);

/* No epoch has larger nets than this phase, or more rows to train. */
dms_train_phase dms_train_phase_largest(const dms_train_options *options);

/* The names under which a backbone's rows begin up to that part, ended by
 * NULL. */
const char *const *dms_train_frozen_names(dms_freeze part);

/* The last part that stays frozen for the whole run, and the last one that is
 * frozen in its first epoch. */
dms_freeze dms_train_frozen_always(const dms_train_options *options);
dms_freeze dms_train_frozen_first(const dms_train_options *options);

#endif
