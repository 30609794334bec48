/* A file of named tensors in either format: safetensors, or PyTorch's
 * torch.save. Both are read in place from a mapping. */
#ifndef DMS_FORMATS_TENSOR_FILE_H
#define DMS_FORMATS_TENSOR_FILE_H

#include "formats/tensor.h"

typedef struct dms_tensor_file dms_tensor_file;

/* What a caller expects of a file, for messages. */
typedef struct dms_tensor_file_wanted {
    const char *what; /* "a model file" */
    /* How to make it of a PyTorch file, which is refused; NULL: it is read. */
    const char *of_torch;
} dms_tensor_file_wanted;

/* Open a file; its first bytes decide the format. Views are valid until close.
 * DMS_EFORMAT for a file of another kind names that kind and wanted. */
dms_status dms_tensor_file_open(dms_tensor_file **out, const char *path,
                                const dms_tensor_file_wanted *wanted,
                                dms_error *err);
void dms_tensor_file_close(dms_tensor_file *file);

/* The path as given, borrowed. */
const char *dms_tensor_file_path(const dms_tensor_file *file);

/* Is it a PyTorch file, not safetensors? */
bool dms_tensor_file_is_torch(const dms_tensor_file *file);

/* Tensors in the file's order; in a safetensors file, by name. */
size_t dms_tensor_file_count(const dms_tensor_file *file);
const dms_tensor_view *dms_tensor_file_at(const dms_tensor_file *file,
                                          size_t index);

/* Find the tensor named prefix followed by name; NULL if it is missing. */
const dms_tensor_view *dms_tensor_file_find(const dms_tensor_file *file,
                                            const char *prefix,
                                            const char *name);

/* A __metadata__ value of a safetensors file, borrowed; NULL if it is
 * missing. */
const char *dms_tensor_file_metadata(const dms_tensor_file *file,
                                     const char *key);

#endif
