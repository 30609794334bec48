/* Trimming a table's cells and quoting them in messages. Relies on row 0 being
 * the header. */
#include "data/table_cell.h"

#include <string.h>

#include "base/ascii.h"
#include "base/fail.h"
#include "base/utf8.h"

enum { SHOWN_MAX = 60 }; /* bytes of a cell in a message */

const char *dms_cell_text(const dms_table *table, size_t row, size_t column,
                          size_t *len)
{
    const char *text =
        column == DMS_TABLE_NONE ? "" : dms_table_cell(table, row, column);

    *len = strlen(text);
    dms_utf8_trim(&text, len);
    return text;
}

bool dms_cell_is(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && dms_ascii_same_start(text, word, len);
}

dms_status dms_cell_fail(const dms_table *table, size_t row, size_t column,
                         const char *expected, dms_error *err)
{
    size_t name_len, len;
    const char *name = dms_cell_text(table, 0, column, &name_len);
    const char *text = dms_cell_text(table, row, column, &len);

    return dms_fail(err, DMS_EFORMAT,
                    "%s:%d: column %.*s: found '%.*s', expected %s",
                    table->name, table->rows[row].line,
                    (int)(name_len < SHOWN_MAX ? name_len : SHOWN_MAX), name,
                    (int)(len < SHOWN_MAX ? len : SHOWN_MAX), text, expected);
}
