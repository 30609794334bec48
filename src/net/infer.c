/* Infers a network's architecture from its tensors' names and shapes. Relies on
 * the tensor file's index only; no values are read. */
#include "net/infer.h"

#include <stdio.h>

#include "base/fail.h"
#include "dms/labels.h"

/* The number of blocks in layer3 identifies the backbone, except that 34 and 50
 * have the same; conv3 tells them apart. */
dms_status dms_infer_backbone(dms_backbone *backbone,
                              const dms_tensor_file *file, const char *prefix,
                              dms_naming naming, dms_error *err)
{
    static const int depths[] = {2, 6, 6, 23, 36};
    bool bottleneck =
        dms_naming_find(file, prefix, naming, "layer1.0.conv3.weight") != NULL;
    int depth = 0;
    char name[64];

    do
        snprintf(name, sizeof name, "layer3.%d.conv1.weight", depth);
    while (dms_naming_find(file, prefix, naming, name) && ++depth < 64);
    for (unsigned b = 0; b < sizeof depths / sizeof *depths; b++)
        if (depths[b] == depth && bottleneck == (b >= DMS_BACKBONE_RESNET50)) {
            *backbone = (dms_backbone)b;
            return DMS_OK;
        }
    return dms_fail(err, DMS_EFORMAT,
                    "%s: no known ResNet has these tensors: %slayer3 has %d "
                    "blocks %s conv3; expected a ResNet-18, 34, 50, 101 or "
                    "152",
                    dms_tensor_file_path(file), prefix, depth,
                    bottleneck ? "with" : "without");
}

dms_status dms_infer_architecture(dms_architecture *arch,
                                  const dms_tensor_file *file,
                                  const char *prefix, dms_error *err)
{
    const dms_tensor_view *reduce =
        dms_tensor_file_find(file, prefix, "context.reduce.conv.weight");
    const dms_tensor_view *head =
        dms_tensor_file_find(file, prefix, "head.weight");
    char backbone[300];
    dms_status st;

    snprintf(backbone, sizeof backbone, "%sbackbone.", prefix);
    TRY(dms_infer_backbone(&arch->backbone, file, backbone,
                           DMS_NAMING_TORCHVISION, err));
    if (!reduce || reduce->axes != 4 || reduce->shape[0] > 2048)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: no tensor %scontext.reduce.conv.weight of 4 axes "
                        "to read the width from",
                        dms_tensor_file_path(file), prefix);
    if (!head || head->axes != 2 || head->shape[0] < 1 ||
        head->shape[0] > DMS_LABELS_MAX)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: no tensor %shead.weight of 1 to %d rows to read "
                        "the number of labels from",
                        dms_tensor_file_path(file), prefix, DMS_LABELS_MAX);
    arch->width = (int)reduce->shape[0];
    arch->labels = (int)head->shape[0];
    arch->context =
        dms_tensor_file_find(file, prefix, "context.fuse.conv.weight")
            ? DMS_CONTEXT_MSCAM
            : DMS_CONTEXT_NONE;
    arch->fusion = dms_tensor_file_find(file, prefix, "dmff.norm.weight")
                       ? DMS_FUSION_DMFF
                       : DMS_FUSION_CONCAT;
    TRY(dms_architecture_check(arch, err));
done:
    return st;
}
