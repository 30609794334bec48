/* A label set in a model file's description. */
#ifndef DMS_NET_LABEL_SET_JSON_H
#define DMS_NET_LABEL_SET_JSON_H

#include "dms/labels.h"
#include "formats/json.h"

/* The codes alone, ["N", "D"]: `labels` of the architecture. */
json_t *dms_label_codes_json(const dms_label_set *set);

/* All of it: `label_set` of the description. */
json_t *dms_label_set_json(const dms_label_set *set);

/* The set of a description. Files from before label sets have the codes alone,
 * or nothing: ODIR's eight. name is for messages; DMS_EFORMAT. */
dms_status dms_label_set_from_json(dms_label_set **out, const json_t *root,
                                   dms_task task, const char *name,
                                   dms_error *err);

#endif
