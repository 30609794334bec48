/* Finding a label set's columns by their names and reading their cells. Errors
 * name column, line and cell. Relies on the header being row 0. */
#include "data/label_columns.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/table_cell.h"

enum { NAME_MAX_BYTES = DMS_LABEL_NAME_MAX + 16 };

dms_status dms_column_find(size_t *out, const dms_table *table,
                           const char *const *names, dms_error *err)
{
    *out = DMS_TABLE_NONE;
    for (int i = 0; names[i]; i++) {
        size_t at = 0;

        while ((at = dms_table_find_column(table, names[i], at)) !=
               DMS_TABLE_NONE) {
            if (*out != DMS_TABLE_NONE && *out != at)
                return dms_fail(err, DMS_EFORMAT,
                                "%s:%d: columns %zu and %zu are both '%s'",
                                table->name, table->rows[0].line, *out + 1,
                                at + 1, names[0]);
            *out = at++;
        }
    }
    return DMS_OK;
}

void dms_columns_list(char *text, size_t capacity, const dms_table *table)
{
    size_t len = 0, count = table->count ? table->rows[0].count : 0;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t cell_len;
        const char *cell = dms_cell_text(table, 0, i, &cell_len);
        int shown = cell_len < 60 ? (int)cell_len : 60;

        if (len + (size_t)shown + 6 > capacity) {
            snprintf(text + len, capacity - len, ", ...");
            return;
        }
        len += (size_t)snprintf(text + len, capacity - len, "%s%.*s",
                                i ? ", " : "", shown, cell);
    }
}

/* true: each label has its own column; false: one column holds the class. */
static bool by_label(const dms_label_set *set)
{
    return dms_label_set_column(set) == NULL;
}

/* The possible names of the patient's column for label k, or of the set's one
 * column. names, out: ends with NULL. */
static void plain_names(const char *names[3], const dms_label_set *set, int k)
{
    names[0] =
        by_label(set) ? dms_label_set_code(set, k) : dms_label_set_column(set);
    names[1] = by_label(set) ? dms_label_set_name(set, k) : NULL;
    names[2] = NULL;
}

static dms_status find_one(size_t *out, const dms_label_set *set, int k,
                           dms_label_owner owner, const dms_table *table,
                           dms_error *err)
{
    static const char *const sides[] = {"left", "right"};
    char texts[4][NAME_MAX_BYTES];
    const char *plain[3], *names[5] = {NULL};
    int count = 0;

    if (owner == DMS_OWNER_PATIENT && dms_label_set_is_odir(set))
        return dms_column_find(out, table, dms_odir_label_columns(k), err);
    plain_names(plain, set, k);
    if (owner == DMS_OWNER_PATIENT)
        return dms_column_find(out, table, plain, err);
    for (int i = 0; plain[i]; i++) {
        snprintf(texts[count], NAME_MAX_BYTES, "%s %s", sides[owner], plain[i]);
        names[count] = texts[count], count++;
        snprintf(texts[count], NAME_MAX_BYTES, "%s %s", plain[i], sides[owner]);
        names[count] = texts[count], count++;
    }
    return dms_column_find(out, table, names, err);
}

/* Appends a code: "NDGCAHMO" for ODIR's letters, "a, b" for other sets. */
static void add_code(char *text, size_t capacity, const dms_label_set *set,
                     int k)
{
    size_t len = strlen(text);
    bool letters = dms_label_set_is_odir(set);

    snprintf(text + len, capacity - len, "%s%s", len && !letters ? ", " : "",
             dms_label_set_code(set, k));
}

static dms_status refuse_some(const dms_label_columns *c, dms_label_owner owner,
                              const dms_table *table, dms_error *err)
{
    static const char *const owners[] = {"left ", "right ", ""};
    char all[160] = "", missing[160] = "";
    int count = 0;

    for (int k = 0; k < (int)c->each; k++) {
        add_code(all, sizeof all, c->set, k);
        if (c->at[owner][k] != DMS_TABLE_NONE)
            continue;
        add_code(missing, sizeof missing, c->set, k);
        count++;
    }
    return dms_fail(err, DMS_EFORMAT,
                    "%s:%d: of the %slabel columns %s, %s missing: %s",
                    table->name, table->rows[0].line, owners[owner], all,
                    count == 1 ? "one is" : "some are", missing);
}

static dms_status find_group(dms_label_columns *c, dms_label_owner owner,
                             const dms_table *table, dms_error *err)
{
    dms_status st = DMS_OK;
    size_t found = 0;

    for (size_t k = 0; k < c->each; k++) {
        TRY(find_one(&c->at[owner][k], c->set, (int)k, owner, table, err));
        found += c->at[owner][k] != DMS_TABLE_NONE;
    }
    c->has[owner] = found == c->each;
    if (found > 0 && found < c->each)
        st = refuse_some(c, owner, table, err);
done:
    return st;
}

