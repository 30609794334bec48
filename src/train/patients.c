/* A run's patients: reads, splits, prepares, orders and batches them. Relies on
 * the data module for the table, the cache and the loaders. */
#include "train/patients.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/rng.h"
#include "data/cache.h"
#include "data/folds.h"
#include "data/groups.h"
#include "data/labels.h"
#include "data/loader.h"
#include "train/map_cache.h"
#include "train/sampler.h"

/* single-label: of several labels keep only the one that is rarest in the data
 * set. */
static void keep_rarest(dms_dataset *dataset)
{
    size_t counts[DMS_LABELS_MAX] = {0}; /* patients with each label */
    int width = dataset->label_count;

    for (size_t i = 0; i < dataset->count; i++)
        for (int k = 0; k < width; k++)
            counts[k] += dataset->patients[i].labels[k] == 1;
    for (size_t i = 0; i < dataset->count; i++) {
        dms_patient *patient = &dataset->patients[i];
        int rarest = -1;

        if (!patient->labelled)
            continue;
        for (int k = 0; k < width; k++)
            if (patient->labels[k] == 1 &&
                (rarest < 0 || counts[k] < counts[rarest]))
                rarest = k;
        for (int k = 0; k < width; k++)
            patient->labels[k] = k == rarest;
    }
}

/* Does the patient have several labels, which a single-label task cannot
 * use? */
static bool has_several(const dms_train_patients *p, const dms_patient *patient)
{
    return dms_label_set_task(p->labels) == DMS_TASK_SINGLE_LABEL &&
           !dms_labels_single(patient->labels, p->dataset->label_count);
}

static bool is_wanted(dms_train_patients *p, size_t place)
{
    const dms_patient *patient = &p->dataset->patients[place];

    if (patient->split != DMS_SPLIT_TRAIN && patient->split != DMS_SPLIT_VAL)
        return false;
    if (!patient->labelled) {
        /* a teacher has an answer for every training patient */
        if (p->options->teacher[0] && patient->split == DMS_SPLIT_TRAIN)
            return true;
        p->unlabelled++;
        return false;
    }
    if (has_several(p, patient)) {
        p->left_out++;
        return false;
    }
    return true;
}

size_t dms_train_patients_validating(size_t *places,
                                     const dms_train_patients *p, int fold)
{
    size_t count = 0;

    for (size_t i = 0; i < p->dataset->count; i++) {
        const dms_patient *patient = &p->dataset->patients[i];
        bool validates =
            fold > 0 ? p->folds[i] == fold : patient->split == DMS_SPLIT_VAL;

        if (validates && patient->labelled && !has_several(p, patient))
            places[count++] = i;
    }
    return count;
}

static void tell_choice(const dms_train_patients *p, size_t unusable,
                        const dms_monitor *monitor)
{
    if (unusable)
        dms_log(monitor, DMS_LOG_WARNING,
                "%zu patients are left out: a photograph is missing or "
                "cannot be read",
                unusable);
    if (p->unlabelled)
        dms_log(monitor, DMS_LOG_INFO,
                "%zu patients without a known label are left out",
                p->unlabelled);
    if (p->taught)
        dms_log(monitor, DMS_LOG_INFO,
                "%zu training patients without a known label learn from the "
                "teacher alone",
                p->taught);
    if (p->left_out)
        dms_log(monitor, DMS_LOG_INFO,
                "%zu patients without exactly one label are left out",
                p->left_out);
    if (p->val_count == 0)
        dms_log(monitor, DMS_LOG_WARNING,
                "there are no validation patients, so no epoch can be chosen "
                "as the best: best.safetensors will hold the last epoch, like "
                "last.safetensors");
}

static dms_status choose(dms_train_patients *p, const dms_monitor *monitor,
                         dms_error *err)
{
    size_t count = p->dataset->count, unusable = 0;

    p->train = dms_calloc(count + 1, sizeof *p->train);
    p->val = dms_calloc(count + 1, sizeof *p->val);
    p->order = dms_calloc(count + 1, sizeof *p->order);
    p->places = dms_calloc((size_t)p->options->batch, sizeof *p->places);
    if (!p->train || !p->val || !p->order || !p->places)
        return dms_fail_memory(err, "patients");
    for (size_t i = 0; i < count; i++) {
        const dms_patient *patient = &p->dataset->patients[i];

        if (!is_wanted(p, i))
            continue;
        if (!dms_loader_can_use(p->dataset, p->cache, i, p->options->eyes))
            unusable++;
        else if (patient->split == DMS_SPLIT_VAL)
            p->val[p->val_count++] = i;
        else {
            p->train[p->train_count++] = i;
            p->taught += !patient->labelled;
        }
    }
    tell_choice(p, unusable, monitor);
    if (p->train_count < 2)
        return dms_fail(err, DMS_EINVAL,
                        "%s: %zu patients to train on, at least 2 are needed",
                        p->options->data, p->train_count);
    return DMS_OK;
}

