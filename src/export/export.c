/* Weights for other programs. */
#include "net/model.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/growing.h"
#include "dms/export.h"
#include "net/model_file.h"
#include "net/weights_file.h"

static const struct {
    const char *name;
    dms_dtype dtype;
} types[] = {
    [DMS_WEIGHT_F32] = {"f32", DMS_DTYPE_F32},
    [DMS_WEIGHT_F16] = {"f16", DMS_DTYPE_F16},
    [DMS_WEIGHT_BF16] = {"bf16", DMS_DTYPE_BF16},
};

enum { TYPES = sizeof types / sizeof *types };

const char *dms_weight_type_name(int type)
{
    return type >= 0 && type < TYPES ? types[type].name : NULL;
}

void dms_export_options_init(dms_export_options *options, size_t struct_size)
{
    const dms_export_options plain = {.type = DMS_WEIGHT_F32};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

dms_status dms_model_export_safetensors(const dms_model *model,
                                        const char *path,
                                        const dms_export_options *given,
                                        dms_error *err)
{
    dms_status st;
    dms_export_options options;
    dms_model_metadata own = {0};
    dms_metadata metadata[3] = {{"format", "pt"}};
    dms_weights_out out = {.metadata = metadata, .metadata_count = 1};

    dms_export_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given, "dms_export_options",
                         err));
    if ((unsigned)options.type >= TYPES)
        return dms_fail(err, DMS_EINVAL, "weight type %d is none that is known",
                        (int)options.type);
    out.prefix = options.backbone_only ? "backbone." : "";
    out.dtype = types[options.type].dtype;
    TRY(dms_model_metadata_make(&own, &model->config, err));
    for (size_t i = 0; i < own.count && !options.backbone_only; i++)
        metadata[out.metadata_count++] = own.items[i];
    TRY(dms_weights_write(path, model->params, NULL, &out, err));
done:
    dms_model_metadata_release(&own);
    return st;
}
