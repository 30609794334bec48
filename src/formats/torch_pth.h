/* Files of PyTorch's torch.save: the zip of version 1.6 and later, and the
 * stream of earlier versions. They are read in place; nothing in them is ever
 * executed. */
#ifndef DMS_FORMATS_TORCH_PTH_H
#define DMS_FORMATS_TORCH_PTH_H

#include "formats/tensor.h"

typedef struct dms_torch_file dms_torch_file;

/* Parse size bytes at data, which must outlive the result. name is for
 * messages.
 *
 * The object's dicts, lists and tuples are walked in order. A tensor's name
 * joins the keys and indices on its path with '.'; it is "tensor" if the object
 * is a tensor. Other leaves are skipped, and so is everything under a key that
 * is neither text nor integer. Names are unique, 1 to 256 bytes of UTF-8
 * without control characters. The view of a row-major tensor is dense, and its
 * size is the tensor's own. Any other view is strided; its size reaches from
 * its first element to the end of its storage. Every element lies in the
 * storage. CUDA tensors and Parameters are read like any other tensor. Tensors
 * may share storages.
 *
 * DMS_EFORMAT or DMS_ELIMIT, with one sentence, for any file that is not fully
 * valid or is not a state dict: other globals and opcodes, compressed zips,
 * TorchScript, the tar of 2016, big-endian files, sparse, quantised and complex
 * tensors, duplicate keys or names, containers that contain themselves or nest
 * deeper than 64, more than 65,536 tensors. Memory is at most 150 MB besides
 * data; time is linear in size. */
dms_status dms_torch_parse(dms_torch_file **out, const void *data, size_t size,
                           const char *name, dms_error *err);
/* Map a file and parse it; views are valid until close. */
dms_status dms_torch_open(dms_torch_file **out, const char *path,
                          dms_error *err);
void dms_torch_close(dms_torch_file *file);

size_t dms_torch_count(const dms_torch_file *file);
const dms_tensor_view *dms_torch_at(const dms_torch_file *file, size_t index);

/* Does data begin like one of the two forms, or like the tar, which gets its
 * own refusal? No safetensors file that can be read does. */
bool dms_torch_recognise(const void *data, size_t size);

#endif
