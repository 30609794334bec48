/* Reading a table's cells without blanks around them, and errors that name the
 * cell. */
#ifndef DMS_DATA_TABLE_CELL_H
#define DMS_DATA_TABLE_CELL_H

#include <stdbool.h>

#include "formats/table.h"

/* The cell's text without Unicode's blanks around it: borrowed, len bytes,
 * without a NUL; len 0 for DMS_TABLE_NONE. */
const char *dms_cell_text(const dms_table *table, size_t row, size_t column,
                          size_t *len);

/* Are these bytes that word, ignoring case? */
bool dms_cell_is(const char *text, size_t len, const char *word);

/* DMS_EFORMAT "table:line: column C: found 'x', expected ...". */
dms_status dms_cell_fail(const dms_table *table, size_t row, size_t column,
                         const char *expected, dms_error *err);

#endif
