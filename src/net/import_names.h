/* The names that other programs give to a ResNet's tensors, and how to
 * recognise networks that are not a ResNet. The model itself uses torchvision's
 * names. */
#ifndef DMS_NET_IMPORT_NAMES_H
#define DMS_NET_IMPORT_NAMES_H

#include "formats/tensor_file.h"

/* Size of a tensor's name after its prefix, in bytes. */
enum { DMS_IMPORT_NAME_MAX = 256 };

typedef enum dms_naming {
    DMS_NAMING_TORCHVISION,  /* layer1.0.conv1.weight */
    DMS_NAMING_CHILDREN,     /* 4.0.conv1.weight: a Sequential of children() */
    DMS_NAMING_STEM_APART,   /* 1.0.conv1.weight: a Sequential whose first child
                                is the stem */
    DMS_NAMING_LAYER0,       /* torchvision's, but the stem is layer0 */
    DMS_NAMING_HUGGING_FACE, /* encoder.stages.0.layers.0.layer.0.convolution */
    DMS_NAMINGS
} dms_naming;

/* For messages: "torchvision's names". */
const char *dms_naming_title(dms_naming naming);

/* Translate torchvision's `name` to this naming, and back. out:
 * DMS_IMPORT_NAME_MAX bytes. Returns false and sets out to "" if there is no
 * such tensor. */
bool dms_naming_write(char *out, dms_naming naming, const char *name);
bool dms_naming_read(char *out, dms_naming naming, const char *written);

/* The tensor after prefix that torchvision calls `name`; NULL if there is
 * none. */
const dms_tensor_view *dms_naming_find(const dms_tensor_file *file,
                                       const char *prefix, dms_naming naming,
                                       const char *name);

/* Whose tensor names the file has ("an EfficientNet's"), if they are those of a
 * well-known network that is not a ResNet of torchvision's; else NULL. */
const char *dms_names_of_others(const dms_tensor_file *file);

#endif
