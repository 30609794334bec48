/* Cells of a table as the data room reads them: without the blanks around
 * them, with the place in messages. */
#ifndef DMS_DATA_TABLE_CELL_H
#define DMS_DATA_TABLE_CELL_H

#include <stdbool.h>

#include "formats/table.h"

/* Borrowed, not terminated: len bytes; len 0 for DMS_TABLE_NONE. */
const char *dms_cell_text(const dms_table *table, size_t row, size_t column,
                          size_t *len);

/* Are these bytes that word, case set aside? */
bool dms_cell_is(const char *text, size_t len, const char *word);

/* DMS_EFORMAT "table:line: column C: found 'x', expected ...". */
dms_status dms_cell_fail(const dms_table *table, size_t row, size_t column,
                         const char *expected, dms_error *err);

#endif
