/* Mixing patients: mixup (Zhang et al. 2018, arXiv 1710.09412), in which both
 * eyes of a patient are mixed with both of another, left with left. */
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

/* Patient i becomes share * i + (1 - share) * its partner, the one as far from
 * the other end of the batch; so do the labels, and what is unknown of either
 * is unknown of both. The share is drawn from Beta(alpha, alpha), once for the
 * batch, by key alone. 0 < alpha <= 1. In a batch of odd size the middle one
 * stays as it is. */
void dms_mixup_apply(const dms_mixup_batch *batch, double alpha, uint64_t key);

#endif
