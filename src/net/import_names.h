/* The names that other programs give a ResNet's tensors, and what networks that
 * are no ResNet are called by. Torchvision's names are the model's own. */
#ifndef DMS_NET_IMPORT_NAMES_H
#define DMS_NET_IMPORT_NAMES_H

#include "formats/tensor_file.h"

/* What a tensor's name may have behind its prefix. */
enum { DMS_IMPORT_NAME_MAX = 256 };

typedef enum dms_naming {
    DMS_NAMING_TORCHVISION,  /* layer1.0.conv1.weight */
    DMS_NAMING_CHILDREN,     /* 4.0.conv1.weight: a Sequential of children() */
    DMS_NAMING_STEM_APART,   /* 1.0.conv1.weight: one whose first is the stem */
    DMS_NAMING_LAYER0,       /* the stem as layer0 */
    DMS_NAMING_HUGGING_FACE, /* encoder.stages.0.layers.0.layer.0.convolution */
    DMS_NAMINGS
} dms_naming;

/* For messages: "torchvision's names". */
const char *dms_naming_title(dms_naming naming);

/* The tensor that torchvision calls name, as naming writes it; and back. out:
 * DMS_IMPORT_NAME_MAX bytes. false: there is no such tensor, out is "". */
bool dms_naming_write(char *out, dms_naming naming, const char *name);
bool dms_naming_read(char *out, dms_naming naming, const char *written);

/* The tensor that torchvision calls name, behind prefix; NULL: none. */
const dms_tensor_view *dms_naming_find(const dms_tensor_file *file,
                                       const char *prefix, dms_naming naming,
                                       const char *name);

/* Whose names the file's are, "an EfficientNet's", when they are those of a
 * well-known network that is no ResNet of torchvision's; else NULL. */
const char *dms_names_of_others(const dms_tensor_file *file);

#endif
