/* A block of parameters in the order of the kernels as a memory file
 * (memfd_create), which processes on one machine share: a head of one page,
 * then the block. */
#ifndef DMS_GRAPH_KEPT_FILE_H
#define DMS_GRAPH_KEPT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

typedef struct dms_kept_file dms_kept_file;

/* What the file says of its block. */
typedef struct dms_kept_head {
    char magic[16];   /* filled by write */
    char version[16]; /* of the library, likewise */
    uint64_t form;    /* see kept.h */
    uint64_t values;  /* digest of what the block was made from */
    uint64_t heavy;   /* 1: see dms_kept_is_heavy */
    uint64_t size;    /* bytes of the block */
} dms_kept_head;

/* A new sealed file; *fd is the caller's to close. DMS_EIO. */
dms_status dms_kept_file_write(int *fd, const void *data,
                               const dms_kept_head *head, dms_error *err);

/* Map it for reading; fd stays the caller's. A file that could still change is
 * refused. DMS_EFORMAT, DMS_EMISMATCH (other values, another version),
 * DMS_ENOMEM, DMS_EIO. */
dms_status dms_kept_file_open(dms_kept_file **out, dms_kept_head *head, int fd,
                              uint64_t values, dms_error *err);
void dms_kept_file_close(dms_kept_file *file);

/* The block, aligned to a page; read only. */
void *dms_kept_file_data(const dms_kept_file *file);

#endif
