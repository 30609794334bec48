/* A file of named tensors in whichever form it came: safetensors, or what
 * PyTorch's torch.save writes. Both are read in place, from a mapping. */
#ifndef DMS_FORMATS_TENSOR_FILE_H
#define DMS_FORMATS_TENSOR_FILE_H

#include "formats/tensor.h"

typedef struct dms_tensor_file dms_tensor_file;

/* The form is told by the first bytes. Views live until close. */
dms_status dms_tensor_file_open(dms_tensor_file **out, const char *path,
                                dms_error *err);
void dms_tensor_file_close(dms_tensor_file *file);

/* Borrowed: the path as given. */
const char *dms_tensor_file_path(const dms_tensor_file *file);

/* Is it PyTorch's, not safetensors? */
bool dms_tensor_file_is_torch(const dms_tensor_file *file);

/* In the file's order; safetensors: by name. */
size_t dms_tensor_file_count(const dms_tensor_file *file);
const dms_tensor_view *dms_tensor_file_at(const dms_tensor_file *file,
                                          size_t index);

/* NULL when there is none. prefix and name are joined. */
const dms_tensor_view *dms_tensor_file_find(const dms_tensor_file *file,
                                            const char *prefix,
                                            const char *name);

/* A safetensors file's __metadata__ value, borrowed; NULL when none. */
const char *dms_tensor_file_metadata(const dms_tensor_file *file,
                                     const char *key);

#endif
