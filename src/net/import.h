/* Weights of another program into the parameter table: which names under
 * which wrapping, what is taken, left, missing (docs/import-export.md). */
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
    bool whole;            /* a DMS-Net; else a backbone alone */
    dms_backbone backbone;
    char prefix[DMS_IMPORT_PREFIX_MAX]; /* of the network's names in the file */
    dms_naming naming;                  /* behind the prefix */
    dms_depth_slice depth_slice; /* the centre; or the caller's wish, before
                                    dms_import_take */
} dms_import;

/* prefix: of the names to take, "" to look for it: wrappings that are known
 * (docs/import-export.md) in any order. DMS_EFORMAT: no network, or several. */
dms_status dms_import_open(dms_import *out, const char *path,
                           const char *prefix, dms_error *err);
void dms_import_close(dms_import *import);

/* The file's values into params, which is allocated; backbone_only takes but
 * that part, of a whole DMS-Net too. taken: params->count flags, false before;
 * those of the rows that the file has become true. report is filled and the
 * caller's to release, also on failure.
 * DMS_EMISMATCH: needed tensors are missing or misshapen: the first is named,
 * all are in report. */
dms_status dms_import_take(dms_params *params, bool *taken,
                           dms_import_report *report, const dms_import *import,
                           bool backbone_only, dms_error *err);

/* Free what the report holds and empty it. */
void dms_import_report_release(dms_import_report *report);

/* Say if convolutions lost their depth, and if something was left out that lies
 * inside the backbone, as a squeeze and excitation does: without it the network
 * is another one. */
void dms_import_warn(const dms_import *import, const dms_import_report *report,
                     const dms_monitor *monitor);

#endif
