/* A file that can be made again from other files, such as a cache: the first
 * process that needs it makes it, completely, and all processes map it. */
#ifndef DMS_DATA_MADE_FILE_H
#define DMS_DATA_MADE_FILE_H

#include <stdbool.h>

#include "base/file.h"

typedef struct dms_made_file {
    const char *folder;
    const char *name; /* must differ for different content */
    /* Is the mapped file, which may have any size, the wanted one? */
    bool (*valid)(const dms_file_map *map, const void *user);
    /* Write all of it; a failure leaves no file. */
    dms_status (*make)(dms_file_writer *writer, void *user, dms_error *err);
    void *user; /* passed to valid and make */
} dms_made_file;

/* Map the file; make it first if it is missing or damaged. It is made under a
 * temporary name with a lock held, then renamed, so two processes may ask for
 * it at once. The folder is made if missing.
 *
 * map    to be closed by the caller
 * made   whether this call made it; may be NULL
 * Fails if make fails, and with DMS_EIO (also if the disk is full), DMS_ENOMEM.
 */
dms_status dms_made_file_open(dms_file_map *map, bool *made,
                              const dms_made_file *file, dms_error *err);

#endif
