/* Reports to the caller's monitor. NULL and missing callbacks are accepted. */
#ifndef DMS_BASE_LOG_H
#define DMS_BASE_LOG_H

#include "dms/monitor.h"

void dms_log(const dms_monitor *monitor, dms_log_level level,
             const char *format, ...) __attribute__((format(printf, 3, 4)));

void dms_progress(const dms_monitor *monitor, const char *stage, size_t done,
                  size_t total, const char *detail);

bool dms_should_stop(const dms_monitor *monitor);

#endif
