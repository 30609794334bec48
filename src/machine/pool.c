/* The thread pool: a mutex, a queue, and two condition variables, one to wake
 * workers and one to notify the caller. */
#include "machine/pool.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "machine/threads.h"

/* How often a waiting caller checks whether it should stop. */
enum { ASK_MS = 100 };

/* A thread of the pool. */
typedef struct worker {
    dms_pool *pool;
    pthread_t id;
    int index;
} worker;

struct dms_pool {
    dms_pool_options options;
    worker *workers; /* options.count of them; NULL: the caller works */
    int created;     /* threads to join */
    pthread_mutex_t lock;
    pthread_cond_t wake; /* tells workers of new work or the end */
    pthread_cond_t told; /* tells the caller that a worker has finished */
    /* the rest is protected by lock */
    const dms_work *work; /* NULL: none */
    size_t next;          /* first unit not yet taken, <= work->total */
    size_t finished;      /* units done, successfully or not; <= next */
    int busy;             /* workers that are starting or running a piece */
    bool stop;            /* take no more pieces */
    bool quit;
    dms_status status; /* the failure at the lowest unit, failed_at */
    size_t failed_at;
    dms_error error;
};

static size_t piece_at(const dms_work *work, size_t at)
{
    size_t left = work->total - at;

    return left < work->piece ? left : work->piece;
}

/* Lock held: is there a piece left to take? */
static bool has_piece(const dms_pool *w)
{
    return w->work && !w->stop && w->next < w->work->total;
}

/* Lock held: a worker has finished its start or its piece. */
static void tell(dms_pool *w, dms_status st, size_t at, const dms_error *error)
{
    w->busy--;
    if (st != DMS_OK && (w->status == DMS_OK || at < w->failed_at)) {
        w->status = st;
        w->failed_at = at;
        w->error = *error;
        w->stop = true;
    }
    pthread_cond_signal(&w->told);
}

/* Lock held; released while the piece runs. */
static void run_piece(worker *self)
{
    dms_pool *w = self->pool;
    const dms_work *work = w->work;
    size_t at = w->next, count = piece_at(work, at);
    dms_error error = {0};
    dms_status st;

    w->next += count;
    w->busy++;
    pthread_mutex_unlock(&w->lock);
    st = work->run(work->user, self->index, at, count, &error);
    pthread_mutex_lock(&w->lock);
    w->finished += count;
    tell(w, st, at, &error);
}

static void *worker_main(void *arg)
{
    worker *self = arg;
    dms_pool *w = self->pool;
    dms_error error = {0};
    dms_status st;

    dms_threads_unbind();
    dms_threads_use(w->options.threads);
    st = w->options.start(w->options.user, self->index, &error);
    pthread_mutex_lock(&w->lock);
    tell(w, st, (size_t)self->index, &error);
    while (!w->quit)
        if (has_piece(w))
            run_piece(self);
        else
            pthread_cond_wait(&w->wake, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Lock held: hand over the failure recorded since the last call. */
static dms_status take_failure(dms_pool *w, dms_error *err)
{
    dms_status st = w->status;

    if (st != DMS_OK && err && err->code == DMS_OK)
        *err = w->error;
    w->status = DMS_OK;
    w->stop = false;
    return st;
}

static dms_status start_threads(dms_pool *w, dms_error *err)
{
    dms_status st = DMS_OK, started;

    w->workers = dms_calloc((size_t)w->options.count, sizeof *w->workers);
    if (!w->workers)
        return dms_fail_memory(err, "workers");
    pthread_mutex_lock(&w->lock);
    for (int i = 0; i < w->options.count && st == DMS_OK; i++) {
        worker *self = &w->workers[i];

        *self = (worker){.pool = w, .index = i};
        errno = pthread_create(&self->id, NULL, worker_main, self);
        if (errno != 0)
            st = dms_fail_errno(err, "worker %d of %d: cannot start a thread",
                                i + 1, w->options.count);
        else
            w->created++, w->busy++;
    }
    while (w->busy > 0)
        pthread_cond_wait(&w->told, &w->lock);
    started = take_failure(w, err);
    pthread_mutex_unlock(&w->lock);
    return st != DMS_OK ? st : started;
}

dms_status dms_pool_create(dms_pool **out, const dms_pool_options *options,
                           dms_error *err)
{
    dms_status st;
    dms_pool *w = dms_calloc(1, sizeof *w);
    pthread_condattr_t attr;

    if (!w)
        return dms_fail_memory(err, "workers");
    w->options = *options;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->told, &attr);
    pthread_condattr_destroy(&attr);
    if (options->count > 1) {
        st = start_threads(w, err);
    } else {
        int threads = dms_threads_use(options->threads);

        st = options->start(options->user, 0, err);
        dms_threads_use(threads);
    }
    if (st != DMS_OK)
        dms_pool_destroy(w);
    else
        *out = w;
    return st;
}

void dms_pool_destroy(dms_pool *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->quit = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->created; i++)
        pthread_join(w->workers[i].id, NULL);
    pthread_cond_destroy(&w->told);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    dms_free(w->workers);
    dms_free(w);
}

