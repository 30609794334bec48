/* safetensors: an 8-byte header length, a JSON header, raw little-endian
 * tensors. Reading trusts nothing; writing is deterministic. */
#ifndef DMS_FORMATS_SAFETENSORS_H
#define DMS_FORMATS_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

enum {
    DMS_SAFETENSORS_RANK_MAX = 8,
    DMS_SAFETENSORS_COUNT_MAX = 65536,
    DMS_SAFETENSORS_HEADER_MAX = 16 << 20
};

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
    int rank;
    int64_t shape[DMS_SAFETENSORS_RANK_MAX];
    const void *data; /* borrowed, perhaps unaligned: memcpy from it */
    size_t size;      /* bytes */
} dms_tensor_view;

typedef struct dms_safetensors dms_safetensors;

/* Parse size bytes at data, which must outlive the result. name is for
 * messages. Refused: a header that does not fit, is no JSON object, has
 * duplicate or unsorted-overlapping or holed ranges, a range that is not
 * shape times dtype, overflow, more than COUNT_MAX tensors. */
dms_status dms_safetensors_parse(dms_safetensors **out, const void *data,
                                 size_t size, const char *name, dms_error *err);
/* Map a file and parse it; views live until close. */
dms_status dms_safetensors_open(dms_safetensors **out, const char *path,
                                dms_error *err);
void dms_safetensors_close(dms_safetensors *file);

size_t dms_safetensors_count(const dms_safetensors *file);
const dms_tensor_view *dms_safetensors_at(const dms_safetensors *file,
                                          size_t index);
/* NULL when there is none (sorted lookup). */
const dms_tensor_view *dms_safetensors_find(const dms_safetensors *file,
                                            const char *name);
/* A __metadata__ value, borrowed; NULL when there is none. */
const char *dms_safetensors_metadata(const dms_safetensors *file,
                                     const char *key);

/* view's values as float32 (F64, F32, F16, BF16, I64... converted);
 * out: product of shape floats. */
dms_status dms_tensor_to_f32(float *out, const dms_tensor_view *view,
                             dms_error *err);

/* false when one of the values is NaN or infinite. */
bool dms_floats_finite(const float *values, size_t count);

typedef struct dms_metadata {
    const char *key;
    const char *value;
} dms_metadata;

/* Write atomically (temporary file, sync, rename), tensors in the given order,
 * data aligned to 8 bytes. */
dms_status dms_safetensors_write(const char *path,
                                 const dms_tensor_view *tensors, size_t count,
                                 const dms_metadata *metadata,
                                 size_t metadata_count, dms_error *err);

#endif
