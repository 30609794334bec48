/* Where a table carries the labels of a set, and what its cells say. */
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

/* Columns from 0. Zero-initialise; release. */
typedef struct dms_label_columns {
    const dms_label_set *set; /* borrowed; NULL: the table has no labels */
    size_t each;              /* K, or 1: a column that holds the class */
    bool has[DMS_OWNERS];
    size_t *at[DMS_OWNERS]; /* `each` places; owned, one block */
} dms_label_columns;

/* The columns of a set. The patient's stand under the codes or the names, or
 * are the set's one column; an eye's own under the same with `left` or `right`
 * before or behind. out->has tells which of them the table has.
 *
 * DMS_EFORMAT for a column that is there twice, or a group of which some are
 * missing. */
dms_status dms_label_columns_find(dms_label_columns *out,
                                  const dms_label_set *set,
                                  const dms_table *table, dms_error *err);
void dms_label_columns_release(dms_label_columns *columns);

/* DMS_EFORMAT naming the first of the set's columns that the table lacks, and
 * the columns that it has. */
dms_status dms_label_columns_missing(const dms_label_set *set,
                                     const dms_table *table, dms_error *err);

/* One row's labels of one owner: K of 0, 1 or DMS_LABEL_UNKNOWN. An empty cell
 * is unknown; of one-of labels all are if any is. */
dms_status dms_label_cells_read(uint8_t *labels,
                                const dms_label_columns *columns,
                                dms_label_owner owner, const dms_table *table,
                                size_t row, dms_error *err);

/* The column with one of the names (ending with NULL), DMS_TABLE_NONE if there
 * is none; DMS_EFORMAT: two of them. */
dms_status dms_column_find(size_t *out, const dms_table *table,
                           const char *const *names, dms_error *err);

/* The header's names, "id, left, right", shortened to the capacity. */
void dms_columns_list(char *text, size_t capacity, const dms_table *table);

#endif
