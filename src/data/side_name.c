/* Finding an eye's side in a name: as its first or last word, separated from
 * the id. Chinese words need no separator. Relies on names in UTF-8. */
#include "data/side_name.h"

#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"
#include "data/picture_name.h"
#include "dms/data.h"

#define CJK_LEFT  "\xe5\xb7\xa6"
#define CJK_RIGHT "\xe5\x8f\xb3"
#define CJK_EYE   "\xe7\x9c\xbc"

enum { CJK_BYTES = 3 };

/* All words; docs/data-format.md has the same list. */
static const struct {
    const char *word;
    int side;
} words[] = {
    {"left", DMS_LEFT},
    {"right", DMS_RIGHT},
    {"l", DMS_LEFT},
    {"r", DMS_RIGHT},
    {"os", DMS_LEFT},
    {"od", DMS_RIGHT},
    {"oi", DMS_LEFT},
    {"links", DMS_LEFT},
    {"rechts", DMS_RIGHT},
    {"gauche", DMS_LEFT},
    {"droit", DMS_RIGHT},
    {"izquierdo", DMS_LEFT},
    {"derecho", DMS_RIGHT},
    {CJK_LEFT, DMS_LEFT},
    {CJK_RIGHT, DMS_RIGHT},
    {CJK_LEFT CJK_EYE, DMS_LEFT},
    {CJK_RIGHT CJK_EYE, DMS_RIGHT},
};

typedef struct span {
    const char *text;
    size_t len;
} span;

/* A side found at one end of a name. */
typedef struct side_end {
    int side;
    size_t len; /* of its word in bytes; 0: there is none */
} side_end;

static bool is_separator(char c)
{
    return c == '_' || c == '-' || c == '.' || c == ' ';
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

int dms_side_word(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].word) == len &&
            dms_ascii_same_start(text, words[i].word, len))
            return words[i].side;
    return DMS_SIDE_NONE;
}

static span trim(span s)
{
    while (s.len > 0 && is_separator(*s.text))
        s.text++, s.len--;
    while (s.len > 0 && is_separator(s.text[s.len - 1]))
        s.len--;
    return s;
}

static bool starts(span s, const char *with)
{
    return s.len >= CJK_BYTES && memcmp(s.text, with, CJK_BYTES) == 0;
}

static int cjk_side(span s)
{
    return starts(s, CJK_LEFT)    ? DMS_LEFT
           : starts(s, CJK_RIGHT) ? DMS_RIGHT
                                  : DMS_SIDE_NONE;
}

/* At the start of a name the character must be followed by a digit, the
 * character for eye, or nothing, as it is also a family name. */
static side_end cjk_head(span s)
{
    side_end found = {cjk_side(s), CJK_BYTES};
    span rest;

    if (found.side == DMS_SIDE_NONE)
        return (side_end){DMS_SIDE_NONE, 0};
    rest = (span){s.text + CJK_BYTES, s.len - CJK_BYTES};
    if (starts(rest, CJK_EYE))
        found.len += CJK_BYTES;
    else if (rest.len > 0 && !(*rest.text >= '0' && *rest.text <= '9'))
        return (side_end){DMS_SIDE_NONE, 0};
    return found;
}

static side_end cjk_tail(span s)
{
    side_end found = {DMS_SIDE_NONE, 0};

    if (s.len > CJK_BYTES &&
        starts((span){s.text + s.len - CJK_BYTES, CJK_BYTES}, CJK_EYE))
        found.len = CJK_BYTES;
    if (s.len < found.len + CJK_BYTES)
        return (side_end){DMS_SIDE_NONE, 0};
    found.len += CJK_BYTES;
    found.side = cjk_side((span){s.text + s.len - found.len, CJK_BYTES});
    return found.side == DMS_SIDE_NONE ? (side_end){DMS_SIDE_NONE, 0} : found;
}

