/* Threads side by side that take pieces of work from one queue.
 *
 * They sleep where there is none, meet nowhere, and live from create to
 * destroy. One worker is no thread: the caller does the work itself. */
#ifndef DMS_MACHINE_POOL_H
#define DMS_MACHINE_POOL_H

#include <stddef.h>

#include "dms/monitor.h"
#include "dms/status.h"

typedef struct dms_pool dms_pool;

typedef struct dms_pool_options {
    int count;   /* workers, >= 1 */
    int threads; /* OpenMP threads of each; 0: as many as OpenMP gives */
    /* Makes what worker 0 .. count-1 works with, on its own thread, all at
     * once; what was made is the caller's to destroy, also after a failure. */
    dms_status (*start)(void *user, int worker, dms_error *err);
    void *user; /* of start */
} dms_pool_options;

/* Returns when all have started. DMS_ENOMEM, DMS_EIO where the system gives no
 * more threads, or what start fails with: that of the first worker in order. */
dms_status dms_pool_create(dms_pool **out, const dms_pool_options *options,
                           dms_error *err);

/* Joins the threads. Accepts NULL. */
void dms_pool_destroy(dms_pool *workers);

/* Units 0 .. total-1, cut into pieces that are taken in order. */
typedef struct dms_work {
    /* Do the units at .. at+count-1 on the worker's thread. */
    dms_status (*run)(void *user, int worker, size_t at, size_t count,
                      dms_error *err);
    void *user; /* of run */
    size_t total;
    size_t piece;      /* units that are taken at once, >= 1 */
    const char *stage; /* of the progress, which counts units */
} dms_work;

/* Do the work; one caller at a time. The monitor is called from this thread.
 *
 * The first failure, and a wish to stop (DMS_ESTOPPED), let the pieces at hand
 * finish and no other begin; of several failures the one of the lowest unit is
 * given. done  out: every unit before it was run, and none behind. */
dms_status dms_pool_run(size_t *done, dms_pool *workers, const dms_work *work,
                        const dms_monitor *monitor, dms_error *err);

#endif
