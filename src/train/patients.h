/* Which patients train and which validate: data set, splits and cache of a
 * run. */
#ifndef DMS_TRAIN_PATIENTS_H
#define DMS_TRAIN_PATIENTS_H

#include "dms/train.h"
#include "data/trained_on.h"

struct dms_cache;         /* data/cache.h */
struct dms_loader;        /* data/loader.h */
struct dms_map_cache;     /* train/map_cache.h */
struct dms_train_sampler; /* train/sampler.h */

typedef struct dms_train_patients {
    const dms_train_options *options; /* borrowed */
    const char *cache_folder; /* of prepared photographs and maps; borrowed */
    dms_dataset *dataset;
    dms_label_set *labels; /* owned: the data set's; kind as --task says */
    struct dms_cache *cache;
    struct dms_loader *plain;     /* photographs without augmentation */
    struct dms_loader *augmented; /* as training sees them, of any size up to
                                     --size; with --no-augment only resampled */
    size_t *train;                /* places in dataset->patients */
    size_t *val;
    size_t *order;  /* train, in the order of the current epoch */
    size_t *places; /* scratch for one batch */
    size_t train_count, val_count;
    size_t unlabelled; /* patients left out: without a known label */
    size_t taught;     /* training patients who learn from the teacher alone:
                          without a known label */
    size_t left_out;   /* patients with several labels, if single-label */
    struct dms_train_sampler *sampler; /* owned; NULL: each patient once */
    struct dms_map_cache *maps; /* of a frozen backbone; owned; NULL: none */
    int *folds; /* owned: per patient, as dms_folds_deal; NULL: no folds */
} dms_train_patients;

/* Does training augment the photographs? */
bool dms_train_augments(const dms_train_options *options);

/* Patients are set up in three steps, so that unsuitable ones are refused
 * before the work of the next step. First: the table and its labels. */
dms_status dms_train_patients_open(dms_train_patients *patients,
                                   const dms_train_options *options,
                                   const dms_monitor *monitor, dms_error *err);

/* Second: the split. With folds it takes the photographs' digests, and so
 * prepares them. */
dms_status dms_train_patients_split(dms_train_patients *patients,
                                    const dms_monitor *monitor, dms_error *err);

/* Third: prepare the photographs. Patients without one are left out, with a
 * message. DMS_EINVAL if fewer than two patients can be trained on. */
dms_status dms_train_patients_prepare(dms_train_patients *patients,
                                      const dms_monitor *monitor,
                                      dms_error *err);

/* After the split: the places of the patients who will validate if their
 * photographs can be read; fold: those of that fold's model, 0: those of this
 * run. places has room for the whole data set. Returns their number. */
size_t dms_train_patients_validating(size_t *places,
                                     const dms_train_patients *patients,
                                     int fold);

/* Close after any of the three steps. */
void dms_train_patients_close(dms_train_patients *patients);

/* A hash of ids, splits, labels and the photographs' names and sizes. */
uint64_t dms_train_patients_digest(const dms_train_patients *patients);

/* Add the photographs that are trained on to set. */
dms_status dms_train_patients_trained_on(dms_trained_on *set,
                                         const dms_train_patients *patients,
                                         dms_error *err);

/* The number of validation patients who have a photograph in the set. */
size_t dms_train_patients_known(const dms_train_patients *patients,
                                const dms_trained_on *set);

/* negatives / positives among the known labels of the training split, limited
 * to 1/20 to 20; 1 for a label of one class only. weights: room for K. */
void dms_train_patients_weights(double *weights,
                                const dms_train_patients *patients);

/* Draw the training patients of that epoch, in random order: each once or, with
 * --sampling, by their labels. The order depends only on seed and epoch. */
void dms_train_patients_shuffle(dms_train_patients *patients, int64_t epoch);

typedef struct dms_train_batch {
    float *images;        /* 2 padded x 3 x S x S, left eyes first; or NULL */
    void *maps;           /* or instead: 2 padded maps, as dms_net_map */
    float *targets;       /* padded x K */
    float *eye_targets;   /* 2 padded x K, left eyes first */
    const size_t *places; /* count places in dataset->patients */
    size_t count;
    size_t padded;  /* >= count: the last patient is repeated */
    bool augmented; /* as training does for this epoch */
    int64_t epoch;
    int size; /* S; 0: --size. Smaller only if augmented */
} dms_train_batch;

void dms_train_patients_fill(const dms_train_patients *patients,
                             const dms_train_batch *batch);

#endif