static side_end read_head(span s)
{
    size_t len = 0;
    int side;

    while (len < s.len && !is_separator(s.text[len]))
        len++;
    side = dms_side_word(s.text, len);
    return side != DMS_SIDE_NONE ? (side_end){side, len} : cjk_head(s);
}

static side_end read_tail(span s)
{
    size_t len = 0;
    int side;

    while (len < s.len && !is_separator(s.text[s.len - len - 1]))
        len++;
    side = dms_side_word(s.text + s.len - len, len);
    return side != DMS_SIDE_NONE ? (side_end){side, len} : cjk_tail(s);
}

/* Kind, side and id of a name without folders. */
static dms_side_name read_last(span s)
{
    span name = trim(s);
    side_end head = read_head(name);
    side_end tail = read_tail(name);
    dms_side_name found = {
        .side = DMS_SIDE_NONE, .id = s.text, .id_len = s.len};
    span rest;

    if (head.len == 0 && tail.len == 0)
        return found;
    if (head.len == name.len || tail.len == name.len) {
        found.kind = DMS_NAME_BARE;
        return found;
    }
    rest = trim((span){name.text + head.len, name.len - head.len - tail.len});
    found.kind = DMS_NAME_TWO_SIDES;
    if (rest.len == 0 || (head.len > 0 && tail.len > 0) ||
        read_head(rest).len > 0 || read_tail(rest).len > 0)
        return found;
    found.kind = DMS_NAME_ONE_SIDE;
    found.side = head.len > 0 ? head.side : tail.side;
    found.id = rest.text;
    found.id_len = rest.len;
    return found;
}

/* The number of bytes up to the last slash, which is included. */
static size_t folder_of(span s)
{
    while (s.len > 0 && !is_slash(s.text[s.len - 1]))
        s.len--;
    return s.len;
}

/* "left/12.jpg": the folder's name is the side. */
static void read_side_folder(dms_side_name *found)
{
    size_t above = folder_of((span){found->folder, found->folder_len - 1});
    int side =
        dms_side_word(found->folder + above, found->folder_len - 1 - above);

    if (side == DMS_SIDE_NONE)
        return;
    found->kind = DMS_NAME_ONE_SIDE;
    found->side = side;
    found->folder_len = above;
}

dms_side_name dms_side_name_of_file(const char *file, size_t len)
{
    return read_last((span){file, dms_picture_stem(file, len)});
}

dms_side_name dms_side_name_read(const char *name, size_t len)
{
    size_t end = dms_picture_stem(name, len);
    size_t folder_len = folder_of((span){name, end});
    span last = {name + folder_len, end - folder_len};
    dms_side_name found = read_last(last);

    found.folder = name;
    found.folder_len = folder_len;
    if (folder_len > 1 && last.len > 0 && found.kind == DMS_NAME_NO_SIDE)
        read_side_folder(&found);
    if (folder_len > 1 && found.kind == DMS_NAME_BARE) { /* "12/left.jpg" */
        last = trim(last);
        found.kind = DMS_NAME_ONE_SIDE;
        found.side = dms_side_word(last.text, last.len);
        found.id = name;
        found.id_len = folder_len - 1;
        found.folder_len = 0;
    }
    return found;
}

int dms_side_anywhere(const char *name, size_t len)
{
    bool has[2] = {false, false};
    size_t end = dms_picture_stem(name, len);

    for (size_t at = 0; at < end;) {
        span word = {name + at, 0};
        int side;

        while (at + word.len < end && !is_separator(word.text[word.len]) &&
               !is_slash(word.text[word.len]))
            word.len++;
        side = read_head(word).side;
        if (side == DMS_SIDE_NONE)
            side = read_tail(word).side;
        if (side != DMS_SIDE_NONE)
            has[side] = true;
        at += word.len + 1;
    }
    if (has[DMS_LEFT] == has[DMS_RIGHT])
        return DMS_SIDE_NONE;
    return has[DMS_RIGHT] ? DMS_RIGHT : DMS_LEFT;
}
