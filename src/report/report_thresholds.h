/* The thresholds that a written report was measured with. */
#ifndef DMS_REPORT_REPORT_THRESHOLDS_H
#define DMS_REPORT_REPORT_THRESHOLDS_H

#include "dms/labels.h"
#include "dms/status.h"

/* Read the labels' thresholds from a metrics.json (dms_report_json).
 *
 * thresholds  out: K
 * path        for messages too
 * DMS_EIO; DMS_EFORMAT naming path and label where there is no number from 0 to
 * 1; DMS_ENOMEM. */
dms_status dms_report_thresholds_read(double *thresholds, const char *path,
                                      const dms_label_set *set, dms_error *err);

#endif
