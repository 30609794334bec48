/* Feeds an engine from caches of prepared photographs, and gathers what its
 * members make of each patient. Relies on a loader without augmentation, which
 * several workers may use at once. */
#include "engine/patient_logits.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/loader.h"

/* A run in progress, shared by all workers. */
typedef struct running {
    const dms_patient_run *run;
    dms_loader **loaders; /* owned: one per member */
    float *logits;
} running;

/* A partial batch is padded with its first patient. */
static dms_status show_patients(void *user, const dms_engine_batch *batch,
                                dms_error *err)
{
    const running *r = user;
    size_t rows = (size_t)batch->size, chosen[DMS_ENGINE_BATCH_MAX];
    const dms_batch filled = {.images = dms_net_images(batch->net)};

    (void)err; /* reading from the cache cannot fail */
    for (size_t i = 0; i < rows; i++)
        chosen[i] = r->run->patients[batch->at + (i < batch->count ? i : 0)];
    dms_loader_fill(r->loaders[batch->member], &filled, chosen, batch->size, 0);
    return DMS_OK;
}

static dms_status take_logits(void *user, const dms_engine_batch *batch,
                              dms_error *err)
{
    const running *r = user;
    const dms_patient_run *run = r->run;
    size_t width = (size_t)run->dataset->label_count;
    size_t at = (size_t)batch->member * run->count + batch->at;
    char who[DMS_NET_WHO];
    dms_status st = DMS_OK;

    for (size_t i = 0; i < batch->count; i++) {
        size_t place = run->patients[batch->at + i];

        dms_net_who(who, run->dataset->patients[place].id);
        TRY(dms_net_check(batch->net, i, who, err));
    }
    memcpy(r->logits + at * width, batch->patient_logits,
           batch->count * width * sizeof *r->logits);
done:
    return st;
}

dms_status dms_patient_logits(float *logits, dms_engine *engine,
                              const dms_patient_run *run, dms_error *err)
{
    size_t members = (size_t)dms_engine_members(engine), done;
    const dms_loader_options options = {.eyes = run->eyes};
    running r = {run, dms_calloc(members, sizeof *r.loaders), logits};
    const dms_feed feed = {.fill = show_patients,
                           .take = take_logits,
                           .user = &r,
                           .total = run->count,
                           .stage = run->stage};
    dms_status st = DMS_OK;

    if (!r.loaders)
        return dms_fail_memory(err, run->stage);
    for (size_t i = 0; i < members; i++)
        TRY(dms_loader_create(&r.loaders[i], run->dataset, run->caches[i],
                              &options, err));
    TRY(dms_engine_run(&done, engine, &feed, run->monitor, err));
done:
    for (size_t i = 0; i < members; i++)
        dms_loader_destroy(r.loaders[i]);
    dms_free(r.loaders);
    return st;
}
