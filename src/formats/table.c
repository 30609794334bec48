/* Tables in memory. Relies on textlist, which keeps all cells' texts in one
 * buffer. */
#include "formats/table.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"

dms_status dms_table_create(dms_table **out, const char *name, dms_error *err)
{
    dms_table *table = dms_calloc(1, sizeof *table);

    if (!table || !(table->name = dms_strdup(name))) {
        dms_table_destroy(table);
        return dms_fail_memory(err, name);
    }
    *out = table;
    return DMS_OK;
}

void dms_table_destroy(dms_table *table)
{
    if (!table)
        return;
    dms_textlist_release(&table->cells);
    dms_free(table->rows);
    dms_free(table->name);
    dms_free(table);
}

void dms_table_end(dms_table *table)
{
    const dms_table_row *last;

    if (table->count == 0)
        return;
    last = &table->rows[table->count - 1];
    for (size_t i = 0; i < last->count; i++)
        if (*dms_table_cell(table, table->count - 1, i))
            return;
    table->cells.count = last->first;
    table->count--;
}

static bool reserve_row(dms_table *table)
{
    size_t capacity = table->capacity ? 2 * table->capacity : 64;
    dms_table_row *rows;

    if (table->count < table->capacity)
        return true;
    rows = dms_resize(table->rows, capacity, sizeof *rows);
    if (!rows)
        return false;
    table->rows = rows;
    table->capacity = capacity;
    return true;
}

dms_status dms_table_begin_row(dms_table *table, int line, dms_error *err)
{
    dms_table_end(table);
    if (table->count >= DMS_TABLE_ROWS_MAX)
        return dms_fail(err, DMS_ELIMIT, "%s:%d: more than %d rows",
                        table->name, line, DMS_TABLE_ROWS_MAX);
    if (!reserve_row(table))
        return dms_fail_memory(err, table->name);
    table->rows[table->count++] =
        (dms_table_row){.line = line, .first = table->cells.count};
    return DMS_OK;
}

dms_status dms_table_add_cell(dms_table *table, const char *text, size_t len,
                              dms_error *err)
{
    dms_table_row *row = &table->rows[table->count - 1];
    dms_status st;

    if (row->count >= DMS_TABLE_COLUMNS_MAX)
        return dms_fail(err, DMS_ELIMIT, "%s:%d: more than %d columns",
                        table->name, row->line, DMS_TABLE_COLUMNS_MAX);
    st = dms_textlist_add(&table->cells, text, len);
    if (st == DMS_ENOMEM)
        return dms_fail_memory(err, table->name);
    if (st != DMS_OK)
        return dms_fail(err, st, "%s:%d: the table is too large", table->name,
                        row->line);
    row->count++;
    return DMS_OK;
}

const char *dms_table_cell(const dms_table *table, size_t row, size_t column)
{
    const dms_table_row *r = &table->rows[row];

    return column < r->count
               ? dms_textlist_get(&table->cells, r->first + column)
               : "";
}

#define BLANKS " \t\r\n"

/* The next character in lower case; any run of blanks, '_' and '-' gives one
 * blank. */
static char next_folded(const char **text)
{
    size_t blanks = strspn(*text, BLANKS "_-");

    *text += blanks;
    return blanks > 0 ? ' ' : dms_ascii_lower(**text ? *(*text)++ : '\0');
}

static bool same_name(const char *cell, const char *name)
{
    cell += strspn(cell, BLANKS);
    while (*name)
        if (next_folded(&cell) != next_folded(&name))
            return false;
    return cell[strspn(cell, BLANKS)] == '\0';
}

size_t dms_table_find_column(const dms_table *table, const char *name,
                             size_t from)
{
    size_t columns = table->count > 0 ? table->rows[0].count : 0;

    for (size_t i = from; i < columns; i++)
        if (same_name(dms_table_cell(table, 0, i), name))
            return i;
    return DMS_TABLE_NONE;
}

static bool same_cell(const char *a, const char *b)
{
    size_t len;

    a += strspn(a, BLANKS);
    b += strspn(b, BLANKS);
    for (len = 0; a[len] && a[len] == b[len];)
        len++;
    return a[len + strspn(a + len, BLANKS)] == '\0' &&
           b[len + strspn(b + len, BLANKS)] == '\0';
}

bool dms_table_same_rows(const dms_table *table, size_t a, size_t b)
{
    size_t columns = table->rows[0].count;

    for (size_t i = 0; i < columns; i++)
        if (!same_cell(dms_table_cell(table, a, i),
                       dms_table_cell(table, b, i)))
            return false;
    return true;
}
