/* A block of prepared weights as a memory file (memfd_create), which processes
 * on one machine share: a header of one page, then the block. */
#ifndef DMS_GRAPH_KEPT_FILE_H
#define DMS_GRAPH_KEPT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

typedef struct dms_kept_file dms_kept_file;

/* The file's header. */
typedef struct dms_kept_head {
    char magic[16];   /* filled in by write */
    char version[16]; /* of the library; filled in by write */
    uint64_t form;    /* see kept.h */
    uint64_t values;  /* digest of the values the block was made from */
    uint64_t heavy;   /* 1: see dms_kept_is_heavy */
    uint64_t size;    /* bytes of the block */
} dms_kept_head;

/* Write a new sealed file; the caller closes *fd. DMS_EIO. */
dms_status dms_kept_file_write(int *fd, const void *data,
                               const dms_kept_head *head, dms_error *err);

/* Map the file for reading; fd stays the caller's. Rejects a file that could
 * still change. DMS_EFORMAT, DMS_EMISMATCH (other values, another version),
 * DMS_ENOMEM, DMS_EIO. */
dms_status dms_kept_file_open(dms_kept_file **out, dms_kept_head *head, int fd,
                              uint64_t values, dms_error *err);
void dms_kept_file_close(dms_kept_file *file);

/* The block, page-aligned and read-only. */
void *dms_kept_file_data(const dms_kept_file *file);

#endif