dms_status dms_label_columns_find(dms_label_columns *out,
                                  const dms_label_set *set,
                                  const dms_table *table, dms_error *err)
{
    dms_label_columns c = {.set = set};
    dms_status st = DMS_OK;

    c.each = by_label(set) ? (size_t)dms_label_set_count(set) : 1;
    c.at[0] = dms_calloc(DMS_OWNERS * c.each, sizeof *c.at[0]);
    if (!c.at[0])
        return dms_fail_memory(err, table->name);
    for (size_t i = 0; i < DMS_OWNERS * c.each; i++)
        c.at[0][i] = DMS_TABLE_NONE;
    for (int owner = 0; owner < DMS_OWNERS; owner++)
        c.at[owner] = c.at[0] + (size_t)owner * c.each;
    for (int owner = 0; owner < DMS_OWNERS; owner++)
        if (owner == DMS_OWNER_PATIENT || !dms_label_set_is_odir(set))
            TRY(find_group(&c, (dms_label_owner)owner, table, err));
    *out = c, c = (dms_label_columns){0};
done:
    dms_label_columns_release(&c);
    return st;
}

void dms_label_columns_release(dms_label_columns *columns)
{
    dms_free(columns->at[0]);
    *columns = (dms_label_columns){0};
}

dms_status dms_label_columns_missing(const dms_label_set *set,
                                     const dms_table *table, dms_error *err)
{
    char columns[240];
    const char *names[3];

    plain_names(names, set, 0);
    dms_columns_list(columns, sizeof columns, table);
    return dms_fail(err, DMS_EFORMAT,
                    "%s:%d: the label column '%s' is missing; the columns "
                    "are %s",
                    table->name, table->rows[0].line, names[0], columns);
}

/* 0 or 1, unknown if empty; -1: invalid. */
static int binary_of(const char *text, size_t len)
{
    if (len == 0)
        return DMS_LABEL_UNKNOWN;
    if (dms_cell_is(text, len, "1") || dms_cell_is(text, len, "1.0"))
        return 1;
    return dms_cell_is(text, len, "0") || dms_cell_is(text, len, "0.0") ? 0
                                                                        : -1;
}

static dms_status read_binary(uint8_t *labels, const dms_label_columns *c,
                              const size_t *at, const dms_table *table,
                              size_t row, dms_error *err)
{
    bool unknown = false;

    for (size_t k = 0; k < c->each; k++) {
        size_t len;
        const char *text = dms_cell_text(table, row, at[k], &len);
        int value = binary_of(text, len);

        if (value < 0)
            return dms_cell_fail(table, row, at[k], "0 or 1", err);
        labels[k] = (uint8_t)value;
        unknown = unknown || value == DMS_LABEL_UNKNOWN;
    }
    if (unknown && dms_label_set_task(c->set) == DMS_TASK_SINGLE_LABEL)
        memset(labels, DMS_LABEL_UNKNOWN, c->each);
    return DMS_OK;
}

/* A whole number of up to 3 digits, "3" or "3.0"; -1: anything else. */
static int whole_of(const char *text, size_t len)
{
    int value = 0;

    if (len > 2 && text[len - 2] == '.' && text[len - 1] == '0')
        len -= 2;
    if (len == 0 || len > 3)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = 10 * value + (text[i] - '0');
    }
    return value;
}

/* The class given by its code, name or index. If some codes are numbers, a
 * number is a code and never an index. -1: not a class. */
static int class_of(const dms_label_set *set, const char *text, size_t len)
{
    int count = dms_label_set_count(set), place = whole_of(text, len);
    bool numbers = false;

    for (int k = 0; k < count; k++) {
        const char *code = dms_label_set_code(set, k);

        if (dms_cell_is(text, len, code) ||
            dms_cell_is(text, len, dms_label_set_name(set, k)))
            return k;
        numbers = numbers || whole_of(code, strlen(code)) >= 0;
    }
    for (int k = 0; numbers && k < count; k++) {
        const char *code = dms_label_set_code(set, k);

        if (place >= 0 && whole_of(code, strlen(code)) == place)
            return k; /* "1.0" for code 1 */
    }
    return !numbers && place < count ? place : -1;
}

static dms_status read_class(uint8_t *labels, const dms_label_set *set,
                             size_t column, const dms_table *table, size_t row,
                             dms_error *err)
{
    int count = dms_label_set_count(set), found;
    char text[160], expected[240];
    size_t len;
    const char *cell = dms_cell_text(table, row, column, &len);

    memset(labels, len ? 0 : DMS_LABEL_UNKNOWN, (size_t)count);
    if (len == 0)
        return DMS_OK;
    found = class_of(set, cell, len);
    if (found >= 0) {
        labels[found] = 1;
        return DMS_OK;
    }
    dms_label_set_text(text, sizeof text, set);
    snprintf(expected, sizeof expected, "0 to %d or one of %s", count - 1,
             strchr(text, '=') ? strchr(text, '=') + 1 : text);
    return dms_cell_fail(table, row, column, expected, err);
}

dms_status dms_label_cells_read(uint8_t *labels,
                                const dms_label_columns *columns,
                                dms_label_owner owner, const dms_table *table,
                                size_t row, dms_error *err)
{
    const size_t *at = columns->at[owner];

    if (by_label(columns->set))
        return read_binary(labels, columns, at, table, row, err);
    return read_class(labels, columns->set, at[0], table, row, err);
}
