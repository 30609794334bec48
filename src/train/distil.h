/* What a student loses against its teacher, and the gradient of that. */
#ifndef DMS_TRAIN_DISTIL_H
#define DMS_TRAIN_DISTIL_H

#include <stddef.h>

#include "train/loss.h"

typedef struct dms_distil_options {
    int labels;         /* K */
    dms_task task;      /* as in dms_loss_options */
    double eye_weight;  /* as in dms_loss_options */
    double weight;      /* W in [0, 1]: of the teacher */
    double temperature; /* T > 0 */
} dms_distil_options;

/* Logits of the same N photographed patients; left eyes first. */
typedef struct dms_distil_batch {
    int patients;                                   /* N >= 1 */
    const float *student_patient, *teacher_patient; /* N x K */
    const float *student_eye, *teacher_eye;         /* 2N x K */
} dms_distil_batch;

/* Floats of scratch that dms_distil_add needs: for N patients and K labels. */
size_t dms_distil_scratch(int patients, int labels);

/* Return (1 - W) * loss + W * T^2 * D, where D compares softened probabilities:
 *
 *   D = patient + eye_weight * (left + right) / 2, each the mean over rows of
 *   single-label: KL(softmax(teacher / T) || softmax(student / T))
 *   multi-label: the same of sigmoids, as the mean over labels: their binary
 *   cross-entropy less the teacher's entropy, which has no gradient
 *
 * (Hinton et al. 2015, arXiv 1503.02531; T^2 keeps the gradient's size). Every
 * cell counts, whether the table knows its label or not.
 *
 * patient_gradient, eye_gradient
 *          in: dloss/dlogits of the student; out: of what is returned
 * scratch  dms_distil_scratch floats */
double dms_distil_add(double loss, float *patient_gradient, float *eye_gradient,
                      float *scratch, const dms_distil_batch *batch,
                      const dms_distil_options *options);

/* Return weight * mean (student - teacher)^2 over len values of
 * dms_net_attention, and set the gradient. */
double dms_distil_maps(float *gradient, const float *student,
                       const float *teacher, size_t len, double weight);

#endif
