/* Repeats a model's split from its provenance. */
#include "engine/model_split.h"

#include "net/model.h"
#include "base/fail.h"
#include "base/number.h"
#include "net/provenance.h"

static dms_split_options read_options(const json_t *split)
{
    const char *seed = json_string_value(json_object_get(split, "seed"));

    return (dms_split_options){
        .struct_size = sizeof(dms_split_options),
        .val = json_number_value(json_object_get(split, "val")),
        .test = json_number_value(json_object_get(split, "test")),
        .seed = dms_count_read(seed ? seed : "0", NULL, NULL),
        .override_column = json_is_true(json_object_get(split, "override")),
    };
}

bool dms_model_overrides_split(const dms_model *model)
{
    json_t *root = dms_provenance_read(&model->config);
    const json_t *split = json_object_get(root, "split");
    bool overrides = json_is_true(json_object_get(split, "override"));

    json_decref(root);
    return overrides;
}

dms_status dms_model_split(dms_dataset *dataset, const dms_model *model,
                           dms_split wanted, const dms_monitor *monitor,
                           dms_error *err)
{
    json_t *root = dms_provenance_read(&model->config);
    const json_t *split = json_object_get(root, "split");
    dms_split_options options = read_options(split);
    dms_status st = DMS_OK;

    if (!root)
        return dms_fail_memory(err, "provenance");
    if (split && (options.override_column || !dataset->has_split_column))
        TRY(dms_dataset_group_duplicates(dataset, monitor, err));
    if (split)
        TRY(dms_dataset_split(dataset, &options, err));
    else if (!dataset->has_split_column && wanted != DMS_SPLIT_NONE)
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: the table has no split column, and the model does "
                      "not record how training split it; use split all",
                      dataset->table);
done:
    json_decref(root);
    return st;
}
