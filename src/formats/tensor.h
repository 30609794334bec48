/* A tensor in a file: its name, its shape and its bytes in place, independent
 * of the file format. */
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
    int axes; /* number of axes used in shape, stride */
    int64_t shape[DMS_TENSOR_AXES_MAX];
    const void *data; /* borrowed, may be unaligned: use memcpy */
    size_t size;      /* bytes at data that belong to it */
    bool strided;     /* false: row-major, dense */
    int64_t stride[DMS_TENSOR_AXES_MAX]; /* elements, >= 0; if strided */
} dms_tensor_view;

/* Convert view's values (F64, F16, BF16, I64 ...) to float32 in row-major
 * order. out has room for the product of shape in floats. DMS_EMISMATCH if an
 * element would lie beyond size. */
dms_status dms_tensor_to_f32(float *out, const dms_tensor_view *view,
                             dms_error *err);

/* The reverse, for a dense tensor: write count values as F32, F16 or BF16.
 * Values round to nearest, ties to even; those too large for F16 become
 * infinity. */
void dms_tensor_from_f32(void *out, dms_dtype dtype, const float *values,
                         size_t count);

/* False if a value is NaN or infinite. */
bool dms_floats_finite(const float *values, size_t count);

/* Write "[64, 3, 7, 7]", or "[]" for a scalar; truncated to size. */
void dms_shape_text(char *text, size_t size, const int64_t *shape, int axes);

#endif
