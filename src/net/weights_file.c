#include "net/weights_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* A write under way: one tensor at a time goes through plain and narrow. */
typedef struct outgoing {
    const char *path;
    const dms_params *params;
    const float *value;
    dms_dtype dtype;
    bool integers;
    dms_tensor_view *views;
    const dms_param **sources; /* of each view */
    size_t count;
    float *plain;
    uint16_t *narrow;
    int64_t batches;
} outgoing;

static void add_view(outgoing *o, const dms_param *param, const char *prefix)
{
    dms_tensor_view *view = &o->views[o->count];
    dms_dtype dtype = param->role == DMS_PARAM_COUNT   ? DMS_DTYPE_I64
                      : param->integers && o->integers ? DMS_DTYPE_I8
                                                       : o->dtype;

    if (strncmp(param->name, prefix, strlen(prefix)) != 0 ||
        (param->role == DMS_PARAM_SCALE && !o->integers))
        return;
    *view = (dms_tensor_view){.name = param->name + strlen(prefix),
                              .dtype = dtype,
                              .axes = param->axes,
                              .size = param->len * dms_dtype_size(dtype)};
    memcpy(view->shape, param->shape, sizeof param->shape);
    o->sources[o->count++] = param;
}

static dms_status outgoing_init(outgoing *o, const char *prefix, dms_error *err)
{
    size_t longest = dms_params_longest(o->params);

    o->views = dms_calloc(o->params->count, sizeof *o->views);
    o->sources = dms_calloc(o->params->count, sizeof *o->sources);
    o->plain = dms_calloc(longest, sizeof *o->plain);
    o->narrow = dms_calloc(longest, sizeof *o->narrow);
    if (!o->views || !o->sources || !o->plain || !o->narrow)
        return dms_fail_memory(err, o->path);
    for (size_t i = 0; i < o->params->count; i++)
        add_view(o, &o->params->items[i], prefix);
    return DMS_OK;
}

/* What would round to infinity is refused: no reader would take it. */
static dms_status check_narrow(const outgoing *o, const dms_param *param,
                               dms_error *err)
{
    bool half = o->dtype == DMS_DTYPE_F16;
    float limit = half ? 65520.0f : 0x1.ffp127f;

    for (size_t i = 0; i < param->len; i++)
        if (fabsf(o->plain[i]) >= limit)
            return dms_fail(err, DMS_EINVAL, "%s: tensor %s holds %g; %s",
                            o->path, param->name, (double)o->plain[i],
                            half ? "f16 ends at 65504, bf16 does not"
                                 : "bf16 ends at 3.39e38");
    return DMS_OK;
}

static dms_status supply(const void **data, void *user, size_t index,
                         dms_error *err)
{
    outgoing *o = user;
    const dms_param *param = o->sources[index];
    size_t row = (size_t)(param - o->params->items);

    *data = o->plain;
    if (param->role == DMS_PARAM_COUNT) {
        o->batches = llrintf(*dms_param_value(o->params, row));
        *data = &o->batches;
        return DMS_OK;
    }
    if (param->integers && o->integers) {
        *data = param->integers;
        return DMS_OK;
    }
    if (o->dtype == DMS_DTYPE_F32 && !param->integers &&
        param->block_out == 1 && param->block_in == 1) { /* as in the file */
        *data = o->value ? o->value + param->offset
                         : dms_param_value(o->params, row);
        return DMS_OK;
    }
    if (o->value)
        dms_param_unpack(param, o->plain, o->value + param->offset);
    else
        dms_param_read(o->plain, o->params, row);
    if (o->dtype == DMS_DTYPE_F32)
        return DMS_OK;
    dms_tensor_from_f32(o->narrow, o->dtype, o->plain, param->len);
    *data = o->narrow;
    return check_narrow(o, param, err);
}

dms_status dms_weights_write(const char *path, const dms_params *params,
                             const float *value, const dms_weights_out *out,
                             dms_error *err)
{
    dms_status st;
    outgoing o = {.path = path,
                  .params = params,
                  .value = value,
                  .dtype = out->dtype,
                  .integers = out->integers};

    TRY(outgoing_init(&o, out->prefix, err));
    TRY(dms_safetensors_write_content(
        path,
        &(dms_safetensors_content){.tensors = o.views,
                                   .count = o.count,
                                   .metadata = out->metadata,
                                   .metadata_count = out->metadata_count,
                                   .supply = supply,
                                   .user = &o},
        err));
done:
    dms_free(o.views);
    dms_free(o.sources);
    dms_free(o.plain);
    dms_free(o.narrow);
    return st;
}

bool dms_weights_same_shape(const dms_param *param, const dms_tensor_view *view)
{
    return view->axes == param->axes &&
           memcmp(view->shape, param->shape,
                  (size_t)param->axes * sizeof *param->shape) == 0;
}

