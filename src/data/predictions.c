/* Reading and writing predictions.csv. Relies on formats/table_parse for the
 * CSV and on base/number so that probabilities read back bit-equal. */
#include "data/predictions.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/name.h"
#include "base/number.h"
#include "base/strbuf.h"
#include "data/table_cell.h"
#include "formats/csv.h"
#include "formats/table_parse.h"

/* Which column holds what. */
typedef struct layout {
    const dms_label_set *set;
    size_t id;
    size_t label[DMS_LABELS_MAX]; /* by the label's index */
} layout;

/* The header of the set's file, "ID,N,D,G". */
static void add_header(dms_strbuf *sb, const dms_label_set *set)
{
    dms_strbuf_puts(sb, "ID");
    for (int k = 0; k < dms_label_set_count(set); k++)
        dms_strbuf_printf(sb, ",%s", dms_label_set_code(set, k));
}

static void list_header(char *text, size_t capacity, const dms_label_set *set)
{
    dms_strbuf sb;

    dms_strbuf_init(&sb);
    add_header(&sb, set);
    snprintf(text, capacity, "%s", sb.data ? sb.data : "ID,...");
    dms_strbuf_release(&sb);
}

static dms_status find_column(size_t *column, const dms_table *table,
                              const char *name, const dms_label_set *set,
                              dms_error *err)
{
    char expected[200];

    *column = dms_table_find_column(table, name, 0);
    if (*column == DMS_TABLE_NONE) {
        list_header(expected, sizeof expected, set);
        return dms_fail(err, DMS_EFORMAT,
                        "%s:%d: column '%s' is missing, expected %s",
                        table->name, table->rows[0].line, name, expected);
    }
    if (dms_table_find_column(table, name, *column + 1) != DMS_TABLE_NONE)
        return dms_fail(err, DMS_EFORMAT, "%s:%d: duplicate column '%s'",
                        table->name, table->rows[0].line, name);
    return DMS_OK;
}

static dms_status find_columns(layout *columns, const dms_table *table,
                               dms_error *err)
{
    const dms_label_set *set = columns->set;
    char expected[200];
    dms_status st = DMS_OK;

    if (table->count == 0) {
        list_header(expected, sizeof expected, set);
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the file is empty, expected the header %s",
                        table->name, expected);
    }
    TRY(find_column(&columns->id, table, "ID", set, err));
    for (int k = 0; k < dms_label_set_count(set); k++)
        TRY(find_column(&columns->label[k], table, dms_label_set_code(set, k),
                        set, err));
done:
    return st;
}

static dms_status parse_id(char **id, const dms_table *table, size_t row,
                           size_t column, dms_error *err)
{
    size_t len;
    const char *text = dms_cell_text(table, row, column, &len);

    if (len == 0)
        return dms_fail(err, DMS_EFORMAT, "%s:%d:%zu: the ID is empty",
                        table->name, table->rows[row].line, column + 1);
    *id = dms_strndup(text, len);
    if (!*id)
        return dms_fail_memory(err, table->name);
    dms_name_unescape(*id);
    return DMS_OK;
}

static dms_status parse_probability(double *p, const dms_table *table,
                                    size_t row, size_t column, dms_error *err)
{
    size_t len;
    const char *text = dms_cell_text(table, row, column, &len);
    const char *end;

    *p = dms_real_read(text, &end);
    if (end == text || end != text + len || !(*p >= 0 && *p <= 1))
        return dms_fail(err, DMS_EFORMAT,
                        "%s:%d:%zu: '%.40s' is not a probability, expected a "
                        "number from 0 to 1",
                        table->name, table->rows[row].line, column + 1, text);
    return DMS_OK;
}

typedef struct entry {
    const char *id;
    int line;
} entry;

