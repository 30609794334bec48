/* Errors of the command line: the library's dms_error, one exit a function. */
#ifndef CLI_FAIL_H
#define CLI_FAIL_H

#include "dms/status.h"

/* The one control-flow macro: needs a local `st` and a label `done`. */
#define TRY(call)                                                              \
    do {                                                                       \
        if ((st = (call)) != DMS_OK)                                           \
            goto done;                                                         \
    } while (0)

/* Record the failure and return status; the first cause wins. */
dms_status cli_fail(dms_error *err, dms_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
