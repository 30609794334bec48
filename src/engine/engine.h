/* A trained net at work: nets of one table of weights side by side, each on a
 * thread of the pool, fed with batches of patients.
 *
 *     feed.fill ─ images or map ─ net ─ logits, features ─ feed.take
 *
 * The one way in which a trained net is run: prediction, evaluation, validation
 * during training and the calibration of integers all feed an engine. */
#ifndef DMS_ENGINE_ENGINE_H
#define DMS_ENGINE_ENGINE_H

#include "dms/compute.h"
#include "dms/model.h"
#include "machine/pool.h"
#include "net/dmsnet.h"

enum { DMS_ENGINE_BATCH_MAX = 256 };

/* What the number of workers follows from. */
typedef struct dms_engine_need {
    int asked;         /* dms_compute's workers; 0: choose */
    int threads;       /* of all workers together, >= 1 */
    size_t patients;   /* expected in all; 0: unknown, few */
    size_t bytes_each; /* of a worker's maps */
    size_t bytes_free; /* of the machine */
} dms_engine_need;

/* How many workers. Where none are asked for:
 *
 *   one, with all threads, while there are fewer patients than it takes to pay
 *   for making more nets: the shortest answer;
 *   else as many as threads, one each, that never wait for each other; fewer
 *   where they would take more than half of the free memory.
 *
 * Never more than there are patients. */
int dms_engine_choose(const dms_engine_need *need);

typedef struct dms_engine dms_engine;

typedef struct dms_engine_options {
    const dms_architecture *arch; /* borrowed, as are params and store */
    dms_params *params;           /* only read */
    const dms_label_set *labels;  /* for messages; NULL: by number */
    dms_kept_store *store;        /* of params, where their values do not
                                     change; NULL: each net keeps its own order */
    int batch; /* patients that all workers together run at once, 1 to 256; each
                  runs its share, at least one */
    int size;  /* S of the images */
    const dms_compute *compute; /* NULL: the default */
    size_t patients;            /* expected in all; 0: unknown, few */
    dms_net_part part;          /* WHOLE, or FROM_MAP of maps by compute */
    bool sums_apart;            /* see dms_net_options */
} dms_engine_options;

/* A model's weights and input size, one patient at once; to be completed. */
dms_engine_options dms_engine_options_of(const dms_model *model);

/* DMS_EINVAL, DMS_ENOMEM; DMS_EIO where the system gives no more threads. */
dms_status dms_engine_create(dms_engine **out,
                             const dms_engine_options *options, dms_error *err);
void dms_engine_destroy(dms_engine *engine);

int dms_engine_workers(const dms_engine *engine);
int dms_engine_batch_size(const dms_engine *engine); /* patients of each net */
dms_net *dms_engine_net(const dms_engine *engine, int worker);

/* The values in params have changed. For an engine without a store. */
void dms_engine_weights_changed(dms_engine *engine);

/* Some patients on their way through a worker's net: rows 0 .. count-1 of its
 * batch; the other rows are nobody's. */
typedef struct dms_engine_batch {
    dms_net *net;
    int worker;
    int size;         /* rows of the net: left eyes, then as many right ones */
    size_t at, count; /* of the feed's patients */
} dms_engine_batch;

/* Patients 0 .. total-1. Both are called on the worker's thread. */
typedef struct dms_feed {
    /* Put them into the net: dms_net_images or dms_net_map. */
    dms_status (*fill)(void *user, const dms_engine_batch *batch,
                       dms_error *err);
    /* Read what the net gives. */
    dms_status (*take)(void *user, const dms_engine_batch *batch,
                       dms_error *err);
    void *user;
    /* After each node of a forward, on the worker's thread (dms_net_observe);
     * NULL: nobody. */
    dms_observer *observer;
    void *observer_user;
    size_t total;
    const char *stage; /* of the progress, which counts patients; NULL: none */
} dms_feed;

/* Run all, one caller at a time; failures and stops as in dms_pool_run. */
dms_status dms_engine_run(size_t *done, dms_engine *engine,
                          const dms_feed *feed, const dms_monitor *monitor,
                          dms_error *err);

#endif
