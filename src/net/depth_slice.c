/* The depth axis of inflated convolutions: a slice is a view of the same bytes
 * with one axis less; a sum adds the slices. */
#include "net/depth_slice.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

enum { DEPTH = 2, AXES = 5 }; /* O x I x D x H x W */

bool dms_depth_inflated(const dms_tensor_view *view, const dms_param *param)
{
    const int64_t *wanted = param->shape, *found = view->shape;

    return param->role == DMS_PARAM_WEIGHT && param->axes == AXES - 1 &&
           view->axes == AXES && found[DEPTH] >= 1 && found[0] == wanted[0] &&
           found[1] == wanted[1] && found[3] == wanted[2] &&
           found[4] == wanted[3];
}

/* Elements from one index of an axis to the next. */
static int64_t stride_of(const dms_tensor_view *view, int axis)
{
    int64_t stride = 1;

    if (view->strided)
        return view->stride[axis];
    for (int i = axis + 1; i < view->axes; i++)
        stride *= view->shape[i];
    return stride;
}

static dms_tensor_view slice_at(const dms_tensor_view *view, int64_t depth)
{
    size_t skipped =
        (size_t)(depth * stride_of(view, DEPTH)) * dms_dtype_size(view->dtype);
    dms_tensor_view slice = *view;

    skipped = skipped < view->size ? skipped : view->size;
    slice.data = (const char *)view->data + skipped;
    slice.size = view->size - skipped;
    slice.strided = true;
    slice.axes = AXES - 1;
    for (int to = 0; to < AXES - 1; to++) {
        int from = to < DEPTH ? to : to + 1;

        slice.shape[to] = view->shape[from];
        slice.stride[to] = stride_of(view, from);
    }
    return slice;
}

static size_t length_of(const dms_tensor_view *view)
{
    size_t len = 1;

    for (int i = 0; i < view->axes; i++)
        len *= (size_t)view->shape[i];
    return len;
}

dms_status dms_depth_flatten(dms_tensor_view *flat, float *values,
                             const dms_tensor_view *view, dms_depth_slice slice,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    dms_tensor_view one = slice_at(view, view->shape[DEPTH] / 2);
    size_t len = length_of(&one);
    float *term = NULL;

    assert(view->axes == AXES);
    *flat = one;
    if (slice == DMS_DEPTH_CENTRE)
        return DMS_OK;
    term = dms_calloc(len, sizeof *term);
    if (!term)
        return dms_fail_memory(err, "sum over depth");
    memset(values, 0, len * sizeof *values);
    for (int64_t d = 0; d < view->shape[DEPTH]; d++) {
        one = slice_at(view, d);
        TRY(dms_tensor_to_f32(term, &one, err));
        for (size_t i = 0; i < len; i++)
            values[i] += term[i];
    }
    flat->dtype = DMS_DTYPE_F32;
    flat->strided = false;
    flat->data = values, flat->size = len * sizeof *values;
done:
    dms_free(term);
    return st;
}
