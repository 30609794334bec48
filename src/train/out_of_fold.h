/* The predictions of the patients that each fold held out, collected over all
 * folds. */
#ifndef DMS_TRAIN_OUT_OF_FOLD_H
#define DMS_TRAIN_OUT_OF_FOLD_H

#include "train/trainer.h"

typedef struct dms_out_of_fold_row {
    size_t place;          /* in the data set */
    char *id;              /* owned */
    uint8_t *labels;       /* owned: K */
    double *probabilities; /* owned: K */
} dms_out_of_fold_row;

/* Zero-initialise; release. */
typedef struct dms_out_of_fold {
    dms_label_set *labels; /* owned; NULL before the first fold */
    dms_metric metric;
    dms_out_of_fold_row *rows; /* owned: count */
    size_t count;
} dms_out_of_fold;

void dms_out_of_fold_release(dms_out_of_fold *all);

/* Predict the trainer's validation patients with the run's best.safetensors and
 * add them. The weights in eval_params become that model's. DMS_EINVAL if no
 * patient was held out. */
dms_status dms_out_of_fold_add(dms_out_of_fold *all, dms_trainer *trainer,
                               dms_error *err);

/* Write RUN/out-of-fold.csv, in the data set's order, and measure it.
 *
 * value  out: the metric; NaN if it is undefined */
dms_status dms_out_of_fold_write(double *value, dms_out_of_fold *all,
                                 const char *run, dms_error *err);

#endif
