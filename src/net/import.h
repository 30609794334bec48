/* Another program's weights into the parameter table: which names under which
 * wrappers, and what is taken, left or missing (docs/import-export.md). */
#ifndef DMS_NET_IMPORT_H
#define DMS_NET_IMPORT_H

#include "dms/import.h"
#include "formats/tensor_file.h"
#include "graph/params.h"
#include "net/import_names.h"

enum { DMS_IMPORT_PREFIX_MAX = 256 };

/* An open file and the network that was found in it. */
typedef struct dms_import {
    dms_tensor_file *file; /* owned */
    bool whole;            /* true: a DMS-Net; false: a backbone alone */
    dms_backbone backbone;
    char prefix[DMS_IMPORT_PREFIX_MAX]; /* of the network's names in the file */
    dms_naming naming;                  /* of the names after the prefix */
    dms_depth_slice depth_slice; /* the centre, or the caller's choice if set
                                    before dms_import_take */
} dms_import;

/* Open the file and find its network.
 *
 * prefix: of the names to take; "" to detect it: known wrappers
 * (docs/import-export.md) in any order. DMS_EFORMAT: no network, or several. */
dms_status dms_import_open(dms_import *out, const char *path,
                           const char *prefix, dms_error *err);
void dms_import_close(dms_import *import);

/* Read the file's values into params, which is allocated. backbone_only takes
 * only the backbone, also from a whole DMS-Net.
 *
 * taken   params->count flags, all false before; set for each row that the file
 *         contains
 * report  filled, also on failure; the caller releases it
 * DMS_EMISMATCH: needed tensors are missing or misshapen. The message names the
 * first; report lists all. */
dms_status dms_import_take(dms_params *params, bool *taken,
                           dms_import_report *report, const dms_import *import,
                           bool backbone_only, dms_error *err);

/* Free what the report owns and clear it. */
void dms_import_report_release(dms_import_report *report);

/* Warn if convolutions lost their depth, or if a tensor inside the backbone was
 * left out, such as a squeeze and excitation: without it the network computes
 * something else. */
void dms_import_warn(const dms_import *import, const dms_import_report *report,
                     const dms_monitor *monitor);

#endif
