/* A data set for a model: with its labels, split as its training was, and where
 * its prepared photographs are kept. */
#ifndef DMS_ENGINE_MODEL_DATASET_H
#define DMS_ENGINE_MODEL_DATASET_H

#include "dms/data.h"
#include "dms/model.h"

/* All borrowed; texts may be "" but not NULL. */
typedef struct dms_model_dataset {
    const dms_model *model;
    const char *path;     /* of the model, for messages */
    const char *data;     /* folder or table */
    const char *images;   /* "": beside the table */
    const char *labels;   /* how the table names the model's labels, in the form
                             of dms_label_set_parse; "": as the model does */
    const char *encoding; /* "": detected */
    const dms_monitor *monitor;
} dms_model_dataset;

/* Open it. A split column is not read if the model was trained with a split of
 * its own. DMS_EMISMATCH if `labels` has other codes than the model; else fails
 * like dms_dataset_open_with. */
dms_status dms_model_dataset_open(dms_dataset **out,
                                  const dms_model_dataset *asked,
                                  dms_error *err);

/* Where the prepared photographs are kept if nobody says it: next to the model
 * file, or in the folder of a run with folds, where training leaves them; in
 * `otherwise` if that is not writable or the model was found by its name: it
 * ships with dmsnet, and many may use it.
 *
 * folder  out: dms_free
 * given   the model as the user gives it (dms_shipped_resolve, whose errors
 *         are those of this function) */
dms_status dms_model_cache_folder(char **folder, const char *given,
                                  const char *otherwise, dms_error *err);

#endif
