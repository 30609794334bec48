/* Reading and writing option tables as YAML mappings. Relies on libyaml's
 * events to read; texts are written as double-quoted YAML 1.1 scalars. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/name.h"
#include "base/number.h"
#include "base/utf8.h"
#include "dms/option.h"

enum { YAML_SIZE_MAX = 1 << 20, OPTIONS_MAX = 256 };

/* Invariant: `event` is the current event and always initialised. */
typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event;
    const char *file;
    const char *section; /* NULL: options are at the top level only */
    const dms_option_table *table;
    void *values;
    bool seen[OPTIONS_MAX]; /* by index in the table */
} reader;

static size_t line_of(const reader *r)
{
    return r->event.start_mark.line + 1;
}

static dms_status refuse(const reader *r, const char *why, dms_error *err)
{
    return dms_fail(err, DMS_EINVAL, "%s:%zu: %s", r->file, line_of(r), why);
}

static dms_status next_event(reader *r, dms_error *err)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event) != 0)
        return DMS_OK;
    memset(&r->event, 0, sizeof(r->event));
    if (r->parser.error == YAML_MEMORY_ERROR)
        return dms_fail_memory(err, "YAML");
    return dms_fail(err, DMS_EFORMAT, "%s:%zu: not YAML: %s", r->file,
                    r->parser.error == YAML_READER_ERROR
                        ? (size_t)1
                        : r->parser.problem_mark.line + 1,
                    r->parser.problem ? r->parser.problem : "unreadable");
}

/* The text of a scalar event; an error for any other event, and for NUL bytes.
 */
static dms_status scalar_of(const char **text, const reader *r,
                            const char *what, dms_error *err)
{
    char why[160];

    *text = (const char *)r->event.data.scalar.value;
    if (r->event.type == YAML_SCALAR_EVENT &&
        strlen(*text) == r->event.data.scalar.length)
        return DMS_OK;
    dms_format(why, sizeof(why),
               "%.80s: expected one word, number or text here", what);
    return refuse(r, why, err);
}

