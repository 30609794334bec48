/* Which columns of a table hold the labels of a set, and what is in them. */
#ifndef DMS_DATA_LABEL_COLUMNS_H
#define DMS_DATA_LABEL_COLUMNS_H

#include <stdint.h>

#include "data/labels.h"
#include "formats/table.h"

/* Whose labels a group of columns holds. */
typedef enum dms_label_owner {
    DMS_OWNER_LEFT, /* as DMS_LEFT */
    DMS_OWNER_RIGHT,
    DMS_OWNER_PATIENT,
    DMS_OWNERS
} dms_label_owner;

/* Columns are counted from 0. Zero-initialise; release. */
typedef struct dms_label_columns {
    const dms_label_set *set; /* borrowed; NULL: the table has no labels */
    size_t each;              /* columns per owner: K, or 1 with the class */
    bool has[DMS_OWNERS];     /* all `each` columns were found */
    size_t *at[DMS_OWNERS];   /* `each` columns, DMS_TABLE_NONE if missing; one
                                 block, owned by at[0] */
} dms_label_columns;

/* Find the columns of a set. A patient's columns are named by the labels' codes
 * or names, or are the set's one column; an eye's have the same name with
 * `left` or `right` before or after it. out->has says which of them the table
 * has.
 *
 * DMS_EFORMAT if a column is duplicate, or if only some of an owner's columns
 * are there. */
dms_status dms_label_columns_find(dms_label_columns *out,
                                  const dms_label_set *set,
                                  const dms_table *table, dms_error *err);
void dms_label_columns_release(dms_label_columns *columns);

/* DMS_EFORMAT naming the set's first column as missing, and the columns that
 * the table has. */
dms_status dms_label_columns_missing(const dms_label_set *set,
                                     const dms_table *table, dms_error *err);

/* One row's labels of one owner: K of 0, 1 or DMS_LABEL_UNKNOWN. An empty cell
 * is unknown; if one label of a single-label set is unknown, all are. */
dms_status dms_label_cells_read(uint8_t *labels,
                                const dms_label_columns *columns,
                                dms_label_owner owner, const dms_table *table,
                                size_t row, dms_error *err);

/* The column with one of the names (a list that ends with NULL); DMS_TABLE_NONE
 * if there is none, DMS_EFORMAT if there are two. */
dms_status dms_column_find(size_t *out, const dms_table *table,
                           const char *const *names, dms_error *err);

/* The header's names, "id, left, right", cut to the capacity. */
void dms_columns_list(char *text, size_t capacity, const dms_table *table);

#endif
