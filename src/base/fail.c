/* Fills a dms_error without allocating. base/number formats the messages, so
 * they do not depend on the locale. */
#define DMS_FAIL_SOURCE
#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/c_locale.h"
#include "base/number.h"

const char *dms_status_name(dms_status status)
{
    static const char *const names[] = {
        [DMS_OK] = "ok",
        [DMS_EINVAL] = "invalid argument",
        [DMS_ENOMEM] = "out of memory",
        [DMS_EIO] = "input/output error",
        [DMS_EFORMAT] = "malformed file",
        [DMS_ELIMIT] = "limit exceeded",
        [DMS_EMISMATCH] = "mismatch",
        [DMS_ESTOPPED] = "stopped",
        [DMS_EINTERNAL] = "internal error",
    };
    size_t count = sizeof names / sizeof names[0];

    return (size_t)status < count ? names[status] : "unknown status";
}

void dms_text_free(char *text)
{
    dms_free(text);
}

static void record(dms_error *err, dms_status status, const char *format,
                   va_list args) __attribute__((format(printf, 3, 0)));

static void record(dms_error *err, dms_status status, const char *format,
                   va_list args)
{
    if (!err || err->code != DMS_OK)
        return;
    err->code = status;
    dms_vformat(err->message, sizeof err->message, format, args);
}

dms_status dms_fail(dms_error *err, dms_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    record(err, status, format, args);
    va_end(args);
    return status;
}

dms_status dms_fail_errno(dms_error *err, const char *format, ...)
{
    int cause = errno;
    va_list args;
    size_t len;

    if (!err || err->code != DMS_OK)
        return DMS_EIO;
    va_start(args, format);
    record(err, DMS_EIO, format, args);
    va_end(args);
    len = strlen(err->message);
    dms_format(err->message + len, sizeof err->message - len, ": %s",
               dms_errno_text(cause));
    return DMS_EIO;
}

dms_status dms_fail_memory(dms_error *err, const char *what)
{
    return dms_fail(err, DMS_ENOMEM, "out of memory (%s)", what);
}