/* The current event is the value of option. */
static dms_status read_value(reader *r, const dms_option *option,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    dms_error cause = {0};
    const char *text;
    size_t place = (size_t)(option - r->table->options);

    TRY(scalar_of(&text, r, option->name, err));
    if (option->type == DMS_OPTION_TEXT)
        dms_name_unescape((char *)r->event.data.scalar.value);
    if (*text == '\0' && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        st = dms_fail(&cause, DMS_EINVAL, "%s: the value is missing",
                      option->name);
    else if (r->seen[place])
        st = dms_fail(&cause, DMS_EINVAL, "%s: the option is given twice",
                      option->name);
    else
        st = dms_option_set(r->values, option, text, &cause);
    r->seen[place] = true;
    if (st != DMS_OK)
        refuse(r, cause.message, err);
done:
    return st;
}

/* Skip a section that is not ours, from its start to its end. */
static dms_status skip_mapping(reader *r, dms_error *err)
{
    dms_status st = DMS_OK;
    size_t depth = 1;

    while (depth > 0) {
        TRY(next_event(r, err));
        if (r->event.type == YAML_MAPPING_START_EVENT ||
            r->event.type == YAML_SEQUENCE_START_EVENT)
            depth++;
        if (r->event.type == YAML_MAPPING_END_EVENT ||
            r->event.type == YAML_SEQUENCE_END_EVENT)
            depth--;
    }
done:
    return st;
}

/* Read a mapping after its start event up to its end; `open`: it is the top
 * level, which may contain sections. */
static dms_status read_mapping(reader *r, bool open, dms_error *err)
{
    dms_status st = DMS_OK;
    const dms_option *option;
    const char *key;
    char name[128];
    size_t line;

    for (;;) {
        TRY(next_event(r, err));
        if (r->event.type == YAML_MAPPING_END_EVENT)
            break;
        TRY(scalar_of(&key, r, "option", err));
        dms_format(name, sizeof(name), "%s", key);
        line = line_of(r);
        option = dms_option_find(r->table, name);
        TRY(next_event(r, err));
        if (option != NULL)
            TRY(read_value(r, option, err));
        else if (!open || r->event.type != YAML_MAPPING_START_EVENT) {
            dms_error cause = {0};

            dms_options_set(r->values, r->table, name, "", &cause);
            st = dms_fail(err, DMS_EINVAL, "%s:%zu: %s", r->file, line,
                          cause.message);
            goto done;
        } else if (strcmp(name, r->section) == 0)
            TRY(read_mapping(r, false, err));
        else
            TRY(skip_mapping(r, err));
    }
done:
    return st;
}

/* The stream may have no document, an empty one, or one mapping. */
static dms_status read_stream(reader *r, dms_error *err)
{
    dms_status st = DMS_OK;
    bool met = false;

    do {
        TRY(next_event(r, err));
        if (r->event.type == YAML_DOCUMENT_START_EVENT && met) {
            TRY(refuse(r, "expected one YAML document, found another", err));
        } else if (r->event.type == YAML_MAPPING_START_EVENT) {
            met = true;
            TRY(read_mapping(r, r->section != NULL, err));
        } else if (r->event.type == YAML_SEQUENCE_START_EVENT ||
                   (r->event.type == YAML_SCALAR_EVENT &&
                    r->event.data.scalar.length > 0)) {
            TRY(refuse(r, "expected 'option: value' lines", err));
        }
    } while (r->event.type != YAML_STREAM_END_EVENT);
done:
    return st;
}

dms_status dms_options_parse_yaml(void *values, const dms_option_table *table,
                                  const char *text, size_t size,
                                  const char *file, const char *section,
                                  dms_error *err)
{
    dms_status st;
    reader r = {
        .file = file, .section = section, .table = table, .values = values};

    assert(table->count <= OPTIONS_MAX);
    if (yaml_parser_initialize(&r.parser) == 0)
        return dms_fail_memory(err, "YAML");
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
    st = read_stream(&r, err);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return st;
}

dms_status dms_options_read_yaml(void *values, const dms_option_table *table,
                                 const char *path, const char *section,
                                 dms_error *err)
{
    dms_status st = DMS_OK;
    uint8_t *data = NULL;
    size_t size;

    TRY(dms_file_read(&data, &size, path, YAML_SIZE_MAX, err));
    TRY(dms_options_parse_yaml(values, table, (const char *)data, size, path,
                               section, err));
done:
    dms_free(data);
    return st;
}

/* A text of limited capacity; len counts all bytes, also those that do not fit.
 */
typedef struct writer {
    char *text;
    size_t capacity;
    size_t len;
} writer;

static void put_text(writer *w, const char *text)
{
    for (; *text != '\0'; text++, w->len++)
        if (w->len + 1 < w->capacity)
            w->text[w->len] = *text;
}

/* Must the character be escaped between double quotes? YAML 1.1 does not allow
 * it there, folds it as a line break (U+0085, U+2028, U+2029) or takes it for a
 * byte order mark. */
static bool is_escaped(uint32_t code)
{
    return dms_utf8_is_control(code) || code == 0x2028 || code == 0x2029 ||
           code == 0xfeff || code == 0xfffe || code == 0xffff;
}

/* Characters of valid UTF-8 between double quotes. */
static void put_characters(writer *w, const char *text)
{
    char shown[8];

    while (*text) {
        uint32_t code = 0;
        size_t size = dms_utf8_decode(&code, text, strlen(text));

        assert(size > 0);
        if (code == '"' || code == '\\')
            dms_format(shown, sizeof shown, "\\%c", *text);
        else if (is_escaped(code))
            dms_format(shown, sizeof shown,
                       code < 0x100 ? "\\x%02X" : "\\u%04X", code);
        else
            dms_format(shown, sizeof shown, "%.*s", (int)size, text);
        put_text(w, shown);
        text += size;
    }
}

/* A double-quoted YAML scalar of a name's text (base/name.h). */
static void put_quoted(writer *w, const char *name)
{
    char text[DMS_NAME_NEXT_MAX];

    put_text(w, "\"");
    while (*name) {
        name += dms_name_next(text, name, false);
        put_characters(w, text);
    }
    put_text(w, "\"");
}

size_t dms_options_format_yaml(char *text, size_t capacity, const void *values,
                               const dms_option_table *table,
                               const char *section)
{
    writer w = {text, capacity, 0};
    char value[DMS_OPTION_TEXT_MAX];

    if (section != NULL) {
        put_text(&w, section);
        put_text(&w, ":\n");
    }
    for (size_t i = 0; i < table->count; i++) {
        const dms_option *option = &table->options[i];

        dms_option_get(value, sizeof(value), values, option);
        put_text(&w, section != NULL ? "  " : "");
        put_text(&w, option->name);
        put_text(&w, ": ");
        if (option->type == DMS_OPTION_TEXT)
            put_quoted(&w, value);
        else
            put_text(&w, value);
        put_text(&w, "\n");
    }
    if (capacity > 0)
        text[w.len < capacity ? w.len : capacity - 1] = '\0';
    return w.len;
}