static int by_id_and_line(const void *a, const void *b)
{
    const entry *x = a;
    const entry *y = b;
    int order = strcmp(x->id, y->id);

    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static dms_status refuse_doubles(const dms_prediction_rows *p,
                                 const dms_table *table, size_t column,
                                 dms_error *err)
{
    dms_status st = DMS_OK;
    entry *entries = dms_calloc(p->count, sizeof *entries);

    if (!entries)
        return dms_fail_memory(err, table->name);
    for (size_t i = 0; i < p->count; i++)
        entries[i] = (entry){p->ids[i], table->rows[i + 1].line};
    qsort(entries, p->count, sizeof *entries, by_id_and_line);
    for (size_t i = 1; i < p->count && st == DMS_OK; i++)
        if (strcmp(entries[i - 1].id, entries[i].id) == 0)
            st = dms_fail(err, DMS_EFORMAT,
                          "%s:%d:%zu: duplicate ID '%.64s', first in line %d",
                          table->name, entries[i].line, column + 1,
                          entries[i].id, entries[i - 1].line);
    dms_free(entries);
    return st;
}

static dms_status fill(dms_prediction_rows *p, const dms_table *table,
                       const dms_label_set *set, dms_error *err)
{
    dms_status st = DMS_OK;
    layout columns = {.set = set};
    size_t width = (size_t)dms_label_set_count(set);

    TRY(find_columns(&columns, table, err));
    p->name = dms_strdup(table->name);
    p->ids = dms_calloc(table->count, sizeof *p->ids);
    p->probabilities =
        dms_calloc(table->count, width * sizeof *p->probabilities);
    if (!p->name || !p->ids || !p->probabilities)
        return dms_fail_memory(err, table->name);
    for (size_t row = 1; row < table->count; row++) {
        TRY(parse_id(&p->ids[p->count], table, row, columns.id, err));
        p->count++;
        for (size_t k = 0; k < width; k++)
            TRY(parse_probability(&p->probabilities[(row - 1) * width + k],
                                  table, row, columns.label[k], err));
    }
    TRY(refuse_doubles(p, table, columns.id, err));
done:
    return st;
}

dms_status dms_prediction_rows_parse(dms_prediction_rows *out, const void *data,
                                     size_t size, const char *name,
                                     const dms_label_set *labels,
                                     dms_error *err)
{
    dms_status st = DMS_OK;
    dms_prediction_rows predictions = {0};
    dms_table *table = NULL;

    TRY(dms_table_parse(&table, data, size, DMS_TEXT_FOUND, NULL, name, err));
    TRY(fill(&predictions, table, labels, err));
    *out = predictions, predictions = (dms_prediction_rows){0};
done:
    dms_prediction_rows_release(&predictions);
    dms_table_destroy(table);
    return st;
}

dms_status dms_prediction_rows_read(dms_prediction_rows *out, const char *path,
                                    const dms_label_set *labels, dms_error *err)
{
    dms_status st = DMS_OK;
    uint8_t *data = NULL;
    size_t size = 0;

    TRY(dms_file_read(&data, &size, path, DMS_TABLE_FILE_MAX, err));
    TRY(dms_prediction_rows_parse(out, data, size, path, labels, err));
done:
    dms_free(data);
    return st;
}

void dms_prediction_rows_release(dms_prediction_rows *predictions)
{
    for (size_t i = 0; i < predictions->count; i++)
        dms_free(predictions->ids[i]);
    dms_free(predictions->ids);
    dms_free(predictions->probabilities);
    dms_free(predictions->name);
    *predictions = (dms_prediction_rows){0};
}

dms_status dms_prediction_rows_write(const char *path, const char *const *ids,
                                     const double *probabilities, size_t count,
                                     const dms_label_set *labels,
                                     dms_error *err)
{
    size_t width = (size_t)dms_label_set_count(labels);
    dms_strbuf sb;
    dms_status st;

    dms_strbuf_init(&sb);
    add_header(&sb, labels);
    dms_strbuf_puts(&sb, "\n");
    for (size_t i = 0; i < count; i++) {
        dms_csv_put_name(&sb, ids[i]);
        for (size_t k = 0; k < width; k++) {
            char text[40];

            /* the fewest digits, at least 6, that read back bit-equal */
            dms_real_format_digits(text, sizeof text,
                                   probabilities[i * width + k], 6);
            dms_strbuf_printf(&sb, ",%s", text);
        }
        dms_strbuf_puts(&sb, "\n");
    }
    st = sb.failed ? dms_fail_memory(err, path)
                   : dms_file_write(path, sb.data, sb.len, err);
    dms_strbuf_release(&sb);
    return st;
}
