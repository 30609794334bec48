/* A table of texts, whatever file it came from: rows of cells, each row with
 * its line for messages. The first row is the header. */
#ifndef DMS_FORMATS_TABLE_H
#define DMS_FORMATS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/status.h"
#include "formats/text_encoding.h"
#include "formats/textlist.h"

enum {
    DMS_TABLE_COLUMNS_MAX = 16384, /* Excel's */
    DMS_TABLE_ROWS_MAX = 1 << 20,  /* Excel's */
    DMS_TABLE_FILE_MAX = 64 << 20  /* bytes of a file that are read */
};

#define DMS_TABLE_NONE ((size_t)-1)

typedef struct dms_table_row {
    int line;     /* of the file, or the worksheet's row; from 1 */
    size_t first; /* index of its first cell in cells */
    size_t count; /* of its cells */
} dms_table_row;

typedef struct dms_table {
    char *name; /* of the file, for messages */
    dms_table_row *rows;
    size_t count, capacity; /* rows */
    dms_textlist cells;
    dms_text_encoding encoding; /* of the file; FOUND: none, a workbook */
} dms_table;

dms_status dms_table_create(dms_table **out, const char *name, dms_error *err);
void dms_table_destroy(dms_table *table);

/* Start a row; the row before is dropped if all its cells are empty. */
dms_status dms_table_begin_row(dms_table *table, int line, dms_error *err);
/* Append a cell to the last row. */
dms_status dms_table_add_cell(dms_table *table, const char *text, size_t len,
                              dms_error *err);
/* After the last row: drop it if all its cells are empty. */
void dms_table_end(dms_table *table);

/* A cell's text as written; "" where the row is too short. Borrowed. */
const char *dms_table_cell(const dms_table *table, size_t row, size_t column);

/* The header's first column of that name at or behind `from`: blanks around
 * it are set aside, case too, and '_' or '-' for a blank within;
 * DMS_TABLE_NONE when there is none. */
size_t dms_table_find_column(const dms_table *table, const char *name,
                             size_t from);

/* Have two rows the same cells, blanks around them set aside? */
bool dms_table_same_rows(const dms_table *table, size_t a, size_t b);

#endif
