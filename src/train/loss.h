/* The loss of one batch and its gradient with respect to the logits. */
#ifndef DMS_TRAIN_LOSS_H
#define DMS_TRAIN_LOSS_H

#include "dms/architecture.h"
#include "dms/train.h"

typedef struct dms_loss_options {
    int labels;    /* K */
    dms_task task; /* single-label: softmax; kind and weights are ignored */
    dms_loss_kind kind;
    double eye_weight; /* 0: the eyes do not count */
    double smoothing;  /* s in [0, 1): targets t(1-s) + s/2, or s/K */
    double focal_gamma, focal_alpha; /* alpha outside [0, 1]: no balance */
    double gamma_pos, gamma_neg, clip;
    const double *pos_weight; /* K, of the positive term; borrowed; NULL: 1 */
} dms_loss_options;

/* Binary cross-entropy of `labels` labels, eye weight 0.3, weights 1. */
dms_loss_options dms_loss_options_default(int labels);

typedef struct dms_loss_batch {
    int patients;                /* N >= 1 */
    const float *patient_logits; /* N x K */
    const float *eye_logits;     /* 2N x K, left eyes first */
    const float
        *patient_targets;     /* N x K of 0, 1 or NaN (unknown: not counted)*/
    const float *eye_targets; /* 2N x K as above; NULL: no loss for eyes */
} dms_loss_batch;

/* Return patient + eye_weight * (left + right) / 2. Each is the mean over its
 * own counted cells (softmax: rows), and 0 if nothing counts: `loss` of the
 * reference. Sums are in double.
 *
 * patient_gradient  out: N x K, dLoss/dlogits; NULL: not computed
 * eye_gradient      out: 2N x K; NULL: not computed
 * A softmax row with several labels shares its mass equally among them. A row
 * with a NaN or without a label does not count. Safe from several threads. */
double dms_loss_evaluate(float *patient_gradient, float *eye_gradient,
                         const dms_loss_batch *batch,
                         const dms_loss_options *options);

#endif
