/* The orientation in an XMP packet (Adobe XMP part 2: tiff:Orientation). Found
 * as text instead of by an XML parser: the attribute or the element, never
 * another name with the same ending. */
#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"
#include "image/codec.h"

/* May a name begin behind it? */
static bool ends_before(char c)
{
    return dms_ascii_is_space(c) || c == '<' || c == '"' || c == '\'';
}

/* Past blanks. */
static const char *skip(const char *at, const char *end)
{
    while (at < end && dms_ascii_is_space(*at))
        at++;
    return at;
}

/* The value of `="6"`, `= '6'` or `>6<` at `at`: 6; 0 if there is none. */
static int value_at(const char *at, const char *end)
{
    char close;

    at = skip(at, end);
    if (at < end && *at == '=') {
        at = skip(at + 1, end);
        if (at == end || (*at != '"' && *at != '\''))
            return 0;
        close = *at++;
    } else if (at < end && *at == '>') {
        at++, close = '<';
    } else {
        return 0;
    }
    at = skip(at, end);
    if (end - at < 2 || *at < '1' || *at > '8' ||
        (skip(at + 1, end) == end || *skip(at + 1, end) != close))
        return 0;
    return *at - '0';
}

int dms_xmp_orientation(const void *data, size_t size)
{
    static const char name[] = "tiff:Orientation";
    const char *at = data, *end = at + size;

    while (at && (size_t)(end - at) >= sizeof name - 1) {
        if (memcmp(at, name, sizeof name - 1) == 0 &&
            (at == (const char *)data || ends_before(at[-1]))) {
            int value = value_at(at + sizeof name - 1, end);

            if (value > 0)
                return value;
        }
        at = memchr(at + 1, name[0], (size_t)(end - at - 1));
    }
    return DMS_ORIENTATION_ABSENT;
}
