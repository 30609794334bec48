/* Batches from the cache. A batch is a function of its patients, the epoch and
 * the options, so resuming a training run needs no state of the loader. */
#ifndef DMS_DATA_LOADER_H
#define DMS_DATA_LOADER_H

#include "data/cache.h"
#include "image/augment.h"

/* Where a batch of N patients is written; the caller's memory. */
typedef struct dms_batch {
    float *images;     /* 2N x 3 x S x S normalised, all left eyes first;
                          NULL: not wanted */
    float *labels;     /* N x K of 0 or 1; NaN: unknown. NULL: not wanted */
    float *eye_labels; /* 2N x K of 0 or 1, all left eyes first; NaN: unknown,
                          or the eye has no labels. NULL: not wanted */
    int size; /* S, at most the cache's; 0: the cache's. Smaller needs a loader
                 with augmentation, of which all settings may be 0 */
} dms_batch;

typedef struct dms_loader_options {
    dms_eyes eyes; /* LEFT, RIGHT: that eye is used on both sides */
    const dms_augment *augment; /* copied; NULL: no augmentation */
    uint64_t seed;              /* of the augmentation */
} dms_loader_options;

typedef struct dms_loader dms_loader;

/* dataset and cache are borrowed. DMS_ENOMEM. */
dms_status dms_loader_create(dms_loader **out, const dms_dataset *dataset,
                             const dms_cache *cache,
                             const dms_loader_options *options, dms_error *err);
void dms_loader_destroy(dms_loader *loader);

/* Fill a batch. Each patient must be one of dms_loader_usable's. If one
 * photograph is missing, the other is used in its place, and the missing eye
 * has no labels. Allocates nothing. With augmentation, only one thread at a
 * time may call it. */
void dms_loader_fill(dms_loader *loader, const dms_batch *batch,
                     const size_t *patients, int count, uint64_t epoch);

/* The eye whose photograph is used at this side (dms_eyes_source); -1: none. */
int dms_loader_source(const dms_dataset *dataset, const dms_cache *cache,
                      dms_eyes eyes, size_t patient, int side);

/* The digest of that photograph (image/digest.h); 0: none. */
uint64_t dms_loader_digest(const dms_dataset *dataset, const dms_cache *cache,
                           dms_eyes eyes, size_t patient, int side);

/* Does this patient have a readable photograph of an eye in `eyes`? */
bool dms_loader_can_use(const dms_dataset *dataset, const dms_cache *cache,
                        size_t patient, dms_eyes eyes);

/* The labelled patients of a split (NONE: of all) for whom dms_loader_can_use
 * holds, in the data set's order.
 * indices  out: owned by the caller (dms_free); never NULL on success */
dms_status dms_loader_usable(size_t **indices, size_t *count,
                             const dms_dataset *dataset, const dms_cache *cache,
                             dms_split split, dms_eyes eyes, dms_error *err);

/* Shuffle `patients` into that epoch's order, which depends only on the list,
 * seed and epoch.
 *
 * order  out: count patients; may be the same array as patients */
void dms_sampler_order(size_t *order, const size_t *patients, size_t count,
                       uint64_t seed, uint64_t epoch);

#endif
