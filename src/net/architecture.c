/* The architecture's choices: names, defaults, ranges. */
#include "dms/architecture.h"

#include <stddef.h>

#include "base/fail.h"
#include "dms/labels.h"

#define NAME_OF(names, value)                                                  \
    ((size_t)(value) < sizeof(names) / sizeof(names)[0] ? (names)[value] : NULL)

const char *dms_backbone_name(dms_backbone backbone)
{
    static const char *const names[] = {"resnet18", "resnet34", "resnet50",
                                        "resnet101", "resnet152"};

    return NAME_OF(names, backbone);
}

const char *dms_context_name(dms_context context)
{
    static const char *const names[] = {"mscam", "none"};

    return NAME_OF(names, context);
}

const char *dms_fusion_name(dms_fusion fusion)
{
    static const char *const names[] = {"dmff", "concat"};

    return NAME_OF(names, fusion);
}

const char *dms_eyes_name(dms_eyes eyes)
{
    static const char *const names[] = {"both", "left", "right"};

    return NAME_OF(names, eyes);
}

bool dms_eyes_include(dms_eyes eyes, int eye)
{
    return eyes == DMS_EYES_BOTH || (eyes == DMS_EYES_LEFT) == (eye == 0);
}

const char *dms_task_name(dms_task task)
{
    static const char *const names[] = {"multi-label", "single-label"};

    return NAME_OF(names, task);
}

dms_architecture dms_architecture_default(void)
{
    return (dms_architecture){.backbone = DMS_BACKBONE_RESNET152,
                              .width = 512,
                              .size = 224,
                              .labels =
                                  dms_label_set_count(dms_label_set_odir())};
}

static dms_status check_choice(const char *name, const char *what,
                               unsigned value, dms_error *err)
{
    if (name)
        return DMS_OK;
    return dms_fail(err, DMS_EINVAL,
                    "architecture: %s number %u does not exist", what, value);
}

dms_status dms_architecture_check(const dms_architecture *arch, dms_error *err)
{
    dms_status st;

    TRY(check_choice(dms_backbone_name(arch->backbone), "backbone",
                     arch->backbone, err));
    TRY(check_choice(dms_context_name(arch->context), "context", arch->context,
                     err));
    TRY(check_choice(dms_fusion_name(arch->fusion), "fusion", arch->fusion,
                     err));
    TRY(check_choice(dms_eyes_name(arch->eyes), "eyes", arch->eyes, err));
    TRY(check_choice(dms_task_name(arch->task), "task", arch->task, err));
    if (arch->width < 16 || arch->width > 2048 || arch->width % 16 != 0)
        return dms_fail(err, DMS_EINVAL,
                        "architecture: width %d is not a multiple of 16 from "
                        "16 to 2048",
                        arch->width);
    if (arch->size < 32 || arch->size > 2048)
        return dms_fail(err, DMS_EINVAL,
                        "architecture: size %d, expected 32 to 2048 pixels",
                        arch->size);
    if (arch->labels < 1 || arch->labels > DMS_LABELS_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "architecture: %d labels, expected 1 to %d",
                        arch->labels, DMS_LABELS_MAX);
done:
    return st;
}
