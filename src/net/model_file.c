#include "net/model_file.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "formats/safetensors.h"
#include "net/dmsnet.h"
#include "net/weights_file.h"

#define METADATA_KEY "dmsnet"
#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

dms_status dms_model_file_write(const char *path,
                                const dms_model_config *config,
                                const dms_params *params, const float *value,
                                dms_error *err)
{
    dms_status st;
    char *json = dms_model_config_json(config);
    dms_metadata metadata = {METADATA_KEY, json};

    if (!json) {
        st = dms_fail_memory(err, "model file");
        goto done;
    }
    TRY(dms_weights_write(path, params, value,
                          &(dms_weights_out){.dtype = DMS_DTYPE_F32,
                                             .prefix = "",
                                             .metadata = &metadata,
                                             .metadata_count = 1},
                          err));
done:
    dms_free(json);
    return st;
}

/* The depth of stage 3 tells the backbones apart but for 34 and 50, which
 * conv3 does. */
static dms_status infer_backbone(dms_backbone *backbone,
                                 const dms_safetensors *file, const char *path,
                                 dms_error *err)
{
    static const int depths[] = {2, 6, 6, 23, 36};
    bool bottleneck =
        dms_safetensors_find(file, "backbone.layer1.0.conv3.weight") != NULL;
    int depth = 0;
    char name[DMS_PARAM_NAME_MAX];

    do
        snprintf(name, sizeof name, "backbone.layer3.%d.conv1.weight", depth);
    while (dms_safetensors_find(file, name) && ++depth < 64);
    for (unsigned b = 0; b < ARRAY_LEN(depths); b++)
        if (depths[b] == depth && bottleneck == (b >= DMS_BACKBONE_RESNET50)) {
            *backbone = (dms_backbone)b;
            return DMS_OK;
        }
    return dms_fail(err, DMS_EFORMAT,
                    "%s: no metadata '" METADATA_KEY "', and the tensors are "
                    "no ResNet's that is known (layer3 has %d blocks)",
                    path, depth);
}

static dms_status infer_config(dms_model_config *config,
                               const dms_safetensors *file, const char *path,
                               const dms_monitor *monitor, dms_error *err)
{
    dms_architecture *a = &config->architecture;
    const dms_tensor_view *reduce =
        dms_safetensors_find(file, "context.reduce.conv.weight");
    dms_status st;

    *config = dms_model_config_default();
    TRY(infer_backbone(&a->backbone, file, path, err));
    if (!reduce || reduce->rank != 4 || reduce->shape[0] > 2048)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: no metadata '" METADATA_KEY "' and no tensor "
                        "context.reduce.conv.weight to tell the width",
                        path);
    a->width = (int)reduce->shape[0];
    if (!dms_safetensors_find(file, "context.fuse.conv.weight"))
        a->context = DMS_CONTEXT_NONE;
    if (!dms_safetensors_find(file, "dmff.norm.weight"))
        a->fusion = DMS_FUSION_CONCAT;
    TRY(dms_architecture_check(a, err));
    dms_log(monitor, DMS_LOG_WARNING,
            "%s: no metadata '" METADATA_KEY "': taken for %s, width %d, "
            "context %s, fusion %s, %d pixels, thresholds 0.5",
            path, dms_backbone_name(a->backbone), a->width,
            dms_context_name(a->context), dms_fusion_name(a->fusion), a->size);
done:
    return st;
}

static dms_status read_param(dms_params *params, const dms_param *param,
                             const dms_safetensors *file, const char *path,
                             float *scratch, dms_error *err)
{
    const dms_tensor_view *view = dms_safetensors_find(file, param->name);

    if (view)
        return dms_weights_read_one(params, param, view, path, scratch, err);
    if (param->role == DMS_PARAM_COUNT) /* PyTorch's before 0.4.1 */
        return DMS_OK;
    return dms_fail(err, DMS_EMISMATCH, "%s: tensor %s is missing", path,
                    param->name);
}

static void warn_of_strangers(const dms_params *params,
                              const dms_safetensors *file, const char *path,
                              const dms_monitor *monitor)
{
    for (size_t i = 0; i < dms_safetensors_count(file); i++) {
        const char *name = dms_safetensors_at(file, i)->name;

        if (!dms_params_find(params, name))
            dms_log(monitor, DMS_LOG_WARNING,
                    "%s: tensor %.80s belongs to no part of the model; left "
                    "out",
                    path, name);
    }
}

static dms_status read_params(dms_params *params, const dms_safetensors *file,
                              const char *path, dms_error *err)
{
    float *plain = dms_calloc(dms_weights_longest(params), sizeof *plain);
    dms_status st = DMS_OK;

    if (!plain)
        return dms_fail_memory(err, path);
    for (size_t i = 0; i < params->count && st == DMS_OK; i++)
        st = read_param(params, &params->items[i], file, path, plain, err);
    dms_free(plain);
    return st;
}

dms_status dms_model_file_read(dms_model_config *config, dms_params **out,
                               const char *path, bool training,
                               const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_safetensors *file = NULL;
    dms_params *params = NULL;
    const char *json;

    TRY(dms_safetensors_open(&file, path, err));
    json = dms_safetensors_metadata(file, METADATA_KEY);
    if (json)
        TRY(dms_model_config_parse(config, json, path, err));
    else
        TRY(infer_config(config, file, path, monitor, err));
    params = dms_params_create();
    if (!params) {
        st = dms_fail_memory(err, path);
        goto done;
    }
    TRY(dms_net_declare(params, &config->architecture, training, false, err));
    TRY(dms_params_allocate(params, training, err));
    TRY(read_params(params, file, path, err));
    warn_of_strangers(params, file, path, monitor);
    *out = params, params = NULL;
done:
    dms_params_destroy(params);
    dms_safetensors_close(file);
    return st;
}