static dms_status open_cache(dms_train_patients *p, const dms_monitor *monitor,
                             dms_error *err)
{
    const dms_train_options *o = p->options;
    dms_preprocess settings = {o->size, o->crop, o->filter, o->enhance};

    return p->cache ? DMS_OK
                    : dms_cache_open(&p->cache, p->cache_folder, p->dataset,
                                     &settings, monitor, err);
}

/* Find which patients a split keeps together. Folds do so whatever column the
 * table has; each of them asks, so the digests come from the cache. */
static dms_status group(dms_train_patients *p, const dms_monitor *monitor,
                        dms_error *err)
{
    const dms_train_options *o = p->options;
    dms_status st = DMS_OK;

    if (o->folds > 0) {
        TRY(open_cache(p, monitor, err));
        TRY(dms_groups_join_cached(p->dataset, p->cache, err));
    } else if (o->split_override || !p->dataset->has_split_column) {
        TRY(dms_dataset_group_duplicates(p->dataset, monitor, err));
    }
done:
    return st;
}

/* The fold's patients validate, and the split's own validation patients take no
 * part. */
static dms_status hold_out_fold(dms_train_patients *p, dms_error *err)
{
    const dms_train_options *o = p->options;
    dms_status st;

    p->folds = dms_calloc(p->dataset->count + 1, sizeof *p->folds);
    if (!p->folds)
        return dms_fail_memory(err, "folds");
    TRY(dms_folds_deal(p->folds, p->dataset, o->folds, o->seed, err));
    for (size_t i = 0; i < p->dataset->count; i++) {
        dms_patient *patient = &p->dataset->patients[i];

        if (p->folds[i] == o->fold)
            patient->split = DMS_SPLIT_VAL;
        else if (patient->split == DMS_SPLIT_VAL)
            patient->split = DMS_SPLIT_NONE;
    }
done:
    return st;
}

dms_status dms_train_patients_split(dms_train_patients *p,
                                    const dms_monitor *monitor, dms_error *err)
{
    const dms_train_options *o = p->options;
    dms_split_options options = {.struct_size = sizeof options,
                                 .val = o->val,
                                 .test = o->test,
                                 .seed = o->seed,
                                 .override_column = o->split_override};
    dms_status st;

    TRY(group(p, monitor, err));
    TRY(dms_dataset_split(p->dataset, &options, err));
    if (dms_label_set_task(p->labels) == DMS_TASK_SINGLE_LABEL &&
        o->several == DMS_SEVERAL_RAREST)
        keep_rarest(p->dataset);
    if (o->folds > 0)
        TRY(hold_out_fold(p, err));
done:
    return st;
}

bool dms_train_augments(const dms_train_options *o)
{
    const double amounts[] = {
        o->rotation,   o->scale, o->shift, o->contrast, o->brightness,
        o->saturation, o->gamma, o->blur,  o->cutout,   o->colour,
        o->resolution, o->mixup, o->cutmix};
    bool any = o->flip_horizontal || o->flip_vertical;

    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++)
        any = any || amounts[i] > 0;
    return o->augment && any;
}

static dms_augment augment_of(const dms_train_options *o)
{
    return (dms_augment){.flip_horizontal = o->flip_horizontal,
                         .flip_vertical = o->flip_vertical,
                         .rotation_deg = o->rotation,
                         .scale = o->scale,
                         .shift = o->shift,
                         .brightness = o->brightness,
                         .contrast = o->contrast,
                         .saturation = o->saturation,
                         .gamma = o->gamma,
                         .blur = o->blur,
                         .cutout = o->cutout,
                         .colour = o->colour,
                         .resolution = o->resolution};
}

