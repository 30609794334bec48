#include "net/model_file.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "formats/safetensors.h"
#include "net/dmsnet.h"

#define METADATA_KEY "dmsnet"
#define COUNTER      "num_batches_tracked"
#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

/* PyTorch counts a batch norm's batches beside its running variance. */
static bool counter_name(char name[DMS_PARAM_NAME_MAX], const char *param)
{
    static const char suffix[] = "running_var";
    size_t len = strlen(param);
    size_t stem = len - (sizeof suffix - 1);

    if (len < sizeof suffix || strcmp(param + stem, suffix) != 0 ||
        stem + sizeof COUNTER > DMS_PARAM_NAME_MAX)
        return false;
    snprintf(name, DMS_PARAM_NAME_MAX, "%.*s" COUNTER, (int)stem, param);
    return true;
}

/* Everything that a write hands to the format below. */
typedef struct outgoing {
    dms_tensor_view *views;
    size_t count;
    char (*counters)[DMS_PARAM_NAME_MAX];
    float *plain;
} outgoing;

static void outgoing_release(outgoing *o)
{
    dms_free(o->views);
    dms_free(o->counters);
    dms_free(o->plain);
}

static dms_status outgoing_init(outgoing *o, const dms_params *params,
                                const float *value, dms_error *err)
{
    static const int64_t batches = 0;
    size_t total = 0;
    float *plain;

    for (size_t i = 0; i < params->count; i++)
        total += params->items[i].len;
    o->views = dms_calloc(2 * params->count, sizeof *o->views);
    o->counters = dms_calloc(params->count, sizeof *o->counters);
    o->plain = plain = dms_calloc(total, sizeof *o->plain);
    if (!o->views || !o->counters || !o->plain)
        return dms_fail_memory(err, "model file");
    for (size_t i = 0; i < params->count; i++) {
        const dms_param *param = &params->items[i];
        dms_tensor_view *view = &o->views[o->count++];

        dms_param_unpack(param, plain, value + param->offset);
        *view = (dms_tensor_view){.name = param->name,
                                  .dtype = DMS_DTYPE_F32,
                                  .rank = param->rank,
                                  .data = plain,
                                  .size = param->len * sizeof *plain};
        memcpy(view->shape, param->shape, sizeof param->shape);
        plain += param->len;
        if (counter_name(o->counters[i], param->name))
            o->views[o->count++] = (dms_tensor_view){.name = o->counters[i],
                                                     .dtype = DMS_DTYPE_I64,
                                                     .data = &batches,
                                                     .size = sizeof batches};
    }
    return DMS_OK;
}

dms_status dms_model_file_write(const char *path,
                                const dms_model_config *config,
                                const dms_params *params, const float *value,
                                dms_error *err)
{
    dms_status st;
    outgoing o = {0};
    char *json = dms_model_config_json(config);
    dms_metadata metadata = {METADATA_KEY, json};

    if (!json) {
        st = dms_fail_memory(err, "model file");
        goto done;
    }
    TRY(outgoing_init(&o, params, value, err));
    TRY(dms_safetensors_write(path, o.views, o.count, &metadata, 1, err));
done:
    outgoing_release(&o);
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

static dms_status check_shape(const dms_param *param,
                              const dms_tensor_view *view, const char *path,
                              dms_error *err)
{
    char found[96], wanted[96];

    if (view->rank == param->rank &&
        memcmp(view->shape, param->shape,
               (size_t)param->rank * sizeof *param->shape) == 0)
        return DMS_OK;
    dms_shape_text(found, sizeof found, view->shape, view->rank);
    dms_shape_text(wanted, sizeof wanted, param->shape, param->rank);
    return dms_fail(err, DMS_EMISMATCH,
                    "%s: tensor %s has shape %s, expected %s", path,
                    param->name, found, wanted);
}

static dms_status read_param(dms_params *params, const dms_param *param,
                             const dms_safetensors *file, const char *path,
                             float *plain, dms_error *err)
{
    dms_status st;
    const dms_tensor_view *view = dms_safetensors_find(file, param->name);

    if (!view)
        return dms_fail(err, DMS_EMISMATCH, "%s: tensor %s is missing", path,
                        param->name);
    TRY(check_shape(param, view, path, err));
    TRY(dms_tensor_to_f32(plain, view, err));
    /* a relu makes NaN 0: the answer would look sound */
    if (!dms_floats_finite(plain, param->len))
        return dms_fail(err, DMS_EFORMAT,
                        "%s: tensor %s holds a value that is not finite", path,
                        param->name);
    dms_param_pack(param, params->value + param->offset, plain);
done:
    return st;
}

static bool is_counter(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && strcmp(dot + 1, COUNTER) == 0;
}

static void warn_of_strangers(const dms_params *params,
                              const dms_safetensors *file, const char *path,
                              const dms_monitor *monitor)
{
    for (size_t i = 0; i < dms_safetensors_count(file); i++) {
        const char *name = dms_safetensors_at(file, i)->name;

        if (!is_counter(name) && !dms_params_find(params, name))
            dms_log(monitor, DMS_LOG_WARNING,
                    "%s: tensor %.80s belongs to no part of the model; left "
                    "out",
                    path, name);
    }
}

static dms_status read_params(dms_params *params, const dms_safetensors *file,
                              const char *path, dms_error *err)
{
    size_t longest = 0;
    float *plain;
    dms_status st = DMS_OK;

    for (size_t i = 0; i < params->count; i++)
        if (params->items[i].len > longest)
            longest = params->items[i].len;
    plain = dms_calloc(longest, sizeof *plain);
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
