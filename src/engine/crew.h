/* Nets of one model side by side, each worker's its own, over the weights of
 * the first: what a session and an evaluation run their patients on. */
#ifndef DMS_ENGINE_CREW_H
#define DMS_ENGINE_CREW_H

#include "machine/pool.h"
#include "dms/compute.h"
#include "dms/model.h"
#include "net/dmsnet.h"

/* What the number of workers follows from. */
typedef struct dms_crew_need {
    int asked;         /* dms_compute's workers; 0: choose */
    int threads;       /* of all workers together, >= 1 */
    size_t patients;   /* expected in all; 0: unknown, few */
    size_t bytes_each; /* of a worker's maps */
    size_t bytes_free; /* of the machine */
} dms_crew_need;

/* How many workers. Where none are asked for:
 *
 *   one, with all threads, while there are fewer patients than it takes to pay
 *   for making more nets: the shortest answer;
 *   else as many as threads, one each, that never wait for each other; fewer
 *   where they would take more than half of the free memory.
 *
 * Never more than there are patients. */
int dms_crew_choose(const dms_crew_need *need);

typedef struct dms_crew dms_crew;

typedef struct dms_crew_options {
    int batch; /* patients that all workers together run at once, 1 to 256; each
                  runs its share, at least one */
    int size;  /* S of the images; 0: the model's */
    const dms_compute *compute; /* NULL: the default */
    size_t patients;            /* expected in all; 0: unknown, few */
} dms_crew_options;

/* model is borrowed and must outlive the crew. DMS_EINVAL, DMS_ENOMEM. */
dms_status dms_crew_create(dms_crew **out, const dms_model *model,
                           const dms_crew_options *options, dms_error *err);
void dms_crew_destroy(dms_crew *crew);

int dms_crew_workers(const dms_crew *crew);
int dms_crew_batch(const dms_crew *crew); /* patients of each net */
dms_net *dms_crew_net(const dms_crew *crew, int worker);

/* dms_workers_run; work->piece must be at most the batch of each net. */
dms_status dms_crew_run(size_t *done, dms_crew *crew, const dms_work *work,
                        const dms_monitor *monitor, dms_error *err);

#endif
