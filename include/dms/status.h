/* What a call says of itself: a status, and an error text for a person.
 *
 * Threads: every function here may be called from any thread at any time. */
#ifndef DMS_STATUS_H
#define DMS_STATUS_H

#include "dms/version.h"

#include "dms/public_begin.h"

typedef enum dms_status {
    DMS_OK = 0,
    DMS_EINVAL,    /* an argument or option is wrong */
    DMS_ENOMEM,    /* memory could not be had */
    DMS_EIO,       /* the operating system refused to read or write */
    DMS_EFORMAT,   /* a file is not what it should be */
    DMS_ELIMIT,    /* a file asks for more than the limits allow */
    DMS_EMISMATCH, /* two things that must fit do not: shapes, names, splits */
    DMS_ESTOPPED,  /* the caller's monitor asked to stop; nothing is lost */
    DMS_EINTERNAL  /* a library below failed in a way that it should not */
} dms_status;

/* Filled by the first failure of a call; a complete sentence for a user that
 * names file, line or tensor, what was found and what was expected.
 * Zero-initialise it; it owns nothing. May be passed as NULL. */
typedef struct dms_error {
    dms_status code;
    char message[512];
} dms_error;

/* A short constant English name of the status, never NULL. */
const char *dms_status_name(dms_status status);

/* Free a text that the library made. Accepts NULL. */
void dms_text_free(char *text);

#include "dms/public_end.h"

#endif
