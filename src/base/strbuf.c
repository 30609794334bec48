/* The growing string; base/number formats numbers, so it does not depend on
 * the locale. */
#include "base/strbuf.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"

static char empty[1] = "";

void dms_strbuf_init(dms_strbuf *sb)
{
    *sb = (dms_strbuf){.data = empty};
}

void dms_strbuf_release(dms_strbuf *sb)
{
    if (sb->capacity)
        dms_free(sb->data);
    dms_strbuf_init(sb);
}

void dms_strbuf_clear(dms_strbuf *sb)
{
    sb->len = 0;
    if (sb->capacity)
        sb->data[0] = '\0';
}

static bool reserve(dms_strbuf *sb, size_t extra)
{
    size_t capacity = sb->capacity ? sb->capacity : 64;
    char *data;

    assert(sb->capacity == 0 || sb->data[sb->len] == '\0');
    if (sb->failed)
        return false;
    if (extra < sb->capacity - sb->len && sb->capacity)
        return true;
    while (capacity - sb->len <= extra)
        capacity *= 2;
    data = dms_resize(sb->capacity ? sb->data : NULL, capacity, 1);
    if (!data) {
        sb->failed = true;
        return false;
    }
    data[sb->len] = '\0';
    sb->data = data;
    sb->capacity = capacity;
    return true;
}

void dms_strbuf_add(dms_strbuf *sb, const void *data, size_t len)
{
    if (!reserve(sb, len))
        return;
    memcpy(sb->data + sb->len, data, len);
    sb->len += len;
    sb->data[sb->len] = '\0';
}

void dms_strbuf_puts(dms_strbuf *sb, const char *text)
{
    dms_strbuf_add(sb, text, strlen(text));
}

void dms_strbuf_printf(dms_strbuf *sb, const char *format, ...)
{
    va_list args;
    size_t len;

    va_start(args, format);
    len = dms_vformat(NULL, 0, format, args);
    va_end(args);
    if (!reserve(sb, len))
        return;
    va_start(args, format);
    dms_vformat(sb->data + sb->len, len + 1, format, args);
    va_end(args);
    sb->len += len;
}

char *dms_strbuf_detach(dms_strbuf *sb)
{
    char *text = NULL;

    if (!sb->failed && (sb->capacity || reserve(sb, 0))) {
        text = sb->data;
        dms_strbuf_init(sb);
    }
    dms_strbuf_release(sb);
    return text;
}
