/* Option structs that grow while older programs go on working.
 *
 * Each begins with `size_t struct_size`, the sizeof where the caller was
 * compiled. A new field goes behind the last one, and not into its padding: an
 * older caller never set that. */
#ifndef DMS_BASE_GROWING_H
#define DMS_BASE_GROWING_H

#include <stddef.h>

#include "dms/status.h"

/* Fill the caller's struct, of given_size bytes, with the defaults, of size
 * bytes; what the defaults do not reach is zero. Nothing happens where
 * given_size has no room for struct_size itself. */
void dms_growing_init(void *given, size_t given_size, const void *defaults,
                      size_t size);

/* Take the caller's options into own, which holds the defaults and is size
 * bytes long: fields that the caller's struct does not reach keep them. given:
 * NULL leaves all.
 *
 * name  of the struct, for messages
 * DMS_EINVAL: struct_size was not set, or the caller has a field that is not
 * zero and that this library does not know. own is unchanged then. */
dms_status dms_growing_take(void *own, size_t size, const void *given,
                            const char *name, dms_error *err);

#endif
