/* Reads worksheets and their shared strings:
 *
 *   <sst><si><t>A</t></si> <si><r><t>B</t></r><r><t>C</t></r></si></sst>
 *   <sheetData><row r="2">
 *     <c r="A2"><v>17</v></c>                     a number
 *     <c r="B2" t="s"><v>0</v></c>                shared string 0
 *     <c r="D2" t="inlineStr"><is><t>x</t></is></c>
 *   </row></sheetData>
 *
 * Relies on xlsx_part.h, which streams the elements and texts to this file. */
#include <string.h>

#include "base/fail.h"
#include "base/number.h"
#include "formats/xlsx.h"
#include "formats/xlsx_part.h"

/* Collects the text between <t> and </t> or <v> and </v>, but not inside <rPh>,
 * the pronunciation of Japanese. */
typedef struct text_state {
    dms_strbuf text;
    bool open;
    bool phonetic;
} text_state;

static void text_start(text_state *state, const char *element)
{
    if (strcmp(element, "rPh") == 0)
        state->phonetic = true;
    state->open = !state->phonetic &&
                  (strcmp(element, "t") == 0 || strcmp(element, "v") == 0);
}

static void text_end(text_state *state, const char *element)
{
    if (strcmp(element, "rPh") == 0)
        state->phonetic = false;
    state->open = false;
}

static void text_add(text_state *state, const char *text, size_t len)
{
    if (state->open)
        dms_strbuf_add(&state->text, text, len);
}

static void text_clear(text_state *state)
{
    dms_strbuf_clear(&state->text);
    if (state->text.capacity > 0)
        state->text.data[0] = '\0';
}

typedef struct strings_reader {
    dms_textlist *strings;
    text_state state;
    const char *name;
} strings_reader;

static dms_status strings_start(void *user, const char *element,
                                const char **attributes, dms_error *err)
{
    strings_reader *r = user;

    (void)attributes, (void)err;
    if (strcmp(element, "si") == 0)
        text_clear(&r->state);
    text_start(&r->state, element);
    return DMS_OK;
}

static dms_status strings_end(void *user, const char *element, dms_error *err)
{
    strings_reader *r = user;
    const dms_strbuf *text = &r->state.text;
    dms_status st = DMS_OK;

    text_end(&r->state, element);
    if (strcmp(element, "si") == 0)
        st = text->failed ? DMS_ENOMEM
                          : dms_textlist_add(r->strings, text->data, text->len);
    if (st == DMS_ENOMEM)
        return dms_fail_memory(err, r->name);
    if (st != DMS_OK)
        return dms_fail(err, st, "%s: too many shared strings", r->name);
    return DMS_OK;
}

static void strings_text(void *user, const char *text, size_t len)
{
    text_add(&((strings_reader *)user)->state, text, len);
}

dms_status dms_xlsx_read_strings(dms_textlist *strings,
                                 dms_xlsx_package *package, const char *part,
                                 dms_error *err)
{
    strings_reader r = {.strings = strings, .name = package->name};
    const dms_xlsx_handler handler = {&r, strings_start, strings_end,
                                      strings_text};
    dms_status st;

    dms_strbuf_init(&r.state.text);
    st = dms_xlsx_read_part(package, part, &handler, err);
    dms_strbuf_release(&r.state.text);
    return st;
}

typedef enum cell_type {
    CELL_NUMBER,
    CELL_SHARED,
    CELL_TEXT /* inline, formula result, boolean, error: as written */
} cell_type;

typedef struct sheet_reader {
    dms_table *table;
    const dms_textlist *strings;
    text_state state;
    cell_type type;
    size_t column; /* of the open cell, from 0 */
    int line;
    bool in_row, in_cell;
} sheet_reader;

static dms_status start_row(sheet_reader *r, const char **attributes,
                            dms_error *err)
{
    const char *at = dms_xlsx_attribute(attributes, "r");
    const char *end = NULL;
    int64_t line = at ? dms_integer_read(at, &end, NULL) : (int64_t)r->line + 1;

    if ((at && *end) || line <= r->line || line > DMS_TABLE_ROWS_MAX)
        return dms_fail(err, DMS_EFORMAT,
                        "%s:%d: the row after this one is numbered '%.20s'",
                        r->table->name, r->line, at ? at : "");
    r->line = (int)line;
    r->in_row = true;
    return dms_table_begin_row(r->table, r->line, err);
}

