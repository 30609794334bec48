/* Options structs that can grow while older programs keep working.
 *
 * Each begins with `size_t struct_size`, the sizeof the caller was compiled
 * with. A new field goes after the last one, never into its padding: an older
 * caller did not set the padding. */
#ifndef DMS_BASE_GROWING_H
#define DMS_BASE_GROWING_H

#include <stddef.h>

#include "dms/status.h"

/* Fill the caller's struct of given_size bytes from the size bytes of
 * defaults; the caller's bytes beyond the defaults become zero. Does nothing
 * if given_size has no room for struct_size itself. */
void dms_growing_init(void *given, size_t given_size, const void *defaults,
                      size_t size);

/* Copy the caller's options into own, which holds the defaults and is size
 * bytes long. Fields beyond the caller's struct keep their defaults; given =
 * NULL keeps them all.
 *
 * name  of the struct, for messages
 * DMS_EINVAL: struct_size is not set, or the caller set a field that this
 * library does not know. own is then unchanged. */
dms_status dms_growing_take(void *own, size_t size, const void *given,
                            const char *name, dms_error *err);

#endif
