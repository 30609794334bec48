/* Errors are formatted by base/number, so that they do not depend on the
 * locale. */
#include "fail.h"

#include <stdarg.h>

#include "base/number.h"

dms_status cli_fail(dms_error *err, dms_status status, const char *format, ...)
{
    va_list args;

    if (err == NULL || err->code != DMS_OK)
        return status;
    err->code = status;
    va_start(args, format);
    dms_vformat(err->message, sizeof(err->message), format, args);
    va_end(args);
    return status;
}
