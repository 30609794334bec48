/* Whole files: reading with a size limit, mapping, and atomic writing, so that
 * a reader sees either the old file or the new one, never a part; and appending
 * to a file. */
#ifndef DMS_BASE_FILE_H
#define DMS_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

/* Read all of path. *data is owned by the caller (dms_free) and followed by a
 * NUL that *size does not count. DMS_EIO; DMS_ELIMIT above size_max bytes. */
dms_status dms_file_read(uint8_t **data, size_t *size, const char *path,
                         size_t size_max, dms_error *err);

/* A read-only mapping of a regular file; close it when done. */
typedef struct dms_file_map {
    const uint8_t *data;
    size_t size;
} dms_file_map;

dms_status dms_file_map_open(dms_file_map *map, const char *path,
                             dms_error *err);
void dms_file_map_close(dms_file_map *map);

/* A file being written under a temporary name. */
typedef struct dms_file_writer dms_file_writer;

/* Start "<path>.<pid>.tmp" in path's folder. Also DMS_EIO if path exists and
 * is not a regular file: a device, a pipe, a folder. */
dms_status dms_file_writer_open(dms_file_writer **out, const char *path,
                                dms_error *err);
dms_status dms_file_writer_write(dms_file_writer *writer, const void *data,
                                 size_t size, dms_error *err);
/* Overwrite bytes [at, at + size), which were already written. */
dms_status dms_file_writer_rewrite(dms_file_writer *writer, size_t at,
                                   const void *data, size_t size,
                                   dms_error *err);
/* Flush, sync, rename to the final path, sync the folder. Close the writer
 * afterwards all the same. */
dms_status dms_file_writer_commit(dms_file_writer *writer, dms_error *err);
/* Removes the temporary file unless it was committed. Accepts NULL. */
void dms_file_writer_close(dms_file_writer *writer);

/* Open, write, commit and close in one call. */
dms_status dms_file_write(const char *path, const void *data, size_t size,
                          dms_error *err);

/* Append to a file that exists. DMS_EIO; a part may then be written. */
dms_status dms_file_append(const char *path, const void *data, size_t size,
                           dms_error *err);

/* Could dms_file_write write path now? It creates and removes the temporary
 * file. Call it before a long computation, so that this does not end with a
 * path that cannot be written. Errors as of dms_file_writer_open. */
dms_status dms_file_try(const char *path, dms_error *err);

/* Make path a hard link to the file at source, replacing any file at path.
 * Replacing one of them later leaves the other alone. false, with nothing
 * changed, if the file system does not support hard links. */
bool dms_file_share(const char *path, const char *source);

/* Create a folder and its parents; an existing folder is fine, another file of
 * that name is DMS_EIO. */
dms_status dms_folder_make(const char *path, dms_error *err);

/* dms_file_write of a text to folder/name. */
dms_status dms_folder_write(const char *folder, const char *name,
                            const char *text, dms_error *err);

/* Is there a file or folder of that name? Is there a folder? */
bool dms_path_exists(const char *path);
bool dms_path_is_folder(const char *path);

/* folder + "/" + name (dms_free); NULL if out of memory. */
char *dms_path_join(const char *folder, const char *name);

/* What follows the path's last "/"; borrowed. */
const char *dms_path_name(const char *path);

#endif