/* The column of a reference like "AB12", from 0; DMS_TABLE_NONE if it is not a
 * reference or is out of range. */
static size_t column_of(const char *reference)
{
    size_t column = 0;

    for (; *reference >= 'A' && *reference <= 'Z'; reference++) {
        column = 26 * column + (size_t)(*reference - 'A') + 1;
        if (column > DMS_TABLE_COLUMNS_MAX)
            return DMS_TABLE_NONE;
    }
    return column - 1;
}

static dms_status start_cell(sheet_reader *r, const char **attributes,
                             dms_error *err)
{
    const dms_table_row *row = &r->table->rows[r->table->count - 1];
    const char *at = dms_xlsx_attribute(attributes, "r");
    const char *type = dms_xlsx_attribute(attributes, "t");
    size_t column = at ? column_of(at) : row->count;
    dms_status st = DMS_OK;

    if (column == DMS_TABLE_NONE || column < row->count)
        return dms_fail(err, DMS_EFORMAT,
                        "%s:%d: '%.20s' is not a cell after column %zu",
                        r->table->name, r->line, at ? at : "", row->count);
    while (row->count < column)
        TRY(dms_table_add_cell(r->table, "", 0, err));
    r->type = !type || strcmp(type, "n") == 0 ? CELL_NUMBER
              : strcmp(type, "s") == 0        ? CELL_SHARED
                                              : CELL_TEXT;
    r->in_cell = true;
    text_clear(&r->state);
done:
    return st;
}

static dms_status sheet_start(void *user, const char *element,
                              const char **attributes, dms_error *err)
{
    sheet_reader *r = user;

    if (strcmp(element, "row") == 0 && !r->in_row)
        return start_row(r, attributes, err);
    if (strcmp(element, "c") == 0 && r->in_row && !r->in_cell)
        return start_cell(r, attributes, err);
    text_start(&r->state, element);
    return DMS_OK;
}

static dms_status add_shared(sheet_reader *r, dms_error *err)
{
    const char *digits = r->state.text.data;
    const char *end;
    uint64_t index = dms_count_read(digits, &end, NULL);
    const char *text;

    if (end == digits || *end || index >= r->strings->count)
        return dms_fail(err, DMS_EFORMAT,
                        "%s:%d: there is no shared string '%.20s'",
                        r->table->name, r->line, digits);
    text = dms_textlist_get(r->strings, index);
    return dms_table_add_cell(r->table, text, strlen(text), err);
}

/* Some writers write whole numbers as "17.0"; that becomes 17. */
static size_t number_len(const char *text, size_t len)
{
    const char *point = memchr(text, '.', len);

    if (point && point > text &&
        strspn(point + 1, "0") == len - (size_t)(point + 1 - text))
        return (size_t)(point - text);
    return len;
}

static dms_status end_cell(sheet_reader *r, dms_error *err)
{
    const dms_strbuf *text = &r->state.text;
    size_t len = text->len;

    r->in_cell = false;
    if (text->failed)
        return dms_fail_memory(err, r->table->name);
    if (r->type == CELL_SHARED && len > 0)
        return add_shared(r, err);
    if (r->type == CELL_NUMBER)
        len = number_len(text->data, len);
    return dms_table_add_cell(r->table, text->data, len, err);
}

static dms_status sheet_end(void *user, const char *element, dms_error *err)
{
    sheet_reader *r = user;

    text_end(&r->state, element);
    if (strcmp(element, "row") == 0)
        r->in_row = false;
    if (strcmp(element, "c") == 0 && r->in_cell)
        return end_cell(r, err);
    return DMS_OK;
}

static void sheet_text(void *user, const char *text, size_t len)
{
    text_add(&((sheet_reader *)user)->state, text, len);
}

dms_status dms_xlsx_read_sheet(dms_table *table, const dms_textlist *strings,
                               dms_xlsx_package *package, const char *part,
                               dms_error *err)
{
    sheet_reader r = {.table = table, .strings = strings};
    const dms_xlsx_handler handler = {&r, sheet_start, sheet_end, sheet_text};
    dms_status st;

    dms_strbuf_init(&r.state.text);
    st = dms_xlsx_read_part(package, part, &handler, err);
    dms_strbuf_release(&r.state.text);
    dms_table_end(table);
    return st;
}
