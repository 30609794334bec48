/* Relies on base/name.c, which makes any bytes valid UTF-8 without control
 * characters. */
#include "report/svg_text.h"

#include <string.h>

#include "base/name.h"

static const char *entity(const char *character)
{
    switch (*character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        break;
    }
    /* U+FFFE and U+FFFF (XML 1.0, production 2) */
    if (strcmp(character, "\xEF\xBF\xBE") == 0 ||
        strcmp(character, "\xEF\xBF\xBF") == 0)
        return "\xEF\xBF\xBD";
    return NULL;
}

void dms_svg_put_text(dms_strbuf *out, const char *text)
{
    char next[DMS_NAME_NEXT_MAX];

    while (*text) {
        const char *instead;

        text += dms_name_next(next, text, true);
        instead = entity(next);
        dms_strbuf_puts(out, instead ? instead : next);
    }
}

/* Widths of DejaVu Sans, the widest of the usual sans-serif fonts, in ems.
 * Other letters than ASCII's count as wide ones, and an escaped byte as its
 * four characters. */
static double letter_width(char c)
{
    if (strchr("ijl.,:;|'! ", c))
        return 0.34;
    if (strchr("frt()[]-/\\\"", c))
        return 0.42;
    if (strchr("mwMW@%", c))
        return 1;
    return c >= 'A' && c <= 'Z' ? 0.76 : 0.64;
}

double dms_svg_text_width(const char *text, double size)
{
    char next[DMS_NAME_NEXT_MAX];
    double width = 0;

    while (*text) {
        text += dms_name_next(next, text, true);
        if ((unsigned char)next[0] >= 0x80)
            width += 1;
        else
            for (const char *c = next; *c; c++)
                width += letter_width(*c);
    }
    return width * size;
}
