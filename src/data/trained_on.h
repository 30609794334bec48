/* Which photographs a model was trained on, as digests of their pixels
 * (image/digest.h); ids and names could be guessed, and may change. */
#ifndef DMS_DATA_TRAINED_ON_H
#define DMS_DATA_TRAINED_ON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/loader.h"

/* Zero-initialise; release. */
typedef struct dms_trained_on {
    uint64_t *digests; /* owned, ascending, no duplicates, none 0; NULL: not
                          known */
    size_t count;
} dms_trained_on;

/* The key in a safetensors file's __metadata__. */
#define DMS_TRAINED_ON_KEY "dmsnet-trained-on"

void dms_trained_on_release(dms_trained_on *set);

/* Add digests in any order; duplicates and 0 are skipped. DMS_ENOMEM leaves the
 * set unchanged. */
dms_status dms_trained_on_add(dms_trained_on *set, const uint64_t *digests,
                              size_t count, dms_error *err);

bool dms_trained_on_has(const dms_trained_on *set, uint64_t digest);

/* Is one of the patient's photographs that the model uses in the set? */
bool dms_trained_on_patient(const dms_trained_on *set,
                            const dms_dataset *dataset, const dms_cache *cache,
                            dms_eyes eyes, size_t patient);

/* 16 hexadecimal digits per digest, without separators; dms_free. NULL: not
 * known, or out of memory. */
char *dms_trained_on_text(const dms_trained_on *set);

/* Parse such a text into an empty set; name is for messages. DMS_EFORMAT if the
 * digests do not ascend or the text is not such digits. */
dms_status dms_trained_on_parse(dms_trained_on *set, const char *text,
                                const char *name, dms_error *err);

#endif
