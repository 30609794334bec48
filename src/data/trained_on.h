/* Which photographs a model was trained on, as digests of their pixels
 * (image/digest.h): ids and names can be guessed, and change. */
#ifndef DMS_DATA_TRAINED_ON_H
#define DMS_DATA_TRAINED_ON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/loader.h"

/* Zero-initialise; release. */
typedef struct dms_trained_on {
    uint64_t *digests; /* owned, ascending, each once; NULL: not known */
    size_t count;
} dms_trained_on;

/* Where a safetensors file's __metadata__ has them. */
#define DMS_TRAINED_ON_KEY "dmsnet-trained-on"

void dms_trained_on_release(dms_trained_on *set);

/* The set and these: in any order, more than once, 0 for none. DMS_ENOMEM
 * leaves the set as it was. */
dms_status dms_trained_on_add(dms_trained_on *set, const uint64_t *digests,
                              size_t count, dms_error *err);

bool dms_trained_on_has(const dms_trained_on *set, uint64_t digest);

/* Is a photograph that is looked at of this patient in the set? */
bool dms_trained_on_patient(const dms_trained_on *set,
                            const dms_dataset *dataset, const dms_cache *cache,
                            dms_eyes eyes, size_t patient);

/* 16 hexadecimal digits each, one after the other; dms_free. NULL: not known,
 * or no memory. */
char *dms_trained_on_text(const dms_trained_on *set);

/* The reverse, into an empty set; name is for messages. DMS_EFORMAT where they
 * do not ascend or are no such digits. */
dms_status dms_trained_on_parse(dms_trained_on *set, const char *text,
                                const char *name, dms_error *err);

#endif
