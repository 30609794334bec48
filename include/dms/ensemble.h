/* Ensembles: several models of the same labels that answer as one. Their logits
 * are averaged, the patient's and each eye's, and the averages become
 * probabilities as a single model's logits do. An ensemble of one model gives
 * that model's answers, bit for bit.
 *
 *     const char *const paths[] = {"runs/folds"};
 *     dms_ensemble *ensemble = NULL;
 *     dms_session *session = NULL;
 *     dms_predictions *answers = NULL;
 *
 *     if (dms_ensemble_open(&ensemble, paths, 1, NULL, &err) == DMS_OK &&
 *         dms_session_create_ensemble(&session, ensemble, 8, NULL, 0, &err) ==
 *             DMS_OK &&
 *         dms_predictions_create(&answers, dms_ensemble_get(ensemble, 0),
 *                                list.count, &err) == DMS_OK)
 *         dms_session_predict(session, answers, list.pairs, list.count, NULL,
 *                             &err);
 *
 * Threads: an ensemble is immutable, like a model, and any number of threads
 * may have sessions of it. */
#ifndef DMS_ENSEMBLE_H
#define DMS_ENSEMBLE_H

#include <stddef.h>

#include "dms/compute.h"
#include "dms/model.h"
#include "dms/monitor.h"
#include "dms/session.h"
#include "dms/status.h"

#include "dms/public_begin.h"

enum { DMS_ENSEMBLE_MAX = 64 };

typedef struct dms_ensemble dms_ensemble;

/* An ensemble of opened models.
 *
 * models   count of them, 1 to DMS_ENSEMBLE_MAX; borrowed, and must outlive
 *          the ensemble; the list itself is copied
 * monitor  is told if the models have different thresholds or calibrations; may
 *          be NULL
 * The models may differ in backbone, width, size, preprocessing and precision,
 * but not in their labels, task and eyes (DMS_EMISMATCH). Thresholds and
 * calibration are the models' if they are equal in all, else 0.5 and none.
 * DMS_EINVAL, DMS_ENOMEM. */
dms_status dms_ensemble_create(dms_ensemble **out,
                               const dms_model *const *models, size_t count,
                               const dms_monitor *monitor, dms_error *err);

/* The same of files. A path is one of dms_model_open, or the folder of a
 * training run with folds, which stands for its fold1/best.safetensors,
 * fold2/... up to the first that is missing; the monitor is told if the run has
 * not ended.
 * DMS_EIO and DMS_EFORMAT as of dms_model_open. */
dms_status dms_ensemble_open(dms_ensemble **out, const char *const *paths,
                             size_t count, const dms_monitor *monitor,
                             dms_error *err);

/* Accepts NULL. Destroy the ensemble's sessions first. */
void dms_ensemble_destroy(dms_ensemble *ensemble);

size_t dms_ensemble_count(const dms_ensemble *ensemble);

/* Model i, borrowed; NULL if i >= count. */
const dms_model *dms_ensemble_get(const dms_ensemble *ensemble, size_t i);

/* Label k is a finding if its probability is above this; NaN out of range. */
double dms_ensemble_threshold(const dms_ensemble *ensemble, int k);

/* That of the averaged logits, like dms_model_calibration. */
dms_calibration dms_ensemble_calibration(const dms_ensemble *ensemble, int k);

/* A session over all models: dms_session_create_with of an ensemble, which is
 * borrowed and must outlive the session. A photograph is read once for all
 * models that prepare it in the same way. The session holds a net of every
 * model: with N alike models it needs N times one model's memory. Predictions
 * are made for the ensemble's first model (dms_predictions_create); their
 * features are those of one model, so an ensemble of more has none:
 * dms_session_predict returns DMS_EINVAL if they are wanted. */
dms_status dms_session_create_ensemble(dms_session **out,
                                       const dms_ensemble *ensemble, int batch,
                                       const dms_compute *compute,
                                       size_t patients, dms_error *err);

#include "dms/public_end.h"

#endif
