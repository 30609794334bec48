/* Reads and writes model files. Tensors are matched by name: a missing one, or
 * one of another shape, is an error; an unused one is a warning. */
#include "net/model_file.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/labels.h"
#include "formats/tensor_file.h"
#include "net/dmsnet.h"
#include "net/infer.h"
#include "net/shipped.h"
#include "net/weights_file.h"

dms_status dms_model_metadata_make(dms_model_metadata *out,
                                   const dms_model_config *config,
                                   dms_error *err)
{
    out->texts[0] = dms_model_config_json(config);
    out->texts[1] = dms_trained_on_text(&config->trained_on);
    if (!out->texts[0] || (config->trained_on.digests && !out->texts[1]))
        return dms_fail_memory(err, "model file");
    out->items[0] = (dms_metadata){DMS_MODEL_METADATA_KEY, out->texts[0]};
    out->items[1] = (dms_metadata){DMS_TRAINED_ON_KEY, out->texts[1]};
    out->count = out->texts[1] ? 2 : 1;
    return DMS_OK;
}

void dms_model_metadata_release(dms_model_metadata *metadata)
{
    dms_free(metadata->texts[0]);
    dms_free(metadata->texts[1]);
    *metadata = (dms_model_metadata){0};
}

dms_status dms_model_metadata_read(dms_model_config *config,
                                   const dms_tensor_file *file, dms_error *err)
{
    const char *path = dms_tensor_file_path(file);
    const char *json = dms_tensor_file_metadata(file, DMS_MODEL_METADATA_KEY);
    const char *seen = dms_tensor_file_metadata(file, DMS_TRAINED_ON_KEY);
    dms_status st;

    TRY(dms_model_config_parse(config, json, path, err));
    if (seen)
        TRY(dms_trained_on_parse(&config->trained_on, seen, path, err));
done:
    return st;
}

dms_status dms_model_file_write(const char *path,
                                const dms_model_config *config,
                                const dms_params *params, const float *value,
                                dms_error *err)
{
    dms_status st;
    dms_model_metadata metadata = {0};

    TRY(dms_model_metadata_make(&metadata, config, err));
    TRY(dms_weights_write(path, params, value,
                          &(dms_weights_out){.dtype = DMS_DTYPE_F32,
                                             .prefix = "",
                                             .integers = true,
                                             .metadata = metadata.items,
                                             .metadata_count = metadata.count},
                          err));
done:
    dms_model_metadata_release(&metadata);
    return st;
}

static dms_status infer_config(dms_model_config *config,
                               const dms_tensor_file *file,
                               const dms_monitor *monitor, dms_error *err)
{
    dms_architecture arch = dms_architecture_default();
    const dms_architecture *a = &arch;
    dms_label_set *labels = NULL;
    dms_status st;

    TRY(dms_infer_architecture(&arch, file, "", err));
    TRY(dms_label_set_numbered(&labels, arch.labels, arch.task, err));
    TRY(dms_model_config_init(config, labels, err));
    config->architecture = arch;
    dms_log(monitor, DMS_LOG_WARNING,
            "%s: no metadata '" DMS_MODEL_METADATA_KEY "': assuming %s, width "
            "%d, context %s, fusion %s, %d pixels, thresholds 0.5, labels %s "
            "to %s",
            dms_tensor_file_path(file), dms_backbone_name(a->backbone),
            a->width, dms_context_name(a->context), dms_fusion_name(a->fusion),
            a->size, dms_label_set_code(labels, 0),
            dms_label_set_code(labels, a->labels - 1));
done:
    dms_label_set_destroy(labels);
    return st;
}

/* path: a file, or the name of a shipped model. PyTorch files have their own
 * verb, import, so that models have one format. */
dms_status dms_model_tensors_open(dms_tensor_file **out, const char *path,
                                  dms_error *err)
{
    static const dms_tensor_file_wanted wanted = {
        "a model file, such as a run's best.safetensors",
        "`dmsnet import` converts it"};
    dms_tensor_file *file = NULL;
    char *found = NULL;
    dms_status st;

    TRY(dms_shipped_resolve(&found, path, err));
    TRY(dms_tensor_file_open(&file, found, &wanted, err));
    if (dms_tensor_file_metadata(file, DMS_CHECKPOINT_METADATA_KEY)) {
        st = dms_fail(err, DMS_EFORMAT,
                      "%s: is a run's checkpoint, expected a model file, such "
                      "as best.safetensors beside it",
                      path);
        goto done;
    }
    *out = file, file = NULL;
done:
    dms_tensor_file_close(file);
    dms_free(found);
    return st;
}

