/* Prepared weights: parameters in the kernels' order, stored once for all runs
 * that need the same order.
 *
 * An inference run keeps its weights in the order that its kernels read. The
 * order depends on the shapes, the CPU and the number of threads; its digest
 * is the block's form. Runs with the same values and form share a block:
 *
 *     store ── block (form a) ── run, run, run
 *           └─ block (form b) ── run
 *
 * All functions may be called from several threads, except that one thread
 * destroys the store, last of all. */
#ifndef DMS_GRAPH_KEPT_H
#define DMS_GRAPH_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

typedef struct dms_kept dms_kept;
typedef struct dms_kept_store dms_kept_store;

/* A store for one parameter table whose values do not change. NULL: out of
 * memory. */
dms_kept_store *dms_kept_store_create(void);
/* Every block must have been released. Accepts NULL. */
void dms_kept_store_destroy(dms_kept_store *store);

/* The store's block of that form, or a new, empty one. store = NULL: a block
 * that is not shared. Release it once per acquire; store must outlive it. */
dms_status dms_kept_acquire(dms_kept **out, dms_kept_store *store,
                            uint64_t form, size_t size, dms_error *err);
void dms_kept_release(dms_kept *kept); /* accepts NULL */

/* The number of users, including the caller. */
size_t dms_kept_users(const dms_kept *kept);

/* size bytes, aligned to 64. All users may read it once it is filled. Valid
 * until release. */
void *dms_kept_data(const dms_kept *kept);

/* Call fill to write the block unless it is already filled. Other threads wait
 * meanwhile; after a failure the next caller tries again. */
dms_status dms_kept_fill(dms_kept *kept,
                         dms_status (*fill)(void *user, dms_error *err),
                         void *user, dms_error *err);

/* Set by whoever fills the block: some weight is so large that values may
 * overflow; see run_watch.c. */
void dms_kept_set_heavy(dms_kept *kept, bool heavy);
bool dms_kept_is_heavy(const dms_kept *kept);

/* The values have changed: the next dms_kept_fill fills again. Only for a
 * block without a store. */
void dms_kept_empty(dms_kept *kept);

/* Write a filled block to a new memory file, sealed against change, for other
 * processes. The caller closes *fd. values: a digest of the table's values,
 * which the reader compares. DMS_EIO, DMS_ENOMEM. */
dms_status dms_kept_write(int *fd, const dms_kept *kept, uint64_t values,
                          dms_error *err);

/* Map such a file into the store, where acquire then finds it; fd stays the
 * caller's. DMS_EFORMAT if it is not such a file, DMS_EMISMATCH if it was made
 * from other values or by another version. */
dms_status dms_kept_map(dms_kept **out, dms_kept_store *store, int fd,
                        uint64_t values, dms_error *err);

size_t dms_kept_size(const dms_kept *kept);

#endif