static dms_status fail_stopped(size_t done, const dms_work *work,
                               dms_error *err)
{
    return dms_fail(err, DMS_ESTOPPED, "stopped after %zu of %zu patients",
                    done, work->total);
}

static dms_status run_alone(size_t *done, const dms_pool *w,
                            const dms_work *work, const dms_monitor *monitor,
                            dms_error *err)
{
    dms_status st = DMS_OK;
    int threads = dms_threads_use(w->options.threads);
    size_t at = 0;

    while (at < work->total && st == DMS_OK) {
        size_t count = piece_at(work, at);

        if (dms_should_stop(monitor)) {
            st = fail_stopped(at, work, err);
            break;
        }
        st = work->run(work->user, 0, at, count, err);
        at += count;
        if (st == DMS_OK)
            dms_progress(monitor, work->stage, at, work->total, NULL);
    }
    dms_threads_use(threads);
    *done = at;
    return st;
}

/* Lock held: wait until a worker finishes or it is time to ask the monitor. */
static void wait_a_while(dms_pool *w)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ASK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&w->told, &w->lock, &until);
}

/* Lock held; released while the monitor is called, which may take long. */
static void talk(dms_pool *w, size_t *shown, const dms_monitor *monitor)
{
    const dms_work *work = w->work;
    size_t finished = w->finished;
    bool well = w->status == DMS_OK, stop;

    pthread_mutex_unlock(&w->lock);
    if (well && finished > *shown)
        dms_progress(monitor, work->stage, finished, work->total, NULL);
    *shown = finished;
    stop = dms_should_stop(monitor);
    pthread_mutex_lock(&w->lock);
    w->stop |= stop;
}

static dms_status run_side_by_side(size_t *done, dms_pool *w,
                                   const dms_work *work,
                                   const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    size_t shown = 0;
    bool stop = dms_should_stop(monitor); /* before any worker begins */

    pthread_mutex_lock(&w->lock);
    w->next = w->finished = 0;
    w->stop = stop;
    w->work = work;
    pthread_cond_broadcast(&w->wake);
    while (w->busy > 0 || has_piece(w)) {
        if (w->finished == shown)
            wait_a_while(w);
        talk(w, &shown, monitor);
    }
    if (w->finished != shown)
        talk(w, &shown, monitor);
    *done = w->next;
    w->work = NULL;
    st = take_failure(w, err);
    pthread_mutex_unlock(&w->lock);
    return st == DMS_OK && *done < work->total ? fail_stopped(*done, work, err)
                                               : st;
}

dms_status dms_pool_run(size_t *done, dms_pool *workers, const dms_work *work,
                        const dms_monitor *monitor, dms_error *err)
{
    return workers->workers
               ? run_side_by_side(done, workers, work, monitor, err)
               : run_alone(done, workers, work, monitor, err);
}
