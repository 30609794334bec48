/* A table of texts, independent of the file format: rows of cells. Each row
 * keeps its line for messages. The first row is the header. */
#ifndef DMS_FORMATS_TABLE_H
#define DMS_FORMATS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/status.h"
#include "formats/text_encoding.h"
#include "formats/textlist.h"

enum {
    DMS_TABLE_COLUMNS_MAX = 16384, /* Excel's limit */
    DMS_TABLE_ROWS_MAX = 1 << 20,  /* Excel's limit */
    DMS_TABLE_FILE_MAX = 64 << 20  /* bytes read of a file */
};

#define DMS_TABLE_NONE ((size_t)-1)

typedef struct dms_table_row {
    int line;     /* line in the file or worksheet row; from 1 */
    size_t first; /* index of its first cell in cells */
    size_t count; /* number of its cells */
} dms_table_row;

typedef struct dms_table {
    char *name; /* of the file, for messages; owned */
    dms_table_row *rows;
    size_t count, capacity; /* of rows */
    dms_textlist cells;
    dms_text_encoding encoding; /* of the file; FOUND for a workbook */
} dms_table;

dms_status dms_table_create(dms_table **out, const char *name, dms_error *err);
void dms_table_destroy(dms_table *table);

/* Start a row. If all cells of the previous row are empty or blank, that row is
 * dropped. */
dms_status dms_table_begin_row(dms_table *table, int line, dms_error *err);
/* Append a cell to the last row. */
dms_status dms_table_add_cell(dms_table *table, const char *text, size_t len,
                              dms_error *err);
/* Finish the table: the last row is dropped if all its cells are empty or
 * blank. */
void dms_table_end(dms_table *table);

/* Drop the first rows, at most all: what follows them is the header. */
void dms_table_drop_rows(dms_table *table, size_t count);

/* A cell's text as written, borrowed; "" if the row is too short. */
const char *dms_table_cell(const dms_table *table, size_t row, size_t column);

/* The header's first column with that name at or after `from`; DMS_TABLE_NONE
 * if there is none. Surrounding blanks and case are ignored, and all separators
 * of base/utf8.h are equal. */
size_t dms_table_find_column(const dms_table *table, const char *name,
                             size_t from);

/* Do two rows have the same cells, ignoring surrounding blanks? */
bool dms_table_same_rows(const dms_table *table, size_t a, size_t b);

#endif
