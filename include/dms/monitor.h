/* How long work talks to its caller: progress, messages, and the wish to stop.
 *
 * The library never prints and installs no signal handlers; it calls these.
 * All are called from the thread that made the call, and from no other. Any
 * member, and the monitor itself, may be NULL.
 *
 * Threads: a monitor may serve several calls at once where its functions
 * can. */
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
    /* done of total units of stage are finished; detail may be NULL. */
    void (*progress)(void *user, const char *stage, size_t done, size_t total,
                     const char *detail);
    /* One line of text without a newline. */
    void (*message)(void *user, dms_log_level level, const char *text);
    /* true: finish the unit at hand, save what there is, return DMS_ESTOPPED.*/
    bool (*should_stop)(void *user);
    void (*reserved[4])(void); /* NULL: room for calls to come */
} dms_monitor;

#include "dms/public_end.h"

#endif
