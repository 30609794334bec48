/* Names of photographs' files. */
#ifndef DMS_DATA_PICTURE_NAME_H
#define DMS_DATA_PICTURE_NAME_H

#include <stddef.h>

/* The endings of the formats that are read, "jpeg" first; ends with NULL. */
extern const char *const dms_picture_endings[];

/* Bytes of a name before its ending and the dot; len where it has none of
 * those endings. */
size_t dms_picture_stem(const char *name, size_t len);

#endif
