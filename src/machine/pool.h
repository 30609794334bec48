/* A thread pool whose workers take pieces of work from one queue.
 *
 * The threads live from create to destroy, sleep while there is no work, and
 * never wait for each other. With one worker there is no thread: the caller
 * does the work itself. */
#ifndef DMS_MACHINE_POOL_H
#define DMS_MACHINE_POOL_H

#include <stddef.h>

#include "dms/monitor.h"
#include "dms/status.h"

typedef struct dms_pool dms_pool;

typedef struct dms_pool_options {
    int count;   /* workers, >= 1 */
    int threads; /* OpenMP threads per worker; 0: OpenMP's default */
    /* Create what a worker (0 .. count-1) needs, on its own thread, all
     * workers in parallel. The caller destroys it, also after a failure. */
    dms_status (*start)(void *user, int worker, dms_error *err);
    void *user; /* passed to start */
} dms_pool_options;

/* Returns when all workers have started. DMS_ENOMEM, DMS_EIO if a thread
 * cannot be created, or the failure of start in the lowest worker. */
dms_status dms_pool_create(dms_pool **out, const dms_pool_options *options,
                           dms_error *err);

/* Joins the threads. Accepts NULL. */
void dms_pool_destroy(dms_pool *workers);

/* Units 0 .. total-1, split into pieces that are taken in order. */
typedef struct dms_work {
    /* Do units at .. at+count-1 on the worker's thread. */
    dms_status (*run)(void *user, int worker, size_t at, size_t count,
                      dms_error *err);
    void *user; /* passed to run */
    size_t total;
    size_t piece;      /* units per piece, >= 1 */
    const char *stage; /* name in progress reports, which count units */
} dms_work;

/* Do the work; one caller at a time. The monitor is called from this thread.
 *
 * After a failure or a request to stop (DMS_ESTOPPED), running pieces finish
 * and no other piece starts. Of several failures, the one at the lowest unit is
 * reported.
 *
 * done  out: units 0 .. *done-1 were run, and no others */
dms_status dms_pool_run(size_t *done, dms_pool *workers, const dms_work *work,
                        const dms_monitor *monitor, dms_error *err);

#endif
