/* Finding columns whose names are spelled differently: "LeftFundus",
 * "left  image", "IMG_LEFT" or "OS image" for Left-Fundus. */
#ifndef DMS_DATA_NEAR_COLUMN_H
#define DMS_DATA_NEAR_COLUMN_H

#include "data/side_word.h"
#include "formats/table.h"

/* The words of a name, in any order, with or without separators. */
typedef struct dms_near_name {
    const char *usual; /* the standard name, for messages */
    const char *word;  /* required, once; NULL: none */
    int side;          /* a word for it is required, once; or DMS_SIDE_NONE */
    bool any_word;     /* any of side_word.h, not only "left" and "right"; the
                          short ones only between separators */
    const char *const *others; /* optional, any number; ends with NULL */
} dms_near_name;

/* The column with such a name; DMS_TABLE_NONE if there is none; DMS_EFORMAT,
 * naming two, if there are several. */
dms_status dms_near_column_find(size_t *out, const dms_table *table,
                                const dms_near_name *name, dms_error *err);

#endif
