/* Comparing a model file's record of its training photographs with a data set.
 * Relies on the digests in the cache (data/trained_on.h). */
#include "engine/model_record.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "data/loader.h"
#include "net/model.h"
#include "net/provenance.h"

bool dms_model_record_known(const dms_model *model)
{
    return model->config.trained_on.digests != NULL;
}

dms_status dms_model_record_need(const dms_model *model, const char *path,
                                 dms_error *err)
{
    return dms_model_record_known(model)
               ? DMS_OK
               : dms_fail(err, DMS_EMISMATCH,
                          "%s: does not say which photographs it was trained "
                          "on, which strict evaluation needs; models trained "
                          "by dmsnet 0.2 or later do",
                          path);
}

size_t dms_model_record_count(const dms_model_record *r, const size_t *patients,
                              size_t count)
{
    const dms_model_config *config = &r->model->config;
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found +=
            dms_trained_on_patient(&config->trained_on, r->dataset, r->cache,
                                   config->architecture.eyes, patients[i]);
    return found;
}

dms_status dms_model_record_check(const dms_model_record *r, dms_split split,
                                  dms_error *err)
{
    const char *name =
        split == DMS_SPLIT_NONE ? "labelled" : dms_split_name(split);
    size_t *patients = NULL, count = 0, found;
    dms_status st = DMS_OK;

    if (split == DMS_SPLIT_TRAIN)
        return DMS_OK;
    TRY(dms_loader_usable(&patients, &count, r->dataset, r->cache, split,
                          r->model->config.architecture.eyes, err));
    found = dms_model_record_count(r, patients, count);
    if (found > 0 && r->strict)
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: %zu of %zu %s patients have photographs that %s "
                      "was trained on",
                      r->dataset->table, found, count, name, r->path);
    else if (found > 0)
        dms_log(r->monitor, DMS_LOG_WARNING,
                "%s: %zu of %zu %s patients have photographs that %s was "
                "trained on: results on them are better than on new ones",
                r->dataset->table, found, count, name, r->path);
done:
    dms_free(patients);
    return st;
}

bool dms_model_record_fitted(const dms_model_record *r, dms_split split)
{
    json_t *root = dms_provenance_read(&r->model->config);
    json_t *made = json_object_get(root, DMS_PROVENANCE_CALIBRATED);
    json_t *table = json_object_get(made, "table");
    json_t *patients = json_object_get(made, "patients");
    json_t *here = dms_json_name(dms_path_name(r->dataset->table));
    bool fitted = table && here && json_equal(table, here) &&
                  (split == DMS_SPLIT_NONE ||
                   json_object_get(patients, dms_split_name(split)) ||
                   json_object_get(patients, "unsplit"));

    json_decref(here);
    json_decref(root);
    return fitted;
}
