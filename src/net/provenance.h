/* The provenance of a model file: one JSON object, whose keys are set by
 * whoever changes the model. */
#ifndef DMS_NET_PROVENANCE_H
#define DMS_NET_PROVENANCE_H

#include "formats/json.h"
#include "net/model_file.h"

/* The key under which `dmsnet calibrate` says on what it fitted. */
#define DMS_PROVENANCE_CALIBRATED "calibrated"

/* The object; NULL if memory runs out. The caller decrefs. */
json_t *dms_provenance_read(const dms_model_config *config);

/* Replace the whole object; name is for messages.
 *
 * root  taken, also on failure; NULL: memory ran out for it
 * DMS_ELIMIT: there is no room for it; DMS_ENOMEM. config is unchanged on
 * failure. */
dms_status dms_provenance_write(dms_model_config *config, json_t *root,
                                const char *name, dms_error *err);

/* Set or remove a key.
 *
 * value  taken, also on failure; NULL: memory ran out for it
 * Fails like dms_provenance_write. */
dms_status dms_provenance_set(dms_model_config *config, const char *key,
                              json_t *value, const char *name, dms_error *err);
dms_status dms_provenance_remove(dms_model_config *config, const char *key,
                                 const char *name, dms_error *err);

/* The thresholds were chosen for another point: the record of a calibration, if
 * there is one, names it. Fails like dms_provenance_write. */
dms_status dms_provenance_retune(dms_model_config *config, const char *point,
                                 const char *name, dms_error *err);

#endif
