/* Which column of a table is what, whichever of docs/data-format.md's forms it
 * has. */
#ifndef DMS_DATA_ODIR_COLUMNS_H
#define DMS_DATA_ODIR_COLUMNS_H

#include "data/label_columns.h"
#include "dms/data.h"
#include "formats/table.h"

/* Columns from 0; DMS_TABLE_NONE where the table has none. */
typedef struct dms_odir_columns {
    size_t id, age, sex, split;
    size_t picture[2];  /* by eye */
    size_t keywords[2]; /* by eye */
    size_t filename;    /* each row is the eye of this picture */
    size_t side;        /* which eye filename is, in a word */
    bool photographs;   /* the id is a photograph's name, from which patient and
                           eye are read (data/side_name.h) */
    dms_label_columns labels; /* owned */
} dms_odir_columns;

/* A name of ID, pictures and keywords may be written a little otherwise.
 *
 * options  whose labels, wanted and split_ignored are heeded
 * DMS_EFORMAT naming the table, its columns, and those that are missing or
 * double: there must be an id, and pictures of both eyes or labels; DMS_EINVAL
 * for a label that is another column: an age is no label. Release also after a
 * failure. */
dms_status dms_odir_columns_find(dms_odir_columns *out, const dms_table *table,
                                 const dms_dataset_options *options,
                                 dms_error *err);
void dms_odir_columns_release(dms_odir_columns *columns);

/* The row's labels are its picture's own, not the patient's. */
bool dms_odir_columns_label_eyes(const dms_odir_columns *columns);

/* The names of the columns that nothing was taken from, "note, x"; "" if all
 * are used. */
void dms_odir_columns_unused(char *text, size_t capacity,
                             const dms_odir_columns *columns,
                             const dms_table *table);

/* Read the rows into dataset->patients; eye paths become the pictures' names
 * as written, NULL where the table has none. Errors name line and cell. */
dms_status dms_odir_rows_read(dms_dataset *dataset, const dms_table *table,
                              const dms_odir_columns *columns, dms_error *err);

/* The table that path is, or that the folder path holds; dms_free. */
dms_status dms_odir_table_find(char **table, const char *path, dms_error *err);

/* Set dataset->folder to `images`, or if that is NULL to where the pictures
 * are found to lie near the table, and make the eyes' paths lie in it. */
dms_status dms_odir_pictures_resolve(dms_dataset *dataset, const char *images,
                                     const dms_monitor *monitor,
                                     dms_error *err);

#endif
