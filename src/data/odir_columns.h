/* Which column of a table holds what, in any of the forms of
 * docs/data-format.md. */
#ifndef DMS_DATA_ODIR_COLUMNS_H
#define DMS_DATA_ODIR_COLUMNS_H

#include "data/label_columns.h"
#include "dms/data.h"
#include "formats/table.h"

/* Columns are counted from 0; DMS_TABLE_NONE: the table does not have it. */
typedef struct dms_odir_columns {
    size_t id, age, sex, split;
    size_t picture[2];  /* by eye */
    size_t keywords[2]; /* by eye */
    size_t filename;    /* each row is one eye, with this picture */
    size_t side;        /* the side of filename's eye; NONE without filename */
    bool photographs;   /* the id is a photograph's name, from which patient and
                           eye are read (data/side_name.h) */
    dms_label_columns labels; /* owned */
} dms_odir_columns;

/* Find the columns. The names of ID, pictures and keywords may be spelled
 * differently (near_column.h).
 *
 * options  only labels, wanted and split_ignored are used
 * DMS_EFORMAT, naming the table and its columns, if a column is missing or
 * duplicate: there must be an id, and pictures of both eyes or labels.
 * DMS_EINVAL if a label's column is the age or another column that cannot be a
 * label. Release also after a failure. */
dms_status dms_odir_columns_find(dms_odir_columns *out, const dms_table *table,
                                 const dms_dataset_options *options,
                                 dms_error *err);
void dms_odir_columns_release(dms_odir_columns *columns);

/* After a failure to find the columns: were an id and another column found? */
bool dms_odir_columns_some(const dms_odir_columns *columns);

/* The row that is the header: the first one, or if the columns cannot be found
 * by it, one of the next few by which they can, or in which at least some are
 * found. Titles and comments stand above such a header. If there is none, the
 * failure of dms_odir_columns_find for the first row. */
dms_status dms_odir_header_find(size_t *row, const dms_table *table,
                                const dms_dataset_options *options,
                                dms_error *err);

/* Are a row's labels those of its picture's eye, not the patient's? */
bool dms_odir_columns_label_eyes(const dms_odir_columns *columns);

/* The names of the columns that are not used, "note, x"; "" if all are used. */
void dms_odir_columns_unused(char *text, size_t capacity,
                             const dms_odir_columns *columns,
                             const dms_table *table);

/* Read the rows into dataset->patients; eye paths become the pictures' names
 * as written, NULL if the table has none. Errors name line and cell. */
dms_status dms_odir_rows_read(dms_dataset *dataset, const dms_table *table,
                              const dms_odir_columns *columns, dms_error *err);

/* The path of the table: `path` itself, or the table in the folder `path`;
 * dms_free. */
dms_status dms_odir_table_find(char **table, const char *path, dms_error *err);

/* Set dataset->folder to `images`, or if that is NULL to the folder near the
 * table that has the pictures; put it in front of the eyes' paths. */
dms_status dms_odir_pictures_resolve(dms_dataset *dataset, const char *images,
                                     const dms_monitor *monitor,
                                     dms_error *err);

#endif
