/* Which split a model's patients belong to. */
#ifndef DMS_ENGINE_MODEL_SPLIT_H
#define DMS_ENGINE_MODEL_SPLIT_H

#include "dms/data.h"
#include "dms/model.h"

/* Was the model trained on a split of its own although the table may have one?
 * Then the table's is of no account. */
bool dms_model_overrides_split(const dms_model *model);

/* Split the data set as the model was trained with, as its provenance tells;
 * else by the table's own column. DMS_EMISMATCH where neither is there and a
 * split is wanted (NONE: it is not). */
dms_status dms_model_split(dms_dataset *dataset, const dms_model *model,
                           dms_split wanted, const dms_monitor *monitor,
                           dms_error *err);

#endif
