/* Import weights of other programs. The file holds a ResNet or a whole DMS-Net,
 * in safetensors or as PyTorch's torch.save wrote it; the result is a model
 * (docs/import-export.md).
 *
 * Threads: every function here may be called from any thread at any time. One
 * thread destroys a report, after all others have finished with it. */
#ifndef DMS_IMPORT_H
#define DMS_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/architecture.h"
#include "dms/labels.h"
#include "dms/model.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* What happened to a tensor of the imported file, or to one that it lacks. */
typedef enum dms_import_fate {
    DMS_IMPORT_TAKEN,
    DMS_IMPORT_LEFT,     /* the model has no place for it: fc.weight, ... */
    DMS_IMPORT_MISSING,  /* the model needs it, the file does not contain it */
    DMS_IMPORT_MISSHAPEN /* the model needs it in another shape or type */
} dms_import_fate;
enum { DMS_IMPORT_FATES = 4 };

/* "taken", "left", "missing", "misshapen"; NULL out of range. */
const char *dms_import_fate_name(dms_import_fate fate);

/* How a convolution that was inflated over depth to read volumes, O x I x D x H
 * x W, is reduced to 4 axes (I3D, arXiv 1705.07750). */
typedef enum dms_depth_slice {
    DMS_DEPTH_CENTRE, /* the slice at D / 2 */
    DMS_DEPTH_SUM /* the sum over D: what the volume's convolution gives if all
                     slices are the same picture */
} dms_depth_slice;

/* "centre", "sum"; NULL out of range. */
const char *dms_depth_slice_name(int slice);

typedef struct dms_import_row {
    char *name; /* in the file; if missing: as searched for */
    dms_import_fate fate;
    const char *dtype; /* in the file: "F32"; "" if missing */
    char shape[64];    /* in the file: "[64, 3, 7, 7]"; "" if missing */
    char wanted[64];   /* the model's; "" if left */
} dms_import_row;

/* Created by dms_model_import, destroyed by dms_import_report_destroy. */
typedef struct dms_import_report {
    dms_import_row *rows; /* count of them; read with dms_import_report_row */
    size_t count;
    size_t fates[DMS_IMPORT_FATES]; /* number of rows with each fate */
    bool whole; /* true: a DMS-Net; false: a backbone alone */
    dms_backbone backbone;
    char prefix[256]; /* of the names taken: "state_dict.module." */
    size_t inflated;  /* number of 5-axis convolutions that were reduced to 4
                         axes */
    dms_depth_slice depth_slice; /* how they were reduced */
} dms_import_report;

/* Row i, borrowed from the report; NULL if i >= count. The rows are in the
 * file's order (safetensors: by name); the missing tensors come last. */
const dms_import_row *dms_import_report_row(const dms_import_report *report,
                                            size_t i);

/* Write the report as a table for a person, or as JSON. The caller frees *text
 * with dms_text_free. */
dms_status dms_import_report_print(char **text, const dms_import_report *report,
                                   bool json, dms_error *err);

/* Accepts NULL. */
void dms_import_report_destroy(dms_import_report *report);

/* Initialised by dms_import_options_init. */
typedef struct dms_import_options {
    size_t struct_size;
    /* What the file does not say. For a backbone alone: everything except the
     * backbone. For a DMS-Net without metadata: eyes, task, size and the
     * labels. Borrowed; NULL: dms_architecture_default. */
    const dms_architecture *architecture;
    const dms_label_set *labels; /* borrowed; NULL: ODIR's, or numbers if the
                                    file's K differs from theirs */
    uint64_t seed; /* for initial values of what the file does not contain */
    const char *prefix; /* of the names to take, at most 255 bytes; NULL or "":
                           detected */
    dms_depth_slice depth_slice; /* for convolutions inflated over depth */
} dms_import_options;

/* Set the defaults: default architecture, seed 1, no prefix, the centre of the
 * depth. struct_size: sizeof *options. */
void dms_import_options_init(dms_import_options *options, size_t struct_size);

/* Create a model from another program's weights. Nothing in the file is
 * executed.
 *
 * report   may be NULL; else the caller destroys *report. It is complete even
 *          if tensors are missing or misshapen (DMS_EMISMATCH), and NULL after
 *          failures that left nothing to report
 * options  NULL: the defaults
 * DMS_EINVAL, DMS_EIO, DMS_EFORMAT, DMS_ELIMIT, DMS_ENOMEM. */
dms_status dms_model_import(dms_model **out, dms_import_report **report,
                            const char *path, const dms_import_options *options,
                            const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
