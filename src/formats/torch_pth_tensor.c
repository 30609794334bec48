/* Turns _rebuild_tensor_v2(storage, first element, shape, stride,
 * requires_grad, hooks[, metadata]) into a view of the storage's bytes. Relies
 * on storages whose data are already found. */
#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "formats/torch_pth_parts.h"

static int what_of(const torch_reader *reader, const dms_pickle_value *call)
{
    return call->kind == DMS_PICKLE_CALL
               ? reader->globals[call->link.global].what
               : -1;
}

bool dms_torch_is_tensor(const torch_reader *reader,
                         const dms_pickle_value *value)
{
    int what = what_of(reader, value);

    return what == TORCH_TENSOR || what == TORCH_TENSOR_V2 ||
           what == TORCH_PARAMETER;
}

static dms_status refuse(const torch_reader *reader,
                         const dms_tensor_view *view, const char *why,
                         dms_error *err)
{
    return dms_fail(err, DMS_EFORMAT, "%s: tensor '%s': %s", reader->file,
                    view->name, why);
}

/* Read a tuple of sizes, or a torch.Size of one; *axes is -1 before the first
 * call. */
static dms_status read_sizes(int64_t *sizes, int *axes,
                             const torch_reader *reader,
                             const dms_tensor_view *view,
                             const dms_pickle_value *value, dms_error *err)
{
    const dms_pickle_value *first = dms_pickle_at(reader->pickle, 0);
    const dms_pickle_value *items[DMS_TENSOR_AXES_MAX];
    int count;

    if (what_of(reader, value) == TORCH_SIZE) {
        if (dms_pickle_tuple(items, 1, reader->pickle, value->link.value) != 1)
            return refuse(reader, view, "torch.Size is not of one tuple", err);
        value = items[0];
    }
    count = dms_pickle_tuple(items, DMS_TENSOR_AXES_MAX, reader->pickle,
                             (dms_pickle_ref)(value - first));
    if (count < 0)
        return refuse(reader, view,
                      "its shape or stride is not a tuple of at most 8 numbers",
                      err);
    if (*axes >= 0 && *axes != count)
        return refuse(reader, view, "shape and stride differ in length", err);
    *axes = count;
    for (int i = 0; i < count; i++) {
        if (items[i]->kind != DMS_PICKLE_INT || items[i]->integer < 0)
            return refuse(reader, view,
                          "a size or stride is negative or not a number", err);
        sizes[i] = items[i]->integer;
    }
    return DMS_OK;
}

/* Count the shape's elements, and those from its first to its last, both
 * included. False on overflow. */
static bool measure(size_t *count, size_t *reach, const dms_tensor_view *view)
{
    size_t step;

    *count = 1;
    *reach = 1;
    for (int i = 0; i < view->axes; i++)
        if (view->shape[i] == 0) {
            *count = 0;
            *reach = 0;
            return true;
        }
    for (int i = 0; i < view->axes; i++)
        if (__builtin_mul_overflow(*count, (size_t)view->shape[i], count) ||
            __builtin_mul_overflow((size_t)view->shape[i] - 1,
                                   (size_t)view->stride[i], &step) ||
            __builtin_add_overflow(*reach, step, reach))
            return false;
    return true;
}

/* If a size is 1, its stride does not matter. */
static bool is_dense(const dms_tensor_view *view, size_t count)
{
    int64_t expected = 1;

    for (int i = view->axes; i-- > 0 && count > 0;) {
        if (view->shape[i] != 1 && view->stride[i] != expected)
            return false;
        expected *= view->shape[i];
    }
    return true;
}

/* Set data, size and strided of a view whose shape and stride are already
 * set. */
static dms_status place(dms_tensor_view *view, const torch_reader *reader,
                        const torch_storage *storage, int64_t first,
                        dms_error *err)
{
    size_t element = dms_dtype_size(storage->dtype);
    size_t count, reach, left;

    if (first < 0 || (size_t)first > storage->count)
        return refuse(reader, view, "it begins past the end of its storage",
                      err);
    left = storage->count - (size_t)first;
    if (!measure(&count, &reach, view))
        return refuse(reader, view, "its shape overflows", err);
    if (reach > left)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: tensor '%s' reaches over %zu elements, its "
                        "storage has %zu of them",
                        reader->file, view->name, reach, left);
    if (count > storage->count && count > TORCH_REPEATED_MAX)
        return dms_fail(err, DMS_ELIMIT,
                        "%s: tensor '%s' repeats the %zu elements of its "
                        "storage to %zu",
                        reader->file, view->name, storage->count, count);
    view->dtype = storage->dtype;
    view->data = storage->data + (size_t)first * element;
    view->strided = !is_dense(view, count);
    view->size = (view->strided ? left : count) * element;
    if (!view->strided)
        memset(view->stride, 0, sizeof view->stride);
    return DMS_OK;
}

static dms_status read_call(dms_tensor_view *view, const torch_reader *reader,
                            const dms_pickle_value *call, dms_error *err)
{
    const dms_pickle_value *args[7];
    bool v2 = what_of(reader, call) == TORCH_TENSOR_V2;
    int count = dms_pickle_tuple(args, 7, reader->pickle, call->link.value);
    torch_storage storage;
    int axes = -1;
    dms_status st;

    if (v2 ? count != 6 && count != 7 : count != 4)
        return refuse(reader, view, "a call with too few or many arguments",
                      err);
    if (args[0]->kind != DMS_PICKLE_PERSISTENT)
        return refuse(reader, view, "it does not have a storage", err);
    if (args[1]->kind != DMS_PICKLE_INT)
        return refuse(reader, view, "its first element is not a number", err);
    /* the seventh says if values are conjugated or negated */
    if (count == 7 && args[6]->kind != DMS_PICKLE_NONE &&
        (args[6]->kind != DMS_PICKLE_DICT || args[6]->items.count > 0))
        return refuse(reader, view,
                      "a conjugated or negated tensor is not supported", err);
    TRY(dms_torch_resolve(&storage, reader, args[0], err));
    TRY(read_sizes(view->shape, &axes, reader, view, args[2], err));
    TRY(read_sizes(view->stride, &axes, reader, view, args[3], err));
    view->axes = axes;
    TRY(place(view, reader, &storage, args[1]->integer, err));
done:
    return st;
}

dms_status dms_torch_read_tensor(dms_tensor_view *view,
                                 const torch_reader *reader,
                                 const dms_pickle_value *value, dms_error *err)
{
    /* A Parameter of a Parameter is meaningless and could nest forever. */
    if (what_of(reader, value) == TORCH_PARAMETER) {
        const dms_pickle_value *args[3];
        int count =
            dms_pickle_tuple(args, 3, reader->pickle, value->link.value);

        if (count < 1 || !dms_torch_is_tensor(reader, args[0]) ||
            what_of(reader, args[0]) == TORCH_PARAMETER)
            return refuse(reader, view,
                          "a Parameter that is not made of a tensor", err);
        value = args[0];
    }
    return read_call(view, reader, value, err);
}
