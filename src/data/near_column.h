/* Columns by what their names say, however that is written: "LeftFundus",
 * "left  image", "IMG_LEFT" for Left-Fundus. */
#ifndef DMS_DATA_NEAR_COLUMN_H
#define DMS_DATA_NEAR_COLUMN_H

#include "formats/table.h"

/* The words of a name, in any order, with or without something between. */
typedef struct dms_near_name {
    const char *usual;         /* the name as it should be, for messages */
    const char *words[3];      /* each of them once; ends with NULL */
    const char *const *others; /* that may be there, too; ends with NULL */
} dms_near_name;

/* The column of such a name; DMS_TABLE_NONE where there is none, DMS_EFORMAT
 * where there are several, naming two. */
dms_status dms_near_column_find(size_t *out, const dms_table *table,
                                const dms_near_name *name, dms_error *err);

#endif
