#include "base/name.h"

#include <stdint.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"

/* 0 to 15, or -1: no hex digit. */
static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) % 16 : -1;
}

/* The value of the \xHH that text begins with, or -1. */
static int escaped_byte(const char *text)
{
    int high, low;

    if (text[0] != '\\' || text[1] != 'x')
        return -1;
    high = hex_value(text[2]);
    low = high < 0 ? -1 : hex_value(text[3]);
    return low < 0 ? -1 : high << 4 | low;
}

size_t dms_name_next(char text[DMS_NAME_NEXT_MAX], const char *name,
                     bool controls)
{
    uint32_t code = 0;
    size_t len = dms_utf8_decode(&code, name, strnlen(name, 4));
    size_t size = len ? len : 1;

    if (len && !(controls && dms_utf8_is_control(code)) &&
        escaped_byte(name) < 0) {
        memcpy(text, name, size);
        text[size] = '\0';
        return size;
    }
    for (size_t i = 0; i < size; i++)
        dms_format(text + 4 * i, 5, "\\x%02X", (unsigned char)name[i]);
    return size;
}

static void put(dms_strbuf *out, const char *name, bool controls)
{
    char text[DMS_NAME_NEXT_MAX];

    while (*name) {
        name += dms_name_next(text, name, controls);
        dms_strbuf_puts(out, text);
    }
}

void dms_name_put(dms_strbuf *out, const char *name)
{
    put(out, name, false);
}

void dms_name_put_line(dms_strbuf *out, const char *name)
{
    put(out, name, true);
}

void dms_name_unescape(char *text)
{
    char *to = text;

    while (*text) {
        int byte = escaped_byte(text);

        *to++ = byte > 0 ? (char)byte : *text;
        text += byte > 0 ? 4 : 1;
    }
    *to = '\0';
}
