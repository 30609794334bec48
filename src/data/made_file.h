/* A file that can be made again from other ones: made whole, once, by whoever
 * wants it first, and mapped by all who want it. What caches stand on. */
#ifndef DMS_DATA_MADE_FILE_H
#define DMS_DATA_MADE_FILE_H

#include <stdbool.h>

#include "base/file.h"

typedef struct dms_made_file {
    const char *folder;
    const char *name; /* tells what is in it: other content, another name */
    /* Does the mapped file, of any size, hold what is wanted? */
    bool (*valid)(const dms_file_map *map, const void *user);
    /* Write all of it; a failure leaves no file. */
    dms_status (*make)(dms_file_writer *writer, void *user, dms_error *err);
    void *user; /* handed to both */
} dms_made_file;

/* Map the file, making it first where there is none or a damaged one: beside
 * its place, under a lock, and renamed, so two processes may want it at once.
 * The folder is made when missing.
 *
 * map    to be closed by the caller
 * made   whether this call made it; may be NULL
 * Fails as make does, and with DMS_EIO (also a full disk), DMS_ENOMEM. */
dms_status dms_made_file_open(dms_file_map *map, bool *made,
                              const dms_made_file *file, dms_error *err);

#endif
