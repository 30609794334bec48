/* JSON as text. What is written here reads back through jansson to the same
 * values: reals have 17 digits unless the style asks for fewer. */
#include "base/json_write.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/name.h"
#include "base/number.h"
#include "base/utf8.h"

enum { DIGITS_EXACT = 17 };

void dms_json_write_begin(dms_json_writer *w, dms_strbuf *out,
                          dms_json_style style)
{
    *w = (dms_json_writer){.out = out, .style = style, .line = -1};
}

void dms_json_write_line(dms_json_writer *w, int blanks)
{
    w->line = blanks;
}

static void break_line(dms_json_writer *w, int blanks)
{
    dms_strbuf_printf(w->out, "\n%*s", blanks, "");
    w->line = -1;
}

/* What stands between the value before and the key or value that follows. */
static void separate(dms_json_writer *w)
{
    if (w->filled)
        dms_strbuf_puts(w->out, ",");
    if (w->line >= 0)
        break_line(w, w->line);
    else if (w->style.indent > 0 && w->depth > 0)
        break_line(w, w->depth * w->style.indent);
    else if (w->filled && !w->style.compact)
        dms_strbuf_puts(w->out, " ");
}

static void begin_value(dms_json_writer *w)
{
    if (!w->keyed)
        separate(w);
    w->keyed = false;
    w->filled = true;
}

static void put_literal(dms_json_writer *w, const char *text)
{
    begin_value(w);
    dms_strbuf_puts(w->out, text);
}

static void open_container(dms_json_writer *w, const char *bracket)
{
    put_literal(w, bracket);
    w->depth++;
    w->filled = false;
}

static void close_container(dms_json_writer *w, const char *bracket)
{
    assert(w->depth > 0 && !w->keyed);
    w->depth--;
    if (w->line >= 0)
        break_line(w, w->line);
    else if (w->filled && w->style.indent > 0)
        break_line(w, w->depth * w->style.indent);
    dms_strbuf_puts(w->out, bracket);
    w->filled = true;
}

void dms_json_write_object(dms_json_writer *w)
{
    open_container(w, "{");
}

void dms_json_write_object_end(dms_json_writer *w)
{
    close_container(w, "}");
}

void dms_json_write_array(dms_json_writer *w)
{
    open_container(w, "[");
}

void dms_json_write_array_end(dms_json_writer *w)
{
    close_container(w, "]");
}

static void put_escape(dms_strbuf *out, uint32_t code)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = code < 0x80 ? memchr(plain, (int)code, 7) : NULL;

    if (at)
        dms_strbuf_printf(out, "\\%c", letters[at - plain]);
    else if (code < 0x10000)
        dms_strbuf_printf(out, "\\u%04X", code);
    else
        dms_strbuf_printf(out, "\\u%04X\\u%04X",
                          0xd800 | (code - 0x10000) >> 10,
                          0xdc00 | ((code - 0x10000) & 0x3ff));
}

/* What JSON cannot hold, and DEL and C1, which steer terminals. */
static bool is_escaped(const dms_json_writer *w, const unsigned char *text,
                       size_t left)
{
    unsigned char c = text[0];

    return c < ' ' || c == '"' || c == '\\' || c == 0x7f ||
           (c == 0xc2 && left > 1 && text[1] < 0xa0) ||
           (w->style.ascii && c >= 0x80);
}

/* Runs that need no escape are copied whole. */
static void put_quoted(dms_json_writer *w, const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;

    dms_strbuf_puts(w->out, "\"");
    for (size_t i = 0; i < len;) {
        size_t run = i;

        while (run < len && !is_escaped(w, bytes + run, len - run))
            run++;
        dms_strbuf_add(w->out, text + i, run - i);
        i = run;
        if (i < len) {
            uint32_t code = 0xfffd; /* stands for a byte that is no UTF-8 */
            size_t size = dms_utf8_decode(&code, bytes + i, len - i);

            put_escape(w->out, code);
            i += size ? size : 1;
        }
    }
    dms_strbuf_puts(w->out, "\"");
}

void dms_json_write_key(dms_json_writer *w, const char *name)
{
    assert(w->depth > 0 && !w->keyed);
    separate(w);
    put_quoted(w, name, strlen(name));
    dms_strbuf_puts(w->out, w->style.compact ? ":" : ": ");
    w->keyed = true;
}

void dms_json_write_bytes(dms_json_writer *w, const char *text, size_t len)
{
    begin_value(w);
    put_quoted(w, text, len);
}

void dms_json_write_text(dms_json_writer *w, const char *text)
{
    dms_json_write_bytes(w, text, strlen(text));
}

/* 1 becomes 1.0, so that it reads back as a real; 1e+20 and 1e-05 lose what
 * the exponent does not need. */
static void mark_real(char *text)
{
    char *exponent = strchr(text, 'e'), *digits;

    if (!exponent) {
        if (!strchr(text, '.'))
            strcat(text, ".0");
        return;
    }
    exponent += exponent[1] == '-' ? 2 : 1;
    digits = exponent + strspn(exponent, "+0");
    memmove(exponent, digits, strlen(digits) + 1);
}

void dms_json_write_real(dms_json_writer *w, double value)
{
    char text[48];
    int digits = w->style.digits > 0 ? w->style.digits : DIGITS_EXACT;

    assert(digits <= DIGITS_EXACT);
    if (!isfinite(value)) {
        put_literal(w, "null");
        return;
    }
    dms_format(text, sizeof text, "%.*g", digits, value);
    if (!w->style.plain)
        mark_real(text);
    put_literal(w, text);
}

void dms_json_write_integer(dms_json_writer *w, int64_t value)
{
    begin_value(w);
    dms_strbuf_printf(w->out, "%lld", (long long)value);
}

void dms_json_write_count(dms_json_writer *w, uint64_t value)
{
    begin_value(w);
    dms_strbuf_printf(w->out, "%llu", (unsigned long long)value);
}

void dms_json_write_bool(dms_json_writer *w, bool value)
{
    put_literal(w, value ? "true" : "false");
}

void dms_json_write_null(dms_json_writer *w)
{
    put_literal(w, "null");
}

void dms_json_write_name(dms_json_writer *w, const char *name)
{
    dms_strbuf text;

    dms_strbuf_init(&text);
    dms_name_put(&text, name);
    dms_json_write_text(w, text.data);
    w->out->failed = w->out->failed || text.failed;
    dms_strbuf_release(&text);
}

void dms_json_write_key_real(dms_json_writer *w, const char *key, double value)
{
    dms_json_write_key(w, key);
    dms_json_write_real(w, value);
}

void dms_json_write_key_count(dms_json_writer *w, const char *key,
                              uint64_t value)
{
    dms_json_write_key(w, key);
    dms_json_write_count(w, value);
}
