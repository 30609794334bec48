/* safetensors: an 8-byte header length, a JSON header, raw little-endian
 * tensors. The reader checks everything; the writer is deterministic. */
#ifndef DMS_FORMATS_SAFETENSORS_H
#define DMS_FORMATS_SAFETENSORS_H

#include <stddef.h>

#include "formats/tensor.h"

enum {
    DMS_SAFETENSORS_COUNT_MAX = 65536,
    DMS_SAFETENSORS_HEADER_MAX = 16 << 20
};

typedef struct dms_safetensors dms_safetensors;

/* Parse size bytes at data, which must outlive the result. name is for
 * messages. Refused: a header that does not fit or is not a JSON object,
 * duplicate keys, overlapping ranges or holes between them, a range whose size
 * is not shape times dtype, overflow, more than COUNT_MAX tensors. */
dms_status dms_safetensors_parse(dms_safetensors **out, const void *data,
                                 size_t size, const char *name, dms_error *err);
/* Map a file and parse it; views are valid until close. */
dms_status dms_safetensors_open(dms_safetensors **out, const char *path,
                                dms_error *err);
void dms_safetensors_close(dms_safetensors *file);

size_t dms_safetensors_count(const dms_safetensors *file);
const dms_tensor_view *dms_safetensors_at(const dms_safetensors *file,
                                          size_t index);
/* NULL if the tensor is missing (binary search by name). */
const dms_tensor_view *dms_safetensors_find(const dms_safetensors *file,
                                            const char *name);
/* A __metadata__ value, borrowed; NULL if it is missing. */
const char *dms_safetensors_metadata(const dms_safetensors *file,
                                     const char *key);

typedef struct dms_metadata {
    const char *key;
    const char *value;
} dms_metadata;

/* What to write: tensors in this order. Their bytes come from the views, or
 * from supply if it is set: supply gives the tensors[index].size bytes of
 * tensor index, valid until its next call. */
typedef struct dms_safetensors_content {
    const dms_tensor_view *tensors;
    size_t count;
    const dms_metadata *metadata;
    size_t metadata_count;
    dms_status (*supply)(const void **data, void *user, size_t index,
                         dms_error *err);
    void *user;
} dms_safetensors_content;

/* Write atomically (temporary file, sync, rename), with data aligned to 8
 * bytes. */
dms_status dms_safetensors_write_content(const char *path,
                                         const dms_safetensors_content *content,
                                         dms_error *err);

/* The same, for tensors whose views have their bytes. */
dms_status dms_safetensors_write(const char *path,
                                 const dms_tensor_view *tensors, size_t count,
                                 const dms_metadata *metadata,
                                 size_t metadata_count, dms_error *err);

#endif
