/* Many short texts in one growing buffer. Tables keep their cells in it,
 * workbooks their shared strings. */
#ifndef DMS_FORMATS_TEXTLIST_H
#define DMS_FORMATS_TEXTLIST_H

#include <stddef.h>

#include "dms/status.h"

enum { DMS_TEXTLIST_COUNT_MAX = 8 << 20, DMS_TEXTLIST_BYTES_MAX = 256 << 20 };

/* Invariant: at[0..count) are offsets of NUL-terminated texts in data. */
typedef struct dms_textlist {
    char *data;
    size_t len, capacity;
    size_t *at;
    size_t count, at_capacity;
} dms_textlist;

/* A zeroed list is empty; it needs no init. */
void dms_textlist_release(dms_textlist *list);

/* Append a copy of len bytes of text, none of them NUL. Empty texts share one
 * byte. DMS_ENOMEM, DMS_ELIMIT; the list is unchanged on failure. */
dms_status dms_textlist_add(dms_textlist *list, const char *text, size_t len);

/* Borrowed until the next add; "" if index is count or more. */
const char *dms_textlist_get(const dms_textlist *list, size_t index);

#endif
