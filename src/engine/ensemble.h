/* An ensemble from the side of those who run it. */
#ifndef DMS_ENGINE_ENSEMBLE_H
#define DMS_ENGINE_ENSEMBLE_H

#include <stdbool.h>

#include "dms/ensemble.h"
#include "engine/engine.h"

struct dms_ensemble {
    const dms_model **models; /* owned list of count */
    char **paths;             /* owned: the models' files; NULL: not opened
                                 here, the models are the caller's */
    size_t count;
    double *thresholds;           /* owned: K, for the averaged answers */
    dms_calibration *calibration; /* owned: K, likewise */
};

/* Engine options with a member per model and a batch of one; the caller
 * completes them.
 *
 * more  out: room for count - 1; must live until the engine is created */
dms_engine_options dms_ensemble_engine_options(dms_engine_options *more,
                                               const dms_ensemble *ensemble);

/* The first model that prepares photographs as model i does: i if none before
 * it does. */
size_t dms_ensemble_same_input(const dms_ensemble *ensemble, size_t i);

/* logits[i] = sums[i] / count, the mean over the ensemble's models. The sums
 * are in double precision, so that the mean of one model's is itself. */
void dms_ensemble_mean(float *logits, const double *sums, size_t len,
                       size_t count);

#endif
