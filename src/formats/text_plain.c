/* Checks and cleans texts from outside for names and messages. Relies on
 * base/utf8 for the rules of UTF-8. */
#include "formats/text_plain.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

size_t dms_text_valid(const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t at = 0, step;

    while (at < len && (step = dms_utf8_decode(NULL, p + at, len - at)) > 0)
        at += step;
    return at;
}

bool dms_text_is_plain(const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0, step; i < len; i += step) {
        uint32_t code;

        step = dms_utf8_decode(&code, p + i, len - i);
        if (step == 0 || dms_utf8_is_control(code))
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
