#include "base/utf8.h"

#include <string.h>

size_t dms_utf8_decode(uint32_t *code, const void *text, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *p = text;
    size_t count;
    uint32_t value;

    if (len == 0)
        return 0;
    count = p[0] < 0x80   ? 1
            : p[0] < 0xc0 ? 0
            : p[0] < 0xe0 ? 2
            : p[0] < 0xf0 ? 3
            : p[0] < 0xf8 ? 4
                          : 0;
    if (count == 0 || count > len)
        return 0;
    value = count > 1 ? p[0] & (0x7fu >> count) : p[0];
    for (size_t i = 1; i < count; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (p[i] & 0x3fu);
    }
    if (value < least[count] || value > 0x10ffff ||
        (value >= 0xd800 && value <= 0xdfff))
        return 0;
    if (code)
        *code = value;
    return count;
}

bool dms_utf8_is_valid(const char *text)
{
    size_t left = strlen(text), len;

    for (; left > 0; text += len, left -= len)
        if ((len = dms_utf8_decode(NULL, text, left)) == 0)
            return false;
    return true;
}

bool dms_utf8_is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}
