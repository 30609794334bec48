/* The result of a call: a status, and an error message for a person.
 *
 * Threads: every function here may be called from any thread at any time. */
#ifndef DMS_STATUS_H
#define DMS_STATUS_H

#include "dms/version.h"

#include "dms/public_begin.h"

typedef enum dms_status {
    DMS_OK = 0,
    DMS_EINVAL,    /* an argument or option is wrong */
    DMS_ENOMEM,    /* memory could not be allocated */
    DMS_EIO,       /* the operating system could not read or write */
    DMS_EFORMAT,   /* a file's content is malformed or invalid */
    DMS_ELIMIT,    /* a file exceeds the limits */
    DMS_EMISMATCH, /* two things do not match: shapes, names, splits */
    DMS_ESTOPPED,  /* the caller's monitor asked to stop; nothing is lost */
    DMS_EINTERNAL  /* an underlying library failed unexpectedly */
} dms_status;

/* Filled in by the first failure of a call. The message is complete: it names
 * the file, line or tensor, what was found and what was expected.
 * Zero-initialise it; it owns nothing. May be passed as NULL. */
typedef struct dms_error {
    dms_status code;
    char message[512];
} dms_error;

/* The status as a short, constant English text; never NULL. */
const char *dms_status_name(dms_status status);

/* Free a text that the library returned. Accepts NULL. */
void dms_text_free(char *text);

#include "dms/public_end.h"

#endif