static dms_status check_view(const dms_param *param,
                             const dms_tensor_view *view, const char *name,
                             dms_error *err)
{
    char found[96], wanted[96];

    if (!dms_weights_same_shape(param, view)) {
        dms_shape_text(found, sizeof found, view->shape, view->axes);
        dms_shape_text(wanted, sizeof wanted, param->shape, param->axes);
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: tensor %.80s has shape %s, expected %s", name,
                        view->name, found, wanted);
    }
    if (param->role != DMS_PARAM_COUNT && view->dtype != DMS_DTYPE_F64 &&
        view->dtype != DMS_DTYPE_F32 && view->dtype != DMS_DTYPE_F16 &&
        view->dtype != DMS_DTYPE_BF16)
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: tensor %.80s is of type %s, expected floating "
                        "point%s",
                        name, view->name, dms_dtype_name(view->dtype),
                        param->role == DMS_PARAM_WEIGHT &&
                                view->dtype == DMS_DTYPE_I8
                            ? " (a quantised model: take the one it was made "
                              "from)"
                            : "");
    return DMS_OK;
}

/* What is wrong with a value of this tensor; NULL: nothing. */
static const char *judge(const dms_param *param, float value)
{
    if (param->role == DMS_PARAM_COUNT)
        return isfinite(value) && value >= 0 ? NULL : "no count";
    if (!isfinite(value))
        return "not finite";
    if (value < 0 && dms_param_is_variance(param))
        return "negative, and no variance";
    if (param->role == DMS_PARAM_SCALE &&
        !(value >= DMS_SCALE_LEAST && value <= DMS_SCALE_MOST))
        return "no scale: those are from 1e-12 to 1e12";
    return NULL;
}

/* "[3, 0, 1, 1]": where in its tensor the i-th value stands. */
static void name_place(char *text, size_t capacity, const dms_param *param,
                       size_t i)
{
    int64_t place[DMS_PARAM_AXES_MAX] = {0};

    for (int d = param->axes; d-- > 0; i /= (size_t)param->shape[d])
        place[d] = (int64_t)(i % (size_t)param->shape[d]);
    dms_shape_text(text, capacity, place, param->axes);
}

/* A relu makes NaN 0: the answer would look sound. */
dms_status dms_weights_check_values(const dms_param *param, const float *values,
                                    const char *tensor, const char *name,
                                    dms_error *err)
{
    bool plain = param->role == DMS_PARAM_WEIGHT ||
                 param->role == DMS_PARAM_BIAS || param->role == DMS_PARAM_NORM;
    const char *wrong = NULL;
    char place[96];
    size_t i = 0;

    if (plain && dms_floats_finite(values, param->len))
        return DMS_OK;
    while (i < param->len && !(wrong = judge(param, values[i])))
        i++;
    if (!wrong)
        return DMS_OK;
    name_place(place, sizeof place, param, i);
    return dms_fail(err, DMS_EFORMAT,
                    "%s: tensor %.80s holds a value that is %s, %g at %s", name,
                    tensor, wrong, (double)values[i], place);
}

dms_status dms_weights_read_one(dms_params *params, const dms_param *param,
                                const dms_tensor_view *view, const char *name,
                                float *scratch, dms_error *err)
{
    dms_status st;
    const float *values = param->mapped ? param->mapped : scratch;

    TRY(check_view(param, view, name, err));
    if (!param->mapped)
        TRY(dms_tensor_to_f32(scratch, view, err));
    TRY(dms_weights_check_values(param, values, view->name, name, err));
    if (!param->mapped)
        dms_param_pack(param, params->value + param->offset, scratch);
done:
    return st;
}

bool dms_weights_map_one(dms_param *param, const dms_tensor_view *view)
{
    if (!dms_weights_same_shape(param, view) || view->strided ||
        view->dtype != DMS_DTYPE_F32 || param->block_out > 1 ||
        param->block_in > 1 || (uintptr_t)view->data % _Alignof(float) != 0)
        return false;
    param->mapped = view->data;
    param->in_file = true;
    return true;
}

dms_status dms_weights_map_integers(bool *taken, dms_params *params, size_t i,
                                    const dms_tensor_view *view, dms_error *err)
{
    const dms_param *param = &params->items[i];

    *taken = param->role == DMS_PARAM_WEIGHT && view->dtype == DMS_DTYPE_I8 &&
             dms_weights_same_shape(param, view) && !view->strided;
    if (!*taken)
        return DMS_OK;
    if (!dms_param_declare_scale(params, i, DMS_SCALE_WEIGHT))
        return dms_fail_memory(err, view->name);
    params->items[i].integers = view->data;
    params->items[i].in_file = true;
    return DMS_OK;
}
