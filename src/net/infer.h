/* Infers which network a file holds, from its tensors' names and shapes. */
#ifndef DMS_NET_INFER_H
#define DMS_NET_INFER_H

#include "dms/architecture.h"
#include "formats/tensor_file.h"
#include "net/import_names.h"

/* The backbone whose names begin with prefix ("backbone.", "module.", ""). */
dms_status dms_infer_backbone(dms_backbone *backbone,
                              const dms_tensor_file *file, const char *prefix,
                              dms_naming naming, dms_error *err);

/* Backbone, width, labels, context and fusion of the DMS-Net under prefix. The
 * other fields are unchanged. */
dms_status dms_infer_architecture(dms_architecture *arch,
                                  const dms_tensor_file *file,
                                  const char *prefix, dms_error *err);

#endif
