/* The globals that a state dict's pickle may name. None is imported: a row only
 * says what a call of it means to this reader. Relies on pickle.h, which
 * refuses all others. */
#include "formats/torch_pth_parts.h"

#define STORAGES(module)                                                       \
    {module, "DoubleStorage", .what = TORCH_STORAGE + DMS_DTYPE_F64},          \
        {module, "FloatStorage", .what = TORCH_STORAGE + DMS_DTYPE_F32},       \
        {module, "HalfStorage", .what = TORCH_STORAGE + DMS_DTYPE_F16},        \
        {module, "BFloat16Storage", .what = TORCH_STORAGE + DMS_DTYPE_BF16},   \
        {module, "LongStorage", .what = TORCH_STORAGE + DMS_DTYPE_I64},        \
        {module, "IntStorage", .what = TORCH_STORAGE + DMS_DTYPE_I32},         \
        {module, "ShortStorage", .what = TORCH_STORAGE + DMS_DTYPE_I16},       \
        {module, "CharStorage", .what = TORCH_STORAGE + DMS_DTYPE_I8},         \
        {module, "ByteStorage", .what = TORCH_STORAGE + DMS_DTYPE_U8},         \
    {                                                                          \
        module, "BoolStorage", .what = TORCH_STORAGE + DMS_DTYPE_BOOL          \
    }

static const dms_pickle_global globals[] = {
    {"collections", "OrderedDict", DMS_PICKLE_CALLS_DICT, true, TORCH_DICT},
    {"torch._utils", "_rebuild_tensor_v2", DMS_PICKLE_CALLS_LATER, false,
     TORCH_TENSOR_V2},
    {"torch._utils", "_rebuild_tensor", DMS_PICKLE_CALLS_LATER, false,
     TORCH_TENSOR},
    {"torch._utils", "_rebuild_parameter", DMS_PICKLE_CALLS_LATER, false,
     TORCH_PARAMETER},
    /* Before 0.4: a Parameter of a tensor, with its flags as state. */
    {"torch.nn.parameter", "Parameter", DMS_PICKLE_CALLS_LATER, true,
     TORCH_PARAMETER},
    {"torch", "Size", DMS_PICKLE_CALLS_LATER, false, TORCH_SIZE},
    STORAGES("torch"),
    STORAGES("torch.cuda"),
    STORAGES("torch.storage"),
    {"torch.storage", "UntypedStorage", .what = TORCH_STORAGE + DMS_DTYPE_U8},
    {"torch.storage", "_UntypedStorage", .what = TORCH_STORAGE + DMS_DTYPE_U8},
    {"torch.storage", "TypedStorage", .what = TORCH_STORAGE_TYPED},
    {"torch.storage", "_TypedStorage", .what = TORCH_STORAGE_TYPED},
};

dms_pickle_rules dms_torch_rules(const char *file)
{
    return (dms_pickle_rules){.file = file,
                              .globals = globals,
                              .count = sizeof globals / sizeof globals[0],
                              .hint = dms_torch_advice};
}
