/* What the name of a file says about its format. */
#ifndef DMS_DATA_PICTURE_NAME_H
#define DMS_DATA_PICTURE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* The endings of the supported formats, "jpeg" first; ends with NULL. */
extern const char *const dms_picture_endings[];

/* Bytes of a name before the dot and the ending; len if it has none of those
 * endings. Blanks behind the ending do not count. */
size_t dms_picture_stem(const char *name, size_t len);

/* Does the name have any ending: a dot, a letter and at most 8 further ASCII
 * letters or digits that are not a word for a side, ".bak" but not ".left"? */
bool dms_picture_has_ending(const char *name);

/* Does the name have the ending of an unsupported picture format, ".bmp"? */
bool dms_picture_is_unread(const char *name);

/* Is it a file that operating systems leave in folders: hidden, AppleDouble
 * ("._1_left.jpg"), "Thumbs.db", "desktop.ini"? It is ignored silently. */
bool dms_picture_is_litter(const char *name);

#endif
