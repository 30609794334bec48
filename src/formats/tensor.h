/* A tensor of a file: its name, shape and bytes where they lie, whichever
 * format it came in. */
#ifndef DMS_FORMATS_TENSOR_H
#define DMS_FORMATS_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

enum { DMS_TENSOR_AXES_MAX = 8 };

typedef enum dms_dtype {
    DMS_DTYPE_F64,
    DMS_DTYPE_F32,
    DMS_DTYPE_F16,
    DMS_DTYPE_BF16,
    DMS_DTYPE_I64,
    DMS_DTYPE_I32,
    DMS_DTYPE_I16,
    DMS_DTYPE_I8,
    DMS_DTYPE_U8,
    DMS_DTYPE_BOOL
} dms_dtype;

size_t dms_dtype_size(dms_dtype dtype);      /* bytes */
const char *dms_dtype_name(dms_dtype dtype); /* "F32" */

typedef struct dms_tensor_view {
    const char *name; /* borrowed */
    dms_dtype dtype;
    int axes; /* of shape that count */
    int64_t shape[DMS_TENSOR_AXES_MAX];
    const void *data; /* borrowed, perhaps unaligned: memcpy from it */
    size_t size;      /* bytes at data that belong to it */
    bool strided;     /* false: row-major, dense */
    int64_t stride[DMS_TENSOR_AXES_MAX]; /* elements, >= 0; where strided */
} dms_tensor_view;

/* view's values as float32 in row-major order (F64, F16, BF16, I64 ...
 * converted); out: product of shape floats. DMS_EMISMATCH where an element
 * would lie beyond size. */
dms_status dms_tensor_to_f32(float *out, const dms_tensor_view *view,
                             dms_error *err);

/* The reverse, of a dense tensor: count values as F32, F16 or BF16 (to the
 * nearest, ties to even; too large for F16: infinity). */
void dms_tensor_from_f32(void *out, dms_dtype dtype, const float *values,
                         size_t count);

/* false when one of the values is NaN or infinite. */
bool dms_floats_finite(const float *values, size_t count);

/* "[64, 3, 7, 7]"; "[]" for a scalar. Cut to size. */
void dms_shape_text(char *text, size_t size, const int64_t *shape, int axes);

#endif
