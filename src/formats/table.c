/* Tables in memory. Relies on textlist, which keeps all cells' texts in one
 * buffer. */
#include "formats/table.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"
#include "base/utf8.h"

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

typedef struct span {
    const char *text;
    size_t len;
} span;

/* A cell without the blanks around it. */
static span trimmed(const char *cell)
{
    span s = {cell, strlen(cell)};

    dms_utf8_trim(&s.text, &s.len);
    return s;
}

void dms_table_end(dms_table *table)
{
    const dms_table_row *last;

    if (table->count == 0)
        return;
    last = &table->rows[table->count - 1];
    for (size_t i = 0; i < last->count; i++)
        if (trimmed(dms_table_cell(table, table->count - 1, i)).len > 0)
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

/* Take the next byte, in lower case; any run of separators gives one blank. 0
 * at the end. */
static char next_folded(span *s)
{
    size_t left = s->len, step;
    uint32_t code;
    char c;

    while ((step = dms_utf8_decode(&code, s->text, s->len)) > 0 &&
           dms_utf8_is_separator(code))
        s->text += step, s->len -= step;
    if (s->len < left)
        return ' ';
    if (s->len == 0)
        return '\0';
    c = *s->text++;
    s->len--;
    return dms_ascii_lower(c);
}

static bool same_name(const char *cell, const char *name)
{
    span a = trimmed(cell), b = trimmed(name);
    char c;

    do {
        c = next_folded(&a);
        if (c != next_folded(&b))
            return false;
    } while (c);
    return true;
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

bool dms_table_same_rows(const dms_table *table, size_t a, size_t b)
{
    size_t columns = table->rows[0].count;

    for (size_t i = 0; i < columns; i++) {
        span x = trimmed(dms_table_cell(table, a, i));
        span y = trimmed(dms_table_cell(table, b, i));

        if (x.len != y.len || memcmp(x.text, y.text, x.len) != 0)
            return false;
    }
    return true;
}

void dms_table_drop_rows(dms_table *table, size_t count)
{
    assert(count <= table->count);
    table->count -= count;
    memmove(table->rows, table->rows + count,
            table->count * sizeof *table->rows);
}
