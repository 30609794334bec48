/* Reads CSV byte by byte into a table. Relies on base/bytes for bounds and on
 * text_encoding.h for UTF-8, with or without a byte order mark. */
#include "formats/csv.h"

#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/name.h"
#include "base/strbuf.h"
#include "formats/text_plain.h"

enum { END = -1 };

typedef struct reader {
    dms_bytes bytes;
    int line;        /* of the next byte; from 1 */
    char separator;  /* one of , ; tab | : */
    dms_strbuf cell; /* owned; text of the current cell */
    dms_table *table;
    dms_error *err;
} reader;

static int peek(const reader *r)
{
    return dms_bytes_left(&r->bytes) > 0 ? r->bytes.data[r->bytes.at] : END;
}

static bool is_line_end(int c)
{
    return c == '\r' || c == '\n';
}

/* Take the next byte; CRLF and a lone CR both give one '\n'. */
static int next(reader *r)
{
    int c = peek(r);

    if (c == END)
        return END;
    r->bytes.at++;
    if (!is_line_end(c))
        return c;
    if (c == '\r' && peek(r) == '\n')
        r->bytes.at++;
    r->line++;
    return '\n';
}

static void add(reader *r, int c)
{
    char byte = (char)c;

    dms_strbuf_add(&r->cell, &byte, 1);
}

static dms_status read_quoted(reader *r)
{
    int opened = r->line;
    int c;

    next(r);
    while ((c = next(r)) != END) {
        if (c != '"')
            add(r, c);
        else if (peek(r) == '"')
            add(r, next(r));
        else
            break;
    }
    if (c == END)
        return dms_fail(r->err, DMS_EFORMAT,
                        "%s:%d: a quote is opened here and never closed",
                        r->table->name, opened);
    c = peek(r);
    if (c != END && c != r->separator && !is_line_end(c))
        return dms_fail(r->err, DMS_EFORMAT,
                        "%s:%d: text follows a closing quote; a quote within "
                        "a quoted cell is written twice",
                        r->table->name, r->line);
    return DMS_OK;
}

static dms_status read_cell(reader *r)
{
    dms_status st = DMS_OK;
    int c;

    dms_strbuf_clear(&r->cell);
    if (peek(r) == '"')
        st = read_quoted(r);
    else
        while ((c = peek(r)) != END && c != r->separator && !is_line_end(c))
            add(r, next(r));
    if (st != DMS_OK)
        return st;
    if (r->cell.failed)
        return dms_fail_memory(r->err, r->table->name);
    return dms_table_add_cell(r->table, r->cell.data, r->cell.len, r->err);
}

static dms_status read_row(reader *r)
{
    dms_status st = DMS_OK;

    TRY(dms_table_begin_row(r->table, r->line, r->err));
    TRY(read_cell(r));
    while (peek(r) == r->separator) {
        next(r);
        TRY(read_cell(r));
    }
    next(r);
done:
    return st;
}

static const char candidates[] = ",;\t|";

enum { CANDIDATES = sizeof candidates - 1, LINES_MAX = 10 };

/* Count the candidates in the line at `at`, outside quotes; move `at` to the
 * next line that is not empty. */
static void count_separators(size_t counts[CANDIDATES], const dms_bytes *bytes,
                             size_t *at)
{
    bool quoted = false;

    memset(counts, 0, CANDIDATES * sizeof *counts);
    for (; *at < bytes->size && (quoted || !is_line_end(bytes->data[*at]));
         ++*at) {
        int c = bytes->data[*at];
        const char *found = memchr(candidates, c, CANDIDATES);

        if (c == '"')
            quoted = !quoted;
        else if (found && !quoted)
            counts[found - candidates]++;
    }
    while (*at < bytes->size && is_line_end(bytes->data[*at]))
        ++*at;
}

static size_t most_of(const size_t counts[CANDIDATES])
{
    size_t best = 0;

    for (size_t i = 1; i < CANDIDATES; i++)
        if (counts[i] > counts[best])
            best = i;
    return best;
}

/* The candidate that occurs most often in the first line which has as many of
 * it as the line after it: a title above the header has others, or none. If
 * there is no such line, the one that occurs most often in the first line. */
static char find_separator(const dms_bytes *bytes)
{
    size_t at = bytes->at;
    size_t counts[CANDIDATES], next[CANDIDATES];
    size_t first, best;

    count_separators(counts, bytes, &at);
    first = best = most_of(counts);
    for (int i = 0; i < LINES_MAX && at < bytes->size; i++) {
        count_separators(next, bytes, &at);
        if (counts[best] > 0 && counts[best] == next[best])
            return candidates[best];
        memcpy(counts, next, sizeof counts);
        best = most_of(counts);
    }
    return candidates[first];
}

/* Take Excel's first line "sep=;", which names the separator and is not a row.
 * If the line is missing, take nothing and return false. */
static bool take_separator_line(reader *r)
{
    bool quoted = peek(r) == '"';
    size_t len = quoted ? 7 : 5; /* "sep=;" with or without quotes */
    size_t left = dms_bytes_left(&r->bytes);
    const char *at = left ? (const char *)r->bytes.data + r->bytes.at : "";

    if (left < len || !dms_ascii_same_start(at + quoted, "sep=", 4) ||
        (quoted && at[6] != '"') || !strchr(",;\t|:", at[4 + quoted]))
        return false;
    if (left > len && !is_line_end(at[len]))
        return false;
    r->separator = at[4 + quoted];
    r->bytes.at += len;
    return true;
}

static dms_status check_text(const void *data, size_t size, const char *name,
                             dms_error *err)
{
    if (size > DMS_TABLE_FILE_MAX)
        return dms_fail(err, DMS_ELIMIT, "%s: %zu bytes, at most %d are read",
                        name, size, DMS_TABLE_FILE_MAX);
    if (size > 0 && memchr(data, '\0', size))
        return dms_fail(err, DMS_EFORMAT,
                        "%s: is not UTF-8 text (it holds NUL bytes)", name);
    if (dms_text_valid(data, size) < size)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: is not UTF-8 text (byte %zu is invalid)", name,
                        dms_text_valid(data, size) + 1);
    return DMS_OK;
}

dms_status dms_csv_parse(dms_table **out, const void *data, size_t size,
                         const char *name, dms_error *err)
{
    dms_status st = DMS_OK;
    reader r = {.bytes = dms_bytes_over(data, size), .line = 1, .err = err};

    dms_strbuf_init(&r.cell);
    TRY(check_text(data, size, name, err));
    TRY(dms_table_create(&r.table, name, err));
    if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
        dms_bytes_seek(&r.bytes, 3);
    while (is_line_end(peek(&r)))
        next(&r);
    if (!take_separator_line(&r))
        r.separator = find_separator(&r.bytes);
    while (is_line_end(peek(&r)))
        next(&r);
    while (peek(&r) != END)
        TRY(read_row(&r));
    dms_table_end(r.table);
    *out = r.table, r.table = NULL;
done:
    dms_table_destroy(r.table);
    dms_strbuf_release(&r.cell);
    return st;
}

void dms_csv_put_name(dms_strbuf *out, const char *name)
{
    char text[DMS_NAME_NEXT_MAX];
    const char *quote = strpbrk(name, ",;\"") ? "\"" : "";

    dms_strbuf_puts(out, quote);
    while (*name) {
        name += dms_name_next(text, name, true);
        dms_strbuf_puts(out, strcmp(text, "\"") == 0 ? "\"\"" : text);
    }
    dms_strbuf_puts(out, quote);
}
