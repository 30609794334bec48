/* Splitting names of photographs and ids into patient and side, for tables and
 * for folders. The grammar is in docs/data-format.md. */
#ifndef DMS_DATA_SIDE_NAME_H
#define DMS_DATA_SIDE_NAME_H

#include <stddef.h>

#include "data/side_word.h"

typedef enum dms_side_kind {
    DMS_NAME_NO_SIDE,  /* the name is an id: "12.jpg" */
    DMS_NAME_ONE_SIDE, /* an id and a side: "12_left.jpg", "OD-12" */
    DMS_NAME_BARE, /* a side without an id: "left.jpg"; the name is the id */
    DMS_NAME_TWO_SIDES /* "od_os_1": ambiguous */
} dms_side_kind;

/* The parts of a name; they point into it. The patient's id is folder followed
 * by id: the folders with their last slash, and the file's name without the
 * side. */
typedef struct dms_side_name {
    dms_side_kind kind;
    int side; /* DMS_SIDE_NONE unless of kind ONE_SIDE */
    const char *folder, *id;
    size_t folder_len, id_len;
} dms_side_name;

/* Split a photograph's name or an id of len bytes. A picture's ending is
 * ignored. Both kinds of slash separate folders. */
dms_side_name dms_side_name_read(const char *name, size_t len);

/* The same for a file of a folder that is being listed: a backslash is an
 * ordinary character of its name. */
dms_side_name dms_side_name_of_file(const char *file, size_t len);

/* The side among all words of a name, including folders; DMS_SIDE_NONE if there
 * is none, or both. For callers that know the id already. */
int dms_side_anywhere(const char *name, size_t len);

#endif
