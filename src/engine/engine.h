/* Runs a trained net: several nets with the same weights, each on a thread of
 * the pool, fed with batches of patients.
 *
 *     feed.fill ─ images or map ─ net ─ logits, features ─ feed.take
 *
 * With test-time augmentation (views.h) the net runs several times in between.
 *
 * The only way to run a trained net: prediction, evaluation, validation during
 * training and the calibration of integers all feed an engine. An ensemble's
 * engine has several networks, its members: each worker has a net of each, and
 * runs a batch through all of them in turn. */
#ifndef DMS_ENGINE_ENGINE_H
#define DMS_ENGINE_ENGINE_H

#include "dms/compute.h"
#include "dms/model.h"
#include "machine/pool.h"
#include "net/dmsnet.h"

enum { DMS_ENGINE_BATCH_MAX = 256 };

/* What determines the number of workers. */
typedef struct dms_engine_need {
    int asked;         /* dms_compute's workers; 0: choose */
    int threads;       /* of all workers together, >= 1 */
    size_t patients;   /* expected in total; 0: unknown, few */
    size_t bytes_each; /* of a worker's maps */
    size_t bytes_free; /* of the machine */
} dms_engine_need;

/* The number of workers. If need->asked is 0:
 *
 *   one, with all threads, if there are too few patients to pay for creating
 *   more nets: the lowest latency;
 *   otherwise one per thread, which never wait for each other; fewer if they
 *   would take more than half of the free memory.
 *
 * Never more than there are patients. */
int dms_engine_choose(const dms_engine_need *need);

typedef struct dms_engine dms_engine;

typedef struct dms_engine_options {
    const dms_architecture *arch; /* borrowed, as are params and store */
    dms_params *params;           /* only read */
    const dms_label_set *labels;  /* for messages; NULL: logits by number */
    dms_kept_store *store;        /* of params, whose values then must not
                                     change; NULL: each net prepares its own */
    int batch; /* patients that all workers together run at once, 1 to 256; each
                  runs its share, at least one */
    int size;  /* S of the images */
    const dms_compute *compute; /* NULL: the default. Its tta needs images:
                                   not FROM_MAP */
    size_t patients;            /* expected in total; 0: unknown, few */
    dms_net_part part;          /* WHOLE, or FROM_MAP for maps by compute */
    bool sums_apart;            /* see dms_net_options, also for the next */
    bool attention;
    /* The members after this one, of which only arch, params, labels, store and
     * size are read; NULL: none. */
    const struct dms_engine_options *more;
    int more_count;
} dms_engine_options;

/* A model's weights and input size with a batch of one; the caller completes
 * them. */
dms_engine_options dms_engine_options_of(const dms_model *model);

/* DMS_EINVAL, DMS_ENOMEM; DMS_EIO if a thread cannot be created. */
dms_status dms_engine_create(dms_engine **out,
                             const dms_engine_options *options, dms_error *err);
void dms_engine_destroy(dms_engine *engine);

int dms_engine_workers(const dms_engine *engine);
int dms_engine_members(const dms_engine *engine);    /* at least 1 */
int dms_engine_batch_size(const dms_engine *engine); /* patients of each net */
/* The first member's. */
dms_net *dms_engine_net(const dms_engine *engine, int worker);

/* Call it when values in params have changed; only without a store. */
void dms_engine_weights_changed(dms_engine *engine);

/* Patients in a worker's net: rows 0 .. count-1 of its batch; other rows are
 * unused. */
typedef struct dms_engine_batch {
    dms_net *net;
    int worker;
    int member;       /* whose net it is: 0, or i + 1 for more[i] */
    int size;         /* batch of the net: left eyes, then as many right ones */
    size_t at, count; /* the feed's patients at .. at+count-1 */
    /* For take: the net's logits, or their means over its views. N x K; 2N x K,
     * left eyes first. */
    const float *patient_logits, *eye_logits;
} dms_engine_batch;

/* Patients 0 .. total-1. fill and take are called on the worker's thread: for
 * each batch once per member, in the members' order. */
typedef struct dms_feed {
    /* Write the batch to dms_net_images or dms_net_map. */
    dms_status (*fill)(void *user, const dms_engine_batch *batch,
                       dms_error *err);
    /* Read the net's results. */
    dms_status (*take)(void *user, const dms_engine_batch *batch,
                       dms_error *err);
    void *user;
    /* Called after each node of a forward, on the worker's thread
     * (dms_net_observe); or NULL. */
    dms_observer *observer;
    void *observer_user;
    size_t total;
    const char *stage; /* name in progress reports, which count patients; NULL:
                          no reports */
} dms_feed;

/* Run all patients; one caller at a time. Fails and stops like dms_pool_run. */
dms_status dms_engine_run(size_t *done, dms_engine *engine,
                          const dms_feed *feed, const dms_monitor *monitor,
                          dms_error *err);

#endif
