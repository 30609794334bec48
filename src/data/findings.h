/* What `data check` finds, and the report of it. */
#ifndef DMS_DATA_FINDINGS_H
#define DMS_DATA_FINDINGS_H

#include "dms/data.h"

typedef enum dms_finding_kind {
    DMS_FINDING_MISSING,
    DMS_FINDING_UNREADABLE,
    DMS_FINDING_IDENTICAL,
    DMS_FINDING_SUSPICIOUS,
    DMS_FINDING_CONTRADICTION,
    DMS_FINDING_KINDS
} dms_finding_kind;

typedef struct dms_finding {
    dms_finding_kind kind;
    const char *id; /* borrowed from the data set; NULL: of the whole table */
    char text[256];
} dms_finding;

/* Zero-initialise. */
typedef struct dms_findings {
    dms_finding *items;
    size_t count, capacity;
    bool failed; /* out of memory: dms_findings_report returns the error */
} dms_findings;

void dms_findings_add(dms_findings *findings, dms_finding_kind kind,
                      const char *id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
size_t dms_findings_count(const dms_findings *findings, dms_finding_kind kind);
void dms_findings_release(dms_findings *findings);

/* Write report->text (at most 20 findings per kind) and report->json (all). The
 * report's counts must be set already. */
dms_status dms_findings_report(dms_data_report *report,
                               const dms_findings *findings,
                               const dms_dataset *dataset, dms_error *err);

#endif
