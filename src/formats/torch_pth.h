/* PyTorch's torch.save files: the zip of version 1.6 and later, and the
 * stream before it. Read in place; nothing in them is ever executed. */
#ifndef DMS_FORMATS_TORCH_PTH_H
#define DMS_FORMATS_TORCH_PTH_H

#include "formats/tensor.h"

typedef struct dms_torch_file dms_torch_file;

/* Parse size bytes at data, which must outlive the result. name is for
 * messages. */
dms_status dms_torch_parse(dms_torch_file **out, const void *data, size_t size,
                           const char *name, dms_error *err);
/* Map a file and parse it; views live until close. */
dms_status dms_torch_open(dms_torch_file **out, const char *path,
                          dms_error *err);
void dms_torch_close(dms_torch_file *file);

size_t dms_torch_count(const dms_torch_file *file);
const dms_tensor_view *dms_torch_at(const dms_torch_file *file, size_t index);

/* Does it begin as one of the two forms do? */
bool dms_torch_recognise(const void *data, size_t size);

#endif
