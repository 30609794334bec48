/* Filling batches from the cache in parallel. Relies on augment.c to draw each
 * eye's random numbers from a hash of (seed, epoch, patient, eye), so that the
 * order of the threads does not matter. */
#include "data/loader.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "data/eyes.h"

enum { CHANNELS = 3, LANES = 64 };

struct dms_loader {
    const dms_dataset *dataset;
    const dms_cache *cache;
    dms_loader_options options;
    dms_augment augment; /* options.augment points to it, or is NULL */
    int size;            /* S: the cache's */
    uint8_t *scratch;    /* owned: two pictures for each of LANES concurrent
                            images; NULL without augmentation */
};

static size_t picture_bytes(int size)
{
    return (size_t)size * (size_t)size * CHANNELS;
}

dms_status dms_loader_create(dms_loader **out, const dms_dataset *dataset,
                             const dms_cache *cache,
                             const dms_loader_options *options, dms_error *err)
{
    dms_loader *loader = dms_calloc(1, sizeof *loader);
    int size = dms_cache_size(cache);

    if (!loader)
        return dms_fail_memory(err, "loader");
    loader->dataset = dataset;
    loader->cache = cache;
    loader->options = *options;
    if (options->augment) {
        loader->augment = *options->augment;
        loader->options.augment = &loader->augment;
    }
    loader->size = size;
    if (options->augment)
        loader->scratch = dms_calloc(2 * LANES, picture_bytes(size));
    if (options->augment && !loader->scratch) {
        dms_loader_destroy(loader);
        return dms_fail_memory(err, "loader");
    }
    *out = loader;
    return DMS_OK;
}

void dms_loader_destroy(dms_loader *loader)
{
    if (!loader)
        return;
    dms_free(loader->scratch);
    dms_free(loader);
}

static dms_eyes_present present_of(const dms_dataset *dataset,
                                   const dms_cache *cache, size_t patient)
{
    return (dms_eyes_present){
        .eye = {dms_cache_pixels(cache, patient, DMS_LEFT) != NULL,
                dms_cache_pixels(cache, patient, DMS_RIGHT) != NULL},
        .side_unknown = dataset->patients[patient].side_unknown};
}

int dms_loader_source(const dms_dataset *dataset, const dms_cache *cache,
                      dms_eyes eyes, size_t patient, int side)
{
    dms_eyes_present present = present_of(dataset, cache, patient);

    return dms_eyes_source(eyes, &present, side);
}

uint64_t dms_loader_digest(const dms_dataset *dataset, const dms_cache *cache,
                           dms_eyes eyes, size_t patient, int side)
{
    int eye = dms_loader_source(dataset, cache, eyes, patient, side);

    return eye < 0 ? 0 : dms_cache_digest(cache, patient, eye);
}

/* image: of size pixels per side. */
static void fill_image(dms_loader *l, float *image, int size, size_t patient,
                       int side, uint64_t epoch, int lane)
{
    int eye =
        dms_loader_source(l->dataset, l->cache, l->options.eyes, patient, side);
    const uint8_t *pixels = dms_cache_pixels(l->cache, patient, eye);
    const char *id = l->dataset->patients[patient].id;
    dms_augment_key key = {.seed = l->options.seed,
                           .epoch = epoch,
                           .patient =
                               dms_hash_bytes(DMS_HASH_START, id, strlen(id)),
                           .eye = eye};

    if (l->options.augment) {
        size_t bytes = picture_bytes(l->size);
        uint8_t *work = l->scratch + (size_t)(2 * lane) * bytes;
        const dms_augment_source source = {pixels, l->size};

        dms_augment_apply(work, work + bytes, size, &source, l->options.augment,
                          &key);
        pixels = work;
    }
    dms_pixels_normalise(image, pixels, size);
}

/* A label in the form that the loss expects. */
static float target_of(uint8_t label)
{
    return label == DMS_LABEL_UNKNOWN ? NAN : (float)label;
}

/* NaN if the eye at this side is a stand-in or has no labels of its own. */
static void fill_eye_labels(const dms_loader *l, float *labels, size_t patient,
                            int side)
{
    const dms_eye *eyes = l->dataset->patients[patient].eye;
    dms_eyes_present present = present_of(l->dataset, l->cache, patient);
    int own = dms_eyes_own(l->options.eyes, &present, side);
    bool known = own >= 0 && eyes[own].labelled;

    for (int k = 0; k < l->dataset->label_count; k++)
        labels[k] = known ? target_of(eyes[own].labels[k]) : NAN;
}

static void fill_images(dms_loader *loader, const dms_batch *batch,
                        const size_t *patients, int count, uint64_t epoch)
{
    int size = batch->size ? batch->size : loader->size;

    assert(size == loader->size ||
           (size < loader->size && loader->options.augment));

    for (int at = 0; at < 2 * count; at += LANES) {
        int end = at + LANES < 2 * count ? at + LANES : 2 * count;

#pragma omp parallel for schedule(static)
        for (int i = at; i < end; i++)
            fill_image(loader, batch->images + (size_t)i * picture_bytes(size),
                       size, patients[i % count], i / count, epoch, i - at);
    }
}

void dms_loader_fill(dms_loader *loader, const dms_batch *batch,
                     const size_t *patients, int count, uint64_t epoch)
{
    size_t width = (size_t)loader->dataset->label_count;

    for (int i = 0; i < count; i++)
        assert(dms_loader_can_use(loader->dataset, loader->cache, patients[i],
                                  loader->options.eyes));
    if (batch->images)
        fill_images(loader, batch, patients, count, epoch);
    for (int i = 0; batch->eye_labels && i < 2 * count; i++)
        fill_eye_labels(loader, batch->eye_labels + (size_t)i * width,
                        patients[i % count], i / count);
    for (size_t i = 0; batch->labels && i < (size_t)count; i++)
        for (size_t k = 0; k < width; k++)
            batch->labels[i * width + k] =
                target_of(loader->dataset->patients[patients[i]].labels[k]);
}

bool dms_loader_can_use(const dms_dataset *dataset, const dms_cache *cache,
                        size_t patient, dms_eyes eyes)
{
    return dms_loader_source(dataset, cache, eyes, patient, DMS_LEFT) >= 0;
}

dms_status dms_loader_usable(size_t **indices, size_t *count,
                             const dms_dataset *dataset, const dms_cache *cache,
                             dms_split split, dms_eyes eyes, dms_error *err)
{
    size_t *list = dms_calloc(dataset->count, sizeof *list);
    size_t found = 0;

    if (!list)
        return dms_fail_memory(err, "patients");
    for (size_t i = 0; i < dataset->count; i++) {
        const dms_patient *p = &dataset->patients[i];

        if (p->labelled && (split == DMS_SPLIT_NONE || p->split == split) &&
            dms_loader_can_use(dataset, cache, i, eyes))
            list[found++] = i;
    }
    *indices = list;
    *count = found;
    return DMS_OK;
}

void dms_sampler_order(size_t *order, const size_t *patients, size_t count,
                       uint64_t seed, uint64_t epoch)
{
    dms_rng rng = dms_rng_seeded(dms_hash_mix(seed, epoch));

    memmove(order, patients, count * sizeof *order);
    dms_rng_shuffle(&rng, order, count);
}
