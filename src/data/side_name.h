/* Names of photographs, ids and sides, taken apart into whose eye and which.
 * Tables and folders are both read by it; the grammar is docs/data-format.md's.
 */
#ifndef DMS_DATA_SIDE_NAME_H
#define DMS_DATA_SIDE_NAME_H

#include <stddef.h>

enum { DMS_SIDE_NONE = -1 }; /* beside DMS_LEFT and DMS_RIGHT */

typedef enum dms_side_kind {
    DMS_NAME_NO_SIDE,  /* the name is an id: "12.jpg" */
    DMS_NAME_ONE_SIDE, /* an id and a side: "12_left.jpg", "OD-12" */
    DMS_NAME_BARE,     /* a side and nobody's: "left.jpg"; as an id, an id */
    DMS_NAME_TWO_SIDES /* "od_os_1": nobody can know */
} dms_side_kind;

/* What a name says. The id is two pieces of it, the second behind the first:
 * folders with their last slash, and what the file's name has beside the side.
 */
typedef struct dms_side_name {
    dms_side_kind kind;
    int side; /* DMS_SIDE_NONE unless of kind ONE_SIDE */
    const char *folder, *id;
    size_t folder_len, id_len;
} dms_side_name;

/* Is the whole text a side's word, as in a column of sides? DMS_LEFT, DMS_RIGHT
 * or DMS_SIDE_NONE. */
int dms_side_word(const char *text, size_t len);

/* Take a photograph's name or an id apart, len bytes; a picture's ending counts
 * for nothing. Both kinds of slash part folders. */
dms_side_name dms_side_name_read(const char *name, size_t len);

/* The same of a file in a folder that is being listed: a backslash is a letter
 * of its name. */
dms_side_name dms_side_name_of_file(const char *file, size_t len);

/* The one side that a name has among its words, wherever it stands, folders
 * too; DMS_SIDE_NONE for none and for two. For who knows the id already. */
int dms_side_anywhere(const char *name, size_t len);

#endif
