/* Calls the callbacks of a monitor that may be NULL, or may lack some. */
#include "base/log.h"

#include <stdarg.h>

#include "base/number.h"

void dms_log(const dms_monitor *monitor, dms_log_level level,
             const char *format, ...)
{
    char text[1024];
    va_list args;

    if (!monitor || !monitor->message)
        return;
    va_start(args, format);
    dms_vformat(text, sizeof text, format, args);
    va_end(args);
    monitor->message(monitor->user, level, text);
}

void dms_progress(const dms_monitor *monitor, const char *stage, size_t done,
                  size_t total, const char *detail)
{
    if (monitor && monitor->progress)
        monitor->progress(monitor->user, stage, done, total, detail);
}

bool dms_should_stop(const dms_monitor *monitor)
{
    return monitor && monitor->should_stop &&
           monitor->should_stop(monitor->user);
}
