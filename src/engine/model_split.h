/* The split that each patient belongs to, as in a model's training. */
#ifndef DMS_ENGINE_MODEL_SPLIT_H
#define DMS_ENGINE_MODEL_SPLIT_H

#include "dms/data.h"
#include "dms/model.h"

/* Was the model trained with a split of its own even if the table has one? The
 * table's is then ignored. */
bool dms_model_overrides_split(const dms_model *model);

/* Split the data set as in the model's training, according to its provenance;
 * without one, by the table's own column. DMS_EMISMATCH if there is neither and
 * a split is wanted (NONE: it is not). */
dms_status dms_model_split(dms_dataset *dataset, const dms_model *model,
                           dms_split wanted, const dms_monitor *monitor,
                           dms_error *err);

#endif