static dms_status make_loaders(dms_train_patients *p, dms_error *err)
{
    dms_augment augment = dms_train_augments(p->options)
                              ? augment_of(p->options)
                              : (dms_augment){0};
    dms_loader_options options = {.eyes = p->options->eyes,
                                  .seed = p->options->seed};
    dms_status st;

    TRY(dms_loader_create(&p->plain, p->dataset, p->cache, &options, err));
    options.augment = &augment;
    TRY(dms_loader_create(&p->augmented, p->dataset, p->cache, &options, err));
done:
    return st;
}

/* Check the options against the labels that were found. */
static dms_status check_labels(const dms_train_patients *p, dms_error *err)
{
    const dms_train_options *o = p->options;
    bool one_of = dms_label_set_task(p->labels) == DMS_TASK_SINGLE_LABEL;

    if (one_of && o->task == DMS_TRAIN_TASK_MULTI_LABEL)
        return dms_fail(err, DMS_EINVAL,
                        "task multi-label: the labels are one of %d classes; "
                        "leave the task to them",
                        dms_label_set_count(p->labels));
    if (one_of && (o->loss != DMS_LOSS_BCE || o->pos_weight))
        return dms_fail(err, DMS_EINVAL,
                        "one-of labels have softmax cross-entropy: loss %s%s "
                        "is for any-of labels",
                        dms_loss_kind_name((int)o->loss),
                        o->pos_weight ? " with pos-weight" : "");
    return DMS_OK;
}

static void tell_labels(const dms_train_patients *p, const dms_monitor *monitor)
{
    char text[200];

    dms_label_set_text(text, sizeof text, p->labels);
    dms_log(monitor, DMS_LOG_INFO, "%d labels, %s: %s",
            dms_label_set_count(p->labels),
            dms_label_set_task(p->labels) == DMS_TASK_MULTI_LABEL ? "any of"
            : dms_label_set_ordered(p->labels) ? "one of, in this order"
                                               : "one of",
            text);
}

/* Open the table with the labels that were asked for, or with those that it is
 * known to have. */
static dms_status open_dataset(dms_train_patients *p,
                               const dms_monitor *monitor, dms_error *err)
{
    const dms_train_options *o = p->options;
    dms_label_set *asked = NULL;
    dms_dataset_options options = {.struct_size = sizeof options,
                                   .images = o->images[0] ? o->images : NULL,
                                   .monitor = monitor,
                                   .encoding = o->encoding,
                                   .split_ignored = o->split_override};
    dms_task task = o->task == DMS_TRAIN_TASK_SINGLE_LABEL
                        ? DMS_TASK_SINGLE_LABEL
                        : DMS_TASK_MULTI_LABEL;
    dms_status st = DMS_OK;

    if (o->labels[0])
        TRY(dms_label_set_parse(&asked, o->labels, err));
    options.labels = asked;
    TRY(dms_dataset_open_with(&p->dataset, o->data, &options, err));
    TRY(dms_dataset_need_photographs(p->dataset, err));
    TRY(dms_dataset_need_labels(p->dataset, err));
    TRY(dms_label_set_asked(&p->labels, p->dataset->labels, task, err));
    TRY(check_labels(p, err));
    tell_labels(p, monitor);
done:
    dms_label_set_destroy(asked);
    return st;
}

dms_status dms_train_patients_open(dms_train_patients *p,
                                   const dms_train_options *o,
                                   const dms_monitor *monitor, dms_error *err)
{
    *p = (dms_train_patients){.options = o,
                              .cache_folder = o->cache[0] ? o->cache : o->run};
    return open_dataset(p, monitor, err);
}

dms_status dms_train_patients_prepare(dms_train_patients *p,
                                      const dms_monitor *monitor,
                                      dms_error *err)
{
    dms_status st;

    TRY(open_cache(p, monitor, err));
    TRY(choose(p, monitor, err));
    TRY(make_loaders(p, err));
    if (p->options->sampling != DMS_SAMPLING_NATURAL)
        TRY(dms_train_sampler_create(&p->sampler, p->dataset, p->train,
                                     p->train_count, p->options->sampling,
                                     err));
done:
    return st;
}

void dms_train_patients_close(dms_train_patients *p)
{
    dms_map_cache_close(p->maps);
    dms_train_sampler_destroy(p->sampler);
    dms_loader_destroy(p->plain);
    dms_loader_destroy(p->augmented);
    dms_cache_close(p->cache);
    dms_dataset_close(p->dataset);
    dms_label_set_destroy(p->labels);
    dms_free(p->train);
    dms_free(p->val);
    dms_free(p->order);
    dms_free(p->places);
    dms_free(p->folds);
    *p = (dms_train_patients){0};
}

