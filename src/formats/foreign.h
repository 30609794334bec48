/* Files that are often given in place of weights, told by their first bytes. */
#ifndef DMS_FORMATS_FOREIGN_H
#define DMS_FORMATS_FOREIGN_H

#include <stddef.h>

/* What the file is and what to do, for behind "FILE: is "; NULL: unknown. Ask
 * only of a file that no reader here takes. */
const char *dms_foreign_kind(const void *data, size_t size);

#endif
