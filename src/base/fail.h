/* Error reporting: fill a dms_error and leave through one exit. */
#ifndef DMS_BASE_FAIL_H
#define DMS_BASE_FAIL_H

#include "dms/status.h"

/* The only control-flow macro; needs a local `st` and a label `done`. */
#define TRY(call)                                                              \
    do {                                                                       \
        if ((st = (call)) != DMS_OK)                                           \
            goto done;                                                         \
    } while (0)

/* Record the failure and return status. The first cause wins: a caller that
 * wraps an inner failure cannot overwrite it. err may be NULL. */
dms_status dms_fail(dms_error *err, dms_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* dms_fail for a system call: appends strerror(errno). */
dms_status dms_fail_errno(dms_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* DMS_ENOMEM with the message "out of memory (what)". */
dms_status dms_fail_memory(dms_error *err, const char *what);

#if defined(__clang_analyzer__) && !defined(DMS_FAIL_SOURCE)
/* The analyzer sees one file at a time; this tells it that none of the three
 * functions returns DMS_OK. */
#define dms_fail(err, status, ...) (dms_fail(err, status, __VA_ARGS__), status)
#define dms_fail_errno(...)        (dms_fail_errno(__VA_ARGS__), DMS_EIO)
#define dms_fail_memory(...)       (dms_fail_memory(__VA_ARGS__), DMS_ENOMEM)
#endif

#endif
