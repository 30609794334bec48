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

size_t dms_utf8_decode_last(uint32_t *code, const void *text, size_t len)
{
    const uint8_t *p = text;
    size_t back = 1;
    uint32_t value;

    while (back < len && back < 4 && (p[len - back] & 0xc0) == 0x80)
        back++;
    if (len == 0 || dms_utf8_decode(&value, p + len - back, back) != back)
        return 0;
    if (code)
        *code = value;
    return back;
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

bool dms_utf8_is_blank(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } blanks[] = {
        {'\t', '\r'},     {' ', ' '},       {0x85, 0x85},     {0xa0, 0xa0},
        {0x1680, 0x1680}, {0x180e, 0x180e}, {0x2000, 0x200b}, {0x200e, 0x200f},
        {0x2028, 0x202f}, {0x205f, 0x2060}, {0x2066, 0x2069}, {0x3000, 0x3000},
        {0xfeff, 0xfeff},
    };

    for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++)
        if (code >= blanks[i].first && code <= blanks[i].last)
            return true;
    return false;
}

bool dms_utf8_is_separator(uint32_t code)
{
    enum {
        HYPHEN = 0x2010,
        HORIZONTAL_BAR = 0x2015, /* the last of the dashes */
        MINUS = 0x2212,
        FULLWIDTH_HYPHEN_MINUS = 0xff0d,
        FULLWIDTH_LOW_LINE = 0xff3f
    };

    return code == '_' || code == '-' ||
           (code >= HYPHEN && code <= HORIZONTAL_BAR) || code == MINUS ||
           code == FULLWIDTH_HYPHEN_MINUS || code == FULLWIDTH_LOW_LINE ||
           dms_utf8_is_blank(code);
}

void dms_utf8_trim(const char **text, size_t *len)
{
    uint32_t code;
    size_t step;

    while ((step = dms_utf8_decode(&code, *text, *len)) > 0 &&
           dms_utf8_is_blank(code))
        *text += step, *len -= step;
    while ((step = dms_utf8_decode_last(&code, *text, *len)) > 0 &&
           dms_utf8_is_blank(code))
        *len -= step;
}
