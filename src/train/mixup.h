/* Mixup of patients (Zhang et al. 2018, arXiv 1710.09412): both eyes of a
 * patient are mixed with both eyes of another, left with left. */
#ifndef DMS_TRAIN_MIXUP_H
#define DMS_TRAIN_MIXUP_H

#include <stddef.h>
#include <stdint.h>

typedef struct dms_mixup_batch {
    float *images;      /* 2 patients x image, all left eyes first */
    float *targets;     /* patients x labels; NaN: unknown */
    float *eye_targets; /* 2 patients x labels, left first; NaN: unknown */
    int patients;
    size_t image; /* floats of one image */
    size_t labels;
} dms_mixup_batch;

/* Replace patient i by share * i + (1 - share) * its partner, the patient as
 * far from the other end of the batch. Labels are mixed the same way; what is
 * unknown for either is unknown for both. The share is drawn once per batch
 * from Beta(alpha, alpha), by key alone. 0 < alpha <= 1. In a batch of odd size
 * the middle patient is unchanged. */
void dms_mixup_apply(const dms_mixup_batch *batch, double alpha, uint64_t key);

#endif
