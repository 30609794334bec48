/* Whom a model was trained on, among the patients at hand. */
#ifndef DMS_ENGINE_MODEL_RECORD_H
#define DMS_ENGINE_MODEL_RECORD_H

#include "data/cache.h"
#include "dms/data.h"
#include "dms/model.h"

/* All borrowed. */
typedef struct dms_model_record {
    const dms_model *model;
    const char *path; /* of the model, for messages */
    const dms_dataset *dataset;
    const dms_cache *cache;
    bool strict; /* refuse where else is warned */
    const dms_monitor *monitor;
} dms_model_record;

/* Does the model file tell it at all? */
bool dms_model_record_known(const dms_model *model);

/* DMS_EMISMATCH unless it does; path is for the message. */
dms_status dms_model_record_need(const dms_model *model, const char *path,
                                 dms_error *err);

/* How many of these were: places in the data set. */
size_t dms_model_record_count(const dms_model_record *record,
                              const size_t *patients, size_t count);

/* A split that is made again, of another table, may hold patients that the
 * model was trained on: that is warned of, or refused (DMS_EMISMATCH). Of the
 * training split it is no news. DMS_ENOMEM. */
dms_status dms_model_record_check(const dms_model_record *record,
                                  dms_split split, dms_error *err);

/* Were calibration and thresholds fitted to patients of this split (NONE: of
 * any) in a table of this name? The model's provenance says so. */
bool dms_model_record_fitted(const dms_model_record *record, dms_split split);

#endif
