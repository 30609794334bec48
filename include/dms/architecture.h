/* The architecture: the choices that determine every tensor's name and shape.
 *
 * Threads: every function here may be called from any thread at any time. */
#ifndef DMS_ARCHITECTURE_H
#define DMS_ARCHITECTURE_H

#include <stdbool.h>

#include "dms/status.h"

#include "dms/public_begin.h"

typedef enum dms_backbone {
    DMS_BACKBONE_RESNET18,
    DMS_BACKBONE_RESNET34,
    DMS_BACKBONE_RESNET50,
    DMS_BACKBONE_RESNET101,
    DMS_BACKBONE_RESNET152
} dms_backbone;

typedef enum dms_context { DMS_CONTEXT_MSCAM, DMS_CONTEXT_NONE } dms_context;

typedef enum dms_fusion { DMS_FUSION_DMFF, DMS_FUSION_CONCAT } dms_fusion;

/* Which photographs are used. LEFT and RIGHT: that one stands in for both. */
typedef enum dms_eyes { DMS_EYES_BOTH, DMS_EYES_LEFT, DMS_EYES_RIGHT } dms_eyes;

/* Multi-label: any of the labels, with a sigmoid per label. Single-label:
 * exactly one of them, with one softmax. The kind of a label set (labels.h). */
typedef enum dms_task { DMS_TASK_MULTI_LABEL, DMS_TASK_SINGLE_LABEL } dms_task;

typedef struct dms_architecture {
    dms_backbone backbone;
    dms_context context;
    dms_fusion fusion;
    dms_eyes eyes;
    dms_task task; /* the label set's */
    int width;     /* D: a multiple of 16, 16 to 2048 */
    int size;      /* S: input side in pixels, 32 to 2048 */
    int labels;    /* K: 1 to 256; functions that take a label set use the
                      set's K instead */
} dms_architecture;

/* The paper's: resnet152, mscam, dmff, both, multi-label, D = 512, S = 224,
 * ODIR's 8 labels. */
dms_architecture dms_architecture_default(void);

/* DMS_EINVAL names the field that is out of range. */
dms_status dms_architecture_check(const dms_architecture *arch, dms_error *err);

/* The name of a value on the command line and in model files: "resnet18",
 * "mscam", "dmff", "both", "multi-label"; NULL out of range. */
const char *dms_backbone_name(dms_backbone backbone);
const char *dms_context_name(dms_context context);
const char *dms_fusion_name(dms_fusion fusion);
const char *dms_eyes_name(dms_eyes eyes);
const char *dms_task_name(dms_task task);

/* Is that eye (0: left, 1: right) used? */
bool dms_eyes_include(dms_eyes eyes, int eye);

#include "dms/public_end.h"

#endif
