/* Who is trained on and who validates: data set, splits and cache of a run. */
#ifndef DMS_TRAIN_PATIENTS_H
#define DMS_TRAIN_PATIENTS_H

#include "dms/train.h"
#include "data/trained_on.h"

struct dms_cache;     /* data/cache.h */
struct dms_loader;    /* data/loader.h */
struct dms_map_cache; /* train/map_cache.h */

typedef struct dms_train_patients {
    const dms_train_options *options; /* borrowed */
    const char *cache_folder; /* of prepared photographs and maps; borrowed */
    dms_dataset *dataset;
    dms_label_set *labels; /* owned: the data set's, one-of where --task says */
    struct dms_cache *cache;
    struct dms_loader *plain;     /* photographs as they are */
    struct dms_loader *augmented; /* as training sees them */
    size_t *train;                /* places in dataset->patients */
    size_t *val;
    size_t *order;  /* train in the order of the epoch at hand */
    size_t *places; /* scratch of one batch */
    size_t train_count, val_count;
    size_t unlabelled;          /* without a known label */
    size_t left_out;            /* of several labels, single-label */
    struct dms_map_cache *maps; /* of a frozen backbone; owned; NULL: none */
} dms_train_patients;

/* Does training change the photographs? */
bool dms_train_augments(const dms_train_options *options);

/* Patients come in three steps, so that what does not fit them is refused
 * before the work of the next. First the table and its labels. */
dms_status dms_train_patients_open(dms_train_patients *patients,
                                   const dms_train_options *options,
                                   const dms_monitor *monitor, dms_error *err);

/* Then the split. */
dms_status dms_train_patients_split(dms_train_patients *patients,
                                    const dms_monitor *monitor, dms_error *err);

/* Last the photographs: prepared, and who has none left out, which is said.
 * DMS_EINVAL when fewer than two patients can be trained on. */
dms_status dms_train_patients_prepare(dms_train_patients *patients,
                                      const dms_monitor *monitor,
                                      dms_error *err);

/* After the split: places of those who will validate if their photographs can
 * be read; room for all of the data set. Returns how many. */
size_t dms_train_patients_validating(size_t *places,
                                     const dms_train_patients *patients);

/* After any of them. */
void dms_train_patients_close(dms_train_patients *patients);

/* A hash of ids, splits, labels and the photographs' names and sizes. */
uint64_t dms_train_patients_digest(const dms_train_patients *patients);

/* Add the photographs that are trained on. */
dms_status dms_train_patients_trained_on(dms_trained_on *set,
                                         const dms_train_patients *patients,
                                         dms_error *err);

/* Validation patients of whom a photograph is in the set. */
size_t dms_train_patients_known(const dms_train_patients *patients,
                                const dms_trained_on *set);

/* negatives / positives of the training split's known labels, within 1/20 to
 * 20; 1 for a label of one class only. weights: K of room. */
void dms_train_patients_weights(double *weights,
                                const dms_train_patients *patients);

/* Put the training patients into order for that epoch: a function of seed
 * and epoch alone. */
void dms_train_patients_shuffle(dms_train_patients *patients, int64_t epoch);

typedef struct dms_train_batch {
    float *images;        /* 2 padded x 3 x S x S, left eyes first; or NULL */
    void *maps;           /* instead: 2 padded maps, as dms_net_map */
    float *targets;       /* padded x K */
    float *eye_targets;   /* 2 padded x K, left eyes first */
    const size_t *places; /* count places in dataset->patients */
    size_t count;
    size_t padded;  /* >= count: the last patient again */
    bool augmented; /* as training does, for this epoch */
    int64_t epoch;
} dms_train_batch;

void dms_train_patients_fill(const dms_train_patients *patients,
                             const dms_train_batch *batch);

#endif
