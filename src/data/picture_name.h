/* Names of photographs' files. */
#ifndef DMS_DATA_PICTURE_NAME_H
#define DMS_DATA_PICTURE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* The endings of the formats that are read, "jpeg" first; ends with NULL. */
extern const char *const dms_picture_endings[];

/* Bytes of a name before its ending and the dot; len where it has none of
 * those endings. */
size_t dms_picture_stem(const char *name, size_t len);

/* Has the name the ending of a picture of a format that is not read, ".bmp"? */
bool dms_picture_is_unread(const char *name);

/* Files that systems leave in folders of photographs: hidden ones, AppleDouble
 * ("._1_left.jpg"), "Thumbs.db", "desktop.ini". Nobody put them there. */
bool dms_picture_is_litter(const char *name);

#endif
