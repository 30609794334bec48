/* Test-time augmentation: a net's logits, averaged over mirror images.
 *
 * A photograph is run four times: mirrored left to right, turned by 180
 * degrees, mirrored upside down, and as it is. Left to right, an eye becomes
 * one of the other side, so both eyes of a patient are mirrored together and
 * would have to change places, and their logits back. The network is the same
 * for both places (docs/model.md): that exchange is the identity, and each eye
 * stays where it is. */
#ifndef DMS_ENGINE_VIEWS_H
#define DMS_ENGINE_VIEWS_H

#include "net/dmsnet.h"

typedef struct dms_views {
    int patients, labels, size; /* N, K, S of the net */
    float *logits; /* owned: views x 3N x K, each view's patients, left eyes,
                      right eyes; after a run the first has the means */
} dms_views;

/* DMS_ENOMEM. */
dms_status dms_views_init(dms_views *views, int patients, int labels, int size,
                          dms_error *err);
void dms_views_release(dms_views *views);

/* Run the net's images in all views. The means do not depend on the order of
 * the views: a mirrored photograph gets the same bits. The net is left with
 * its images, features and logits of the photographs themselves, and with the
 * flaws (dms_net_check) of all views. */
dms_status dms_views_forward(dms_views *views, dms_net *net, dms_error *err);

/* The means of the last forward: N x K; 2N x K, left eyes first. */
const float *dms_views_patient_logits(const dms_views *views);
const float *dms_views_eye_logits(const dms_views *views);

#endif