static dms_status read_param(dms_params *params, const dms_param *param,
                             const dms_tensor_file *file, float *scratch,
                             dms_error *err)
{
    const char *path = dms_tensor_file_path(file);
    const dms_tensor_view *view = dms_tensor_file_find(file, "", param->name);

    if (param->integers)
        return DMS_OK;
    if (view)
        return dms_weights_read_one(params, param, view, path, scratch, err);
    if (param->role == DMS_PARAM_COUNT) /* missing before PyTorch 0.4.1 */
        return DMS_OK;
    return dms_fail(err, DMS_EMISMATCH, "%s: tensor %s is missing", path,
                    param->name);
}

static void warn_of_strangers(const dms_params *params,
                              const dms_tensor_file *file,
                              const dms_monitor *monitor)
{
    for (size_t i = 0; i < dms_tensor_file_count(file); i++) {
        const char *name = dms_tensor_file_at(file, i)->name;

        if (!dms_params_find(params, name))
            dms_log(monitor, DMS_LOG_WARNING,
                    "%s: tensor %.80s is not part of the model; ignored",
                    dms_tensor_file_path(file), name);
    }
}

static dms_status read_params(dms_params *params, const dms_tensor_file *file,
                              dms_error *err)
{
    float *plain = dms_calloc(dms_params_longest(params), sizeof *plain);
    dms_status st = DMS_OK;

    if (!plain)
        return dms_fail_memory(err, dms_tensor_file_path(file));
    for (size_t i = 0; i < params->count && st == DMS_OK; i++)
        st = read_param(params, &params->items[i], file, plain, err);
    dms_free(plain);
    return st;
}

/* Declare rows for the scales that the file contains. */
static dms_status declare_scales(dms_params *params, size_t i,
                                 const dms_tensor_file *file, dms_error *err)
{
    static const dms_scale scales[] = {DMS_SCALE_OUTPUT, DMS_SCALE_BRANCH};
    char name[DMS_PARAM_NAME_MAX + 16];

    for (size_t k = 0; k < sizeof scales / sizeof *scales; k++)
        if (dms_param_scale_name(name, sizeof name, &params->items[i],
                                 scales[k]) &&
            dms_tensor_file_find(file, "", name) &&
            !dms_param_declare_scale(params, i, scales[k]))
            return dms_fail_memory(err, dms_tensor_file_path(file));
    return DMS_OK;
}

static dms_status map_params(dms_params *params, const dms_tensor_file *file,
                             dms_error *err)
{
    dms_status st = DMS_OK;

    /* rows of scales are appended on the way, and mapped when it is their turn
     */
    for (size_t i = 0; i < params->count; i++) {
        const dms_tensor_view *view =
            dms_tensor_file_find(file, "", params->items[i].name);
        bool taken = false;

        TRY(declare_scales(params, i, file, err));
        if (view)
            TRY(dms_weights_map_integers(&taken, params, i, view, err));
        if (view && !taken)
            dms_weights_map_one(&params->items[i], view);
    }
done:
    return st;
}

/* Read the open file's description and weights. For inference the weights stay
 * in the file; for training the rows under the prefixes `frozen` are frozen. */
static dms_status read_file(dms_model_config *config, dms_params **out,
                            const dms_tensor_file *file, bool training,
                            const char *const *frozen,
                            const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    const char *path = dms_tensor_file_path(file);
    dms_params *params = dms_params_create();

    if (!params) {
        st = dms_fail_memory(err, path);
        goto done;
    }
    if (dms_tensor_file_metadata(file, DMS_MODEL_METADATA_KEY))
        TRY(dms_model_metadata_read(config, file, err));
    else
        TRY(infer_config(config, file, monitor, err));
    TRY(dms_net_declare(params, &config->architecture, training, false, err));
    if (!training)
        TRY(map_params(params, file, err));
    for (; frozen && *frozen; frozen++)
        dms_params_freeze(params, *frozen);
    TRY(dms_params_allocate(params, training, err));
    TRY(read_params(params, file, err));
    warn_of_strangers(params, file, monitor);
    *out = params, params = NULL;
done:
    dms_params_destroy(params);
    return st;
}

dms_status dms_model_file_read(dms_model_config *config, dms_params **params,
                               const char *path, const char *const *frozen,
                               const dms_monitor *monitor, dms_error *err)
{
    dms_tensor_file *file = NULL;
    dms_status st = dms_model_tensors_open(&file, path, err);

    *config = (dms_model_config){.temperature = 1.0};
    if (st == DMS_OK)
        st = read_file(config, params, file, true, frozen, monitor, err);
    dms_tensor_file_close(file);
    return st;
}

dms_status dms_model_file_map(dms_model_config *config, dms_params **params,
                              dms_tensor_file **file, const char *path,
                              const dms_monitor *monitor, dms_error *err)
{
    dms_status st;

    *file = NULL;
    *config = (dms_model_config){.temperature = 1.0};
    st = dms_model_tensors_open(file, path, err);
    if (st == DMS_OK)
        st = read_file(config, params, *file, false, NULL, monitor, err);
    if (st != DMS_OK) {
        dms_tensor_file_close(*file);
        *file = NULL;
    }
    return st;
}
