/* Reads and writes jansson's values. jansson's parser recurses and depends on
 * the locale, so this file checks the depth first and parses in the C locale.
 * Writing relies on base/json_write. */
#include "formats/json.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/c_locale.h"
#include "base/fail.h"
#include "base/name.h"
#include "base/number.h"

/* Text that is not JSON may get either answer; the parser refuses it anyway. */
static bool is_too_deep(const char *text, size_t len)
{
    bool quoted = false;
    int depth = 0;

    for (size_t i = 0; i < len; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '[' || text[i] == '{')) {
            if (++depth > DMS_JSON_DEPTH_MAX)
                return true;
        } else if (!quoted && (text[i] == ']' || text[i] == '}'))
            depth--;
    }
    return false;
}

/* json_error_code reads the code from this byte. */
static void set_code(json_error_t *problem, enum json_error_code code)
{
    problem->text[sizeof problem->text - 1] = (char)code;
}

/* jansson asks localeconv for the decimal point and assumes that it is one
 * byte. In the C locale jansson never needs to ask. */
json_t *dms_json_read(const char *text, size_t len, size_t flags,
                      json_error_t *problem)
{
    locale_t before;
    json_t *root;

    if (is_too_deep(text, len)) {
        if (!problem)
            return NULL;
        memset(problem, 0, sizeof *problem);
        dms_format(problem->text, sizeof problem->text,
                   "lists and objects nested deeper than %d",
                   DMS_JSON_DEPTH_MAX);
        set_code(problem, json_error_stack_overflow);
        return NULL;
    }
    before = dms_c_locale_enter();
    root = json_loadb(text, len, flags, problem);
    dms_c_locale_leave(before);
    /* jansson always describes invalid content, but not every lack of memory */
    if (!root && problem && !*problem->text)
        set_code(problem, json_error_out_of_memory);
    return root;
}

dms_status dms_json_parse(json_t **out, const char *text, const char *name,
                          dms_error *err)
{
    json_error_t problem;

    *out = dms_json_read(text, strlen(text), JSON_REJECT_DUPLICATES, &problem);
    if (*out)
        return DMS_OK;
    if (json_error_code(&problem) == json_error_out_of_memory)
        return dms_fail_memory(err, name);
    return dms_fail(err, DMS_EFORMAT, "%s: %s", name, problem.text);
}

json_t *dms_json_name(const char *text)
{
    dms_strbuf shown;
    json_t *value;

    if (!text)
        return json_null();
    dms_strbuf_init(&shown);
    dms_name_put(&shown, text);
    value = shown.failed ? NULL : json_stringn_nocheck(shown.data, shown.len);
    dms_strbuf_release(&shown);
    return value;
}

static void keep_if(json_t **to, bool done)
{
    if (done)
        return;
    json_decref(*to);
    *to = NULL;
}

void dms_json_set(json_t **to, const char *key, json_t *value)
{
    keep_if(to, json_object_set_new(*to, key, value) == 0);
}

void dms_json_append(json_t **to, json_t *value)
{
    keep_if(to, json_array_append_new(*to, value) == 0);
}

json_t *dms_json_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static void write_object(dms_json_writer *w, json_t *object)
{
    void *at = json_object_iter(object);

    dms_json_write_object(w);
    for (; at; at = json_object_iter_next(object, at)) {
        dms_json_write_key(w, json_object_iter_key(at));
        dms_json_write_value(w, json_object_iter_value(at));
    }
    dms_json_write_object_end(w);
}

void dms_json_write_value(dms_json_writer *w, json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(w, value);
        break;
    case JSON_ARRAY:
        dms_json_write_array(w);
        for (size_t i = 0; i < json_array_size(value); i++)
            dms_json_write_value(w, json_array_get(value, i));
        dms_json_write_array_end(w);
        break;
    case JSON_STRING:
        dms_json_write_bytes(w, json_string_value(value),
                             json_string_length(value));
        break;
    case JSON_INTEGER:
        dms_json_write_integer(w, json_integer_value(value));
        break;
    case JSON_REAL:
        dms_json_write_real(w, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        dms_json_write_bool(w, json_is_true(value));
        break;
    case JSON_NULL:
        dms_json_write_null(w);
        break;
    }
}

char *dms_json_dump(json_t *root, dms_json_style style)
{
    dms_json_writer writer;
    dms_strbuf out;
    char *text;

    if (!root)
        return NULL;
    dms_strbuf_init(&out);
    dms_json_write_begin(&writer, &out, style);
    dms_json_write_value(&writer, root);
    text = dms_strbuf_detach(&out);
    dms_strbuf_release(&out);
    return text;
}
