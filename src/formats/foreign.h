/* Recognise, by their first bytes, files that users often pass instead of
 * weights. */
#ifndef DMS_FORMATS_FOREIGN_H
#define DMS_FORMATS_FOREIGN_H

#include <stddef.h>

/* What the file is, to follow "FILE: is "; NULL if unknown. Call this only for
 * a file that no reader here accepts. */
const char *dms_foreign_kind(const void *data, size_t size);

#endif
