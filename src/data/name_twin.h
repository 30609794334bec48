/* Finding a file with a similar name when a file is missing. */
#ifndef DMS_DATA_NAME_TWIN_H
#define DMS_DATA_NAME_TWIN_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/status.h"

/* If err says that path cannot be read because it does not exist, but the
 * folder has a file whose name differs only in case, Unicode form (NFC, NFD),
 * blanks around it or the picture's ending, add that name to the message. If
 * the folder itself is missing, look for a similar folder. Lists the folder,
 * which costs less than reading a photograph. err may be NULL. */
void dms_name_twin_tell(dms_error *err, const char *path);

/* The added text alone: "; '1_left.JPG' is there"; "" if there is no such file.
 * false: out of memory. */
bool dms_name_twin_text(char *text, size_t capacity, const char *path);

#endif