static uint64_t eye_digest(uint64_t hash, const dms_eye *eye, size_t width)
{
    static const uint8_t none[DMS_LABELS_MAX];

    const char *slash = eye->path ? strrchr(eye->path, '/') : NULL;
    const char *name = slash ? slash + 1 : eye->path ? eye->path : "";
    uint64_t labelled = eye->labelled, size = 0;
    struct stat info;

    if (eye->path && stat(eye->path, &info) == 0)
        size = (uint64_t)info.st_size;
    hash = dms_hash_bytes(hash, name, strlen(name) + 1);
    hash = dms_hash_bytes(hash, &size, sizeof size);
    hash = dms_hash_bytes(hash, &labelled, sizeof labelled);
    return dms_hash_bytes(hash, eye->labelled ? eye->labels : none, width);
}

static uint64_t list_digest(uint64_t hash, const dms_dataset *dataset,
                            const size_t *places, size_t count)
{
    uint64_t length = count;
    size_t width = (size_t)dataset->label_count;

    hash = dms_hash_bytes(hash, &length, sizeof length);
    for (size_t i = 0; i < count; i++) {
        const dms_patient *patient = &dataset->patients[places[i]];

        hash = dms_hash_bytes(hash, patient->id, strlen(patient->id) + 1);
        hash = dms_hash_bytes(hash, patient->labels, width);
        hash = eye_digest(hash, &patient->eye[DMS_LEFT], width);
        hash = eye_digest(hash, &patient->eye[DMS_RIGHT], width);
    }
    return hash;
}

uint64_t dms_train_patients_digest(const dms_train_patients *p)
{
    uint64_t hash =
        list_digest(DMS_HASH_START, p->dataset, p->train, p->train_count);

    return list_digest(hash, p->dataset, p->val, p->val_count);
}

dms_status dms_train_patients_trained_on(dms_trained_on *set,
                                         const dms_train_patients *p,
                                         dms_error *err)
{
    size_t count = 2 * p->train_count;
    uint64_t *digests = dms_calloc(count, sizeof *digests);
    dms_status st;

    if (!digests)
        return dms_fail_memory(err, "digests of photographs");
    for (size_t i = 0; i < count; i++)
        digests[i] = dms_loader_digest(p->dataset, p->cache, p->options->eyes,
                                       p->train[i / 2], (int)(i % 2));
    st = dms_trained_on_add(set, digests, count, err);
    dms_free(digests);
    return st;
}

size_t dms_train_patients_known(const dms_train_patients *p,
                                const dms_trained_on *set)
{
    size_t known = 0;

    for (size_t i = 0; i < p->val_count; i++)
        known += dms_trained_on_patient(set, p->dataset, p->cache,
                                        p->options->eyes, p->val[i]);
    return known;
}

void dms_train_patients_weights(double *weights, const dms_train_patients *p)
{
    for (int k = 0; k < p->dataset->label_count; k++) {
        double positives = 0, count = 0;

        for (size_t i = 0; i < p->train_count; i++) {
            uint8_t label = p->dataset->patients[p->train[i]].labels[k];

            positives += label == 1;
            count += label != DMS_LABEL_UNKNOWN;
        }
        weights[k] = 1;
        if (positives > 0 && positives < count)
            weights[k] =
                fmin(fmax((count - positives) / positives, 0.05), 20.0);
    }
}

void dms_train_patients_shuffle(dms_train_patients *p, int64_t epoch)
{
    uint64_t seed = p->options->seed;

    if (p->sampler)
        dms_train_sampler_draw(p->order, p->sampler, seed, epoch);
    else
        dms_sampler_order(p->order, p->train, p->train_count, seed,
                          (uint64_t)epoch);
}

void dms_train_patients_fill(const dms_train_patients *p,
                             const dms_train_batch *batch)
{
    dms_batch out = {.images = batch->images,
                     .labels = batch->targets,
                     .eye_labels = batch->eye_targets,
                     .size = batch->size};

    for (size_t i = 0; i < batch->padded; i++)
        p->places[i] = batch->places[i < batch->count ? i : batch->count - 1];
    dms_loader_fill(batch->augmented ? p->augmented : p->plain, &out, p->places,
                    (int)batch->padded, (uint64_t)batch->epoch);
    if (batch->maps)
        dms_map_cache_fill(p->maps, batch->maps, p->places, batch->padded);
}
