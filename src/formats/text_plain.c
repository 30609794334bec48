/* UTF-8 by its bytes (RFC 3629); asks no locale. */
#include "formats/text_plain.h"

#include <stdint.h>
#include <string.h>

/* The bounds of the second byte shut out overlong forms, surrogates and
 * > U+10FFFF. */
size_t dms_text_character(const void *data, size_t left)
{
    const uint8_t *p = data;
    uint8_t low = 0x80, high = 0xbf;
    size_t len;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        len = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        len = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        len = 4;
    else
        return 0;
    low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : low;
    high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : high;
    if (len > left || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

size_t dms_text_valid(const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t at = 0, step;

    while (at < len && (step = dms_text_character(p + at, len - at)) > 0)
        at += step;
    return at;
}

/* C0, DEL, and C1 (U+0080 to U+009F). */
static bool is_control(const uint8_t *p)
{
    return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
}

bool dms_text_is_plain(const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0, step; i < len; i += step) {
        step = dms_text_character(p + i, len - i);
        if (step == 0 || is_control(p + i))
            return false;
    }
    return true;
}

const char *dms_text_show(char text[DMS_TEXT_SHOWN + 4], const void *data,
                          size_t len)
{
    const uint8_t *p = data;
    size_t shown = len < DMS_TEXT_SHOWN ? len : DMS_TEXT_SHOWN;

    for (size_t i = 0; i < shown; i++)
        text[i] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
    strcpy(text + shown, len > shown ? "..." : "");
    return text;
}
