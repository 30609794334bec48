/* PyTorch's torch.save files: the zip of version 1.6 and later, and the
 * stream before it. Read in place; nothing in them is ever executed. */
#ifndef DMS_FORMATS_TORCH_PTH_H
#define DMS_FORMATS_TORCH_PTH_H

#include "formats/tensor.h"

typedef struct dms_torch_file dms_torch_file;

/* Parse size bytes at data, which must outlive the result. name is for
 * messages.
 *
 * The object's dicts, lists and tuples are walked in their order: a tensor's
 * name is the keys and indices on its way, joined by '.', "tensor" where it is
 * the object; other leaves, and what lies under keys that are neither text nor
 * integer, are left out. Names are unique, 1 to 256 bytes of UTF-8 without
 * control characters. A view is dense where the tensor is row-major and has
 * then its size alone; else strided, with the bytes from its first element to
 * the end of its storage. Every element lies in the storage; those of CUDA
 * and Parameters are as any other; storages may be shared.
 *
 * DMS_EFORMAT, DMS_ELIMIT with one sentence, for any file that is not sound
 * throughout, and for what is no state dict: other globals and opcodes,
 * compressed zips, TorchScript, the tar of 2016, big-endian files, sparse,
 * quantised and complex tensors, a key or name twice, containers that contain
 * themselves or nest deeper than 64, more than 65,536 tensors. At most 150 MB
 * besides data; time linear in size. */
dms_status dms_torch_parse(dms_torch_file **out, const void *data, size_t size,
                           const char *name, dms_error *err);
/* Map a file and parse it; views live until close. */
dms_status dms_torch_open(dms_torch_file **out, const char *path,
                          dms_error *err);
void dms_torch_close(dms_torch_file *file);

size_t dms_torch_count(const dms_torch_file *file);
const dms_tensor_view *dms_torch_at(const dms_torch_file *file, size_t index);

/* Does it begin as one of the two forms does, or as the tar, which is refused
 * by name? No safetensors file that is read does. */
bool dms_torch_recognise(const void *data, size_t size);

#endif
