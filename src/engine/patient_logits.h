/* The networks of an engine on patients of a data set, whose prepared
 * photographs are in caches. */
#ifndef DMS_ENGINE_PATIENT_LOGITS_H
#define DMS_ENGINE_PATIENT_LOGITS_H

#include "data/cache.h"
#include "engine/engine.h"

/* All borrowed. */
typedef struct dms_patient_run {
    const dms_dataset *dataset;
    const dms_cache *const *caches; /* one per member of the engine, each with
                                       a photograph of every patient */
    dms_eyes eyes;                  /* of the members */
    const size_t *patients;         /* count places in the data set */
    size_t count;
    const char *stage; /* as in dms_feed */
    const dms_monitor *monitor;
} dms_patient_run;

/* Write every member's patient logits.
 *
 * logits  out: members x count x K
 * Fails and stops like dms_engine_run; DMS_EFORMAT names a patient whose values
 * overflow. */
dms_status dms_patient_logits(float *logits, dms_engine *engine,
                              const dms_patient_run *run, dms_error *err);

#endif
