/* What a file is, by its first bytes: people give and keep all kinds of files
 * under all kinds of names, and a reader that refuses one should name it. */
#ifndef DMS_BASE_FILE_KIND_H
#define DMS_BASE_FILE_KIND_H

#include <stddef.h>

typedef enum dms_file_group {
    DMS_FILE_PICTURE,  /* a program for pictures can save it as PNG */
    DMS_FILE_DOCUMENT, /* a person reads it; it may show a table */
    DMS_FILE_MARKUP,   /* HTML or XML */
    DMS_FILE_OTHER
} dms_file_group;

typedef struct dms_file_kind {
    const char *what; /* to follow "is ": "a PDF document", "a Git LFS pointer
                         (run 'git lfs pull')" */
    dms_file_group group;
} dms_file_kind;

/* The kind of a file with these bytes; NULL if it is unknown or plain text.
 * The result is static. */
const dms_file_kind *dms_file_kind_of(const void *data, size_t size);

#endif
