/* Parameters in the order of the kernels, kept once for all runs alike.
 *
 * A run for inference keeps its weights as its kernels want them. Which order
 * that is follows from the shapes, the CPU and the threads; its digest is the
 * block's form. Runs of one table of values and one form share one block:
 *
 *     store ── block (form a) ── run, run, run
 *           └─ block (form b) ── run
 *
 * All functions are safe from several threads, but that a store is destroyed
 * last and by one. */
#ifndef DMS_GRAPH_KEPT_H
#define DMS_GRAPH_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

typedef struct dms_kept dms_kept;
typedef struct dms_kept_store dms_kept_store;

/* Of one table of values, which do not change. NULL: out of memory. */
dms_kept_store *dms_kept_store_create(void);
/* Every block has been released. Accepts NULL. */
void dms_kept_store_destroy(dms_kept_store *store);

/* The store's block of that form, or a new, empty one. store NULL: a block of
 * its own. Release it once for each acquire; store must outlive it. */
dms_status dms_kept_acquire(dms_kept **out, dms_kept_store *store,
                            uint64_t form, size_t size, dms_error *err);
void dms_kept_release(dms_kept *kept); /* accepts NULL */

/* How many have it, the caller too. */
size_t dms_kept_users(const dms_kept *kept);

/* size bytes, aligned to 64; whoever shares the block may read it once it is
 * filled. Valid until release. */
void *dms_kept_data(const dms_kept *kept);

/* Let fill write the block unless it is filled. Others wait meanwhile; after a
 * failure the next caller tries again. */
dms_status dms_kept_fill(dms_kept *kept,
                         dms_status (*fill)(void *user, dms_error *err),
                         void *user, dms_error *err);

/* Whoever fills it says whether some weight in it is so great that values may
 * overflow; see run_watch.c. */
void dms_kept_set_heavy(dms_kept *kept, bool heavy);
bool dms_kept_is_heavy(const dms_kept *kept);

/* The values have changed: fill it again. For a block of no store. */
void dms_kept_empty(dms_kept *kept);

/* Write a filled block into a new memory file, sealed against change, for
 * other processes; *fd is the caller's to close. values: a digest of the
 * table's values, which the reader compares. DMS_EIO, DMS_ENOMEM. */
dms_status dms_kept_write(int *fd, const dms_kept *kept, uint64_t values,
                          dms_error *err);

/* Map such a file into the store, where acquire then finds it; the caller
 * keeps fd. DMS_EFORMAT where it is none, DMS_EMISMATCH where it was made of
 * other values or by another version. */
dms_status dms_kept_map(dms_kept **out, dms_kept_store *store, int fd,
                        uint64_t values, dms_error *err);

size_t dms_kept_size(const dms_kept *kept);

#endif
