/* The label set in a model file's description. */
#ifndef DMS_NET_LABEL_SET_JSON_H
#define DMS_NET_LABEL_SET_JSON_H

#include "dms/labels.h"
#include "formats/json.h"

/* Only the codes, ["N", "D"]: `labels` of the architecture. */
json_t *dms_label_codes_json(const dms_label_set *set);

/* The whole set: `label_set` of the description. */
json_t *dms_label_set_json(const dms_label_set *set);

/* Read a description's set. Files older than label sets have only the codes, or
 * nothing: ODIR's eight. name is for messages; DMS_EFORMAT. */
dms_status dms_label_set_from_json(dms_label_set **out, const json_t *root,
                                   dms_task task, const char *name,
                                   dms_error *err);

#endif
