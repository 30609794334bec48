/* Callbacks of long calls: progress, messages, and requests to stop.
 *
 * The library never prints and installs no signal handlers; it calls these
 * functions, always on the thread that made the library call. Any member, and
 * the monitor itself, may be NULL.
 *
 * Threads: a monitor may serve several calls at once if its functions are
 * thread-safe. */
#ifndef DMS_MONITOR_H
#define DMS_MONITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/public_begin.h"

typedef enum dms_log_level {
    DMS_LOG_ERROR,
    DMS_LOG_WARNING,
    DMS_LOG_INFO,
    DMS_LOG_DEBUG
} dms_log_level;

typedef struct dms_monitor {
    void *user;
    /* `done` of `total` units of a stage are finished; detail may be NULL. */
    void (*progress)(void *user, const char *stage, size_t done, size_t total,
                     const char *detail);
    /* One line of text without a newline. */
    void (*message)(void *user, dms_log_level level, const char *text);
    /* true: finish the current unit, save the state, return DMS_ESTOPPED. */
    bool (*should_stop)(void *user);
    void (*reserved[4])(void); /* NULL; for future callbacks */
} dms_monitor;

#include "dms/public_end.h"

#endif
