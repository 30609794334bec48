/* Mixing patients: both eyes of a patient with both eyes of another, left with
 * left. Mixup (Zhang et al. 2018, arXiv 1710.09412) blends the photographs,
 * CutMix (Yun et al. 2019, arXiv 1905.04899) replaces a rectangle of them. */
#ifndef DMS_TRAIN_MIXUP_H
#define DMS_TRAIN_MIXUP_H

#include <stddef.h>
#include <stdint.h>

typedef struct dms_mixup_batch {
    float *images;      /* 2 patients x 3 x side x side, all left eyes first */
    float *targets;     /* patients x labels; NaN: unknown */
    float *eye_targets; /* 2 patients x labels, left first; NaN: unknown */
    int patients;
    size_t side; /* of the images */
    size_t labels;
} dms_mixup_batch;

/* Each 0 (off) to 1, not both 0. If neither is 0, half of the batches have the
 * one and half the other. */
typedef struct dms_mixup_alphas {
    double mixup, cutmix;
} dms_mixup_alphas;

/* Mix patient i with its partner, the patient as far from the other end of the
 * batch. One share is drawn per batch from Beta(alpha, alpha), by key alone.
 * Mixup: patient i becomes share * i + (1 - share) * partner. CutMix: a
 * rectangle with the sides' ratio of the image, of 1 - share of its area and in
 * the same place for the whole batch, comes from the partner; a rectangle cut
 * off at the border makes share larger. Labels are mixed by share; what is
 * unknown for either is unknown for both. In a batch of odd size the middle
 * patient is unchanged. */
void dms_mixup_apply(const dms_mixup_batch *batch,
                     const dms_mixup_alphas *alphas, uint64_t key);

#endif
