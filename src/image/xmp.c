/* The orientation in an XMP packet (Adobe XMP part 2): the attribute or element
 * Orientation of the TIFF namespace, whatever its prefix. Relies on expat. */
#include <expat.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"
#include "image/codec.h"

enum { VALUE_MAX = 16 };

/* As expat writes it: namespace, separator, name. */
#define SEPARATOR '|'
#define WANTED    "http://ns.adobe.com/tiff/1.0/|Orientation"

typedef struct search {
    XML_Parser parser;
    int orientation;       /* found, else ABSENT */
    bool inside;           /* of the wanted element */
    char value[VALUE_MAX]; /* its text; len bytes */
    size_t len;            /* VALUE_MAX: too long */
} search;

/* 1 to 8 between blanks ends the search. */
static void consider(search *s, const char *text, size_t len)
{
    while (len > 0 && dms_ascii_is_space(*text))
        text++, len--;
    while (len > 0 && dms_ascii_is_space(text[len - 1]))
        len--;
    if (len != 1 || *text < '1' || *text > '8')
        return;
    s->orientation = *text - '0';
    XML_StopParser(s->parser, XML_FALSE);
}

/* expat may still report the end of an element after XML_StopParser, and
 * nothing else. */
static void on_start(void *user, const char *name, const char **attributes)
{
    search *s = user;

    s->inside = strcmp(name, WANTED) == 0;
    s->len = 0;
    for (; attributes[0] && s->orientation == DMS_ORIENTATION_ABSENT;
         attributes += 2)
        if (strcmp(attributes[0], WANTED) == 0)
            consider(s, attributes[1], strlen(attributes[1]));
}

static void on_text(void *user, const char *text, int len)
{
    search *s = user;
    size_t size = (size_t)len;

    if (!s->inside)
        return;
    if (size > VALUE_MAX - s->len)
        size = VALUE_MAX - s->len;
    memcpy(s->value + s->len, text, size);
    s->len += size;
}

static void on_end(void *user, const char *name)
{
    search *s = user;

    (void)name;
    if (s->inside && s->len < VALUE_MAX &&
        s->orientation == DMS_ORIENTATION_ABSENT)
        consider(s, s->value, s->len);
    s->inside = false;
}

/* A packet has no document type; one could declare entities. */
static void on_doctype(void *user, const char *doctype, const char *system,
                       const char *public, int internal)
{
    const search *s = user;

    (void)doctype, (void)system, (void)public, (void)internal;
    XML_StopParser(s->parser, XML_FALSE);
}

/* encoding: NULL for that of the packet. Sets *invalid if there is a character
 * that is not in it. */
static int parse(bool *invalid, const char *encoding, const void *data,
                 size_t size)
{
    search s = {.orientation = DMS_ORIENTATION_ABSENT};
    enum XML_Error fault;

    s.parser = XML_ParserCreateNS(encoding, SEPARATOR);
    if (!s.parser)
        return 0;
    XML_SetUserData(s.parser, &s);
    XML_SetElementHandler(s.parser, on_start, on_end);
    XML_SetCharacterDataHandler(s.parser, on_text);
    XML_SetStartDoctypeDeclHandler(s.parser, on_doctype);
    XML_Parse(s.parser, data, (int)size, true);
    fault = XML_GetErrorCode(s.parser);
    XML_ParserFree(s.parser);
    *invalid = fault == XML_ERROR_INVALID_TOKEN;
    return fault == XML_ERROR_NO_MEMORY ? 0 : s.orientation;
}

int dms_xmp_orientation(const void *data, size_t size)
{
    bool invalid = false;
    int orientation;

    if (!data || size == 0 || size > INT_MAX)
        return DMS_ORIENTATION_ABSENT;
    orientation = parse(&invalid, NULL, data, size);
    /* Some programs write a description in Latin-1 into the packet. */
    if (orientation == DMS_ORIENTATION_ABSENT && invalid)
        orientation = parse(&invalid, "ISO-8859-1", data, size);
    return orientation;
}
