/* A file that is not there, and the one that is and nearly has its name. */
#ifndef DMS_DATA_NAME_TWIN_H
#define DMS_DATA_NAME_TWIN_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/status.h"

/* Where err says that path cannot be read and there is no such file, but the
 * folder has one whose name differs in case, in Unicode's form (NFC, NFD), in
 * the blanks around or in the picture's ending, add that name to the message;
 * where the folder itself is missing, the same of the folder. Lists the folder,
 * which costs less than to read a photograph. err may be NULL. */
void dms_name_twin_tell(dms_error *err, const char *path);

/* The same as a text of its own: "; '1_left.JPG' is there". "" for none.
 * false: there was no memory to look. */
bool dms_name_twin_text(char *text, size_t capacity, const char *path);

#endif
