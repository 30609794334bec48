/* Finding an eye's side in a name: as its first or last word, separated from
 * the id. Chinese words need no separator. Relies on side_word.c for the words
 * and on names in UTF-8. */
#include "data/side_name.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "data/picture_name.h"
#include "dms/data.h"

enum { CJK_BYTES = 3 };

typedef struct span {
    const char *text;
    size_t len;
} span;

/* A side found at one end of a name. */
typedef struct side_end {
    int side;
    size_t len; /* of its word in bytes; 0: there is none */
} side_end;

static bool is_separator(uint32_t code)
{
    enum { FULLWIDTH_FULL_STOP = 0xff0e };

    return code == '.' || code == FULLWIDTH_FULL_STOP ||
           dms_utf8_is_separator(code);
}

/* Bytes of the separator that s begins with; 0: none. */
static size_t separator_at_head(span s)
{
    uint32_t code;
    size_t len = dms_utf8_decode(&code, s.text, s.len);

    return len > 0 && is_separator(code) ? len : 0;
}

/* Bytes of the separator that s ends with; 0: none. */
static size_t separator_at_tail(span s)
{
    uint32_t code;
    size_t len = dms_utf8_decode_last(&code, s.text, s.len);

    return len > 0 && is_separator(code) ? len : 0;
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* The side if the whole text is a word that counts anywhere in a name. */
static int strong_side(const char *text, size_t len)
{
    const dms_side_word *word = dms_side_word_find(text, len);

    return word && !word->weak ? word->side : DMS_SIDE_NONE;
}

static span trim_head(span s)
{
    size_t len;

    while ((len = separator_at_head(s)) > 0)
        s.text += len, s.len -= len;
    return s;
}

static span trim_tail(span s)
{
    size_t len;

    while ((len = separator_at_tail(s)) > 0)
        s.len -= len;
    return s;
}

static span trim(span s)
{
    return trim_tail(trim_head(s));
}

static bool starts(span s, const char *with)
{
    return s.len >= CJK_BYTES && memcmp(s.text, with, CJK_BYTES) == 0;
}

static int cjk_side(span s)
{
    return starts(s, DMS_CJK_LEFT)    ? DMS_LEFT
           : starts(s, DMS_CJK_RIGHT) ? DMS_RIGHT
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
    if (starts(rest, DMS_CJK_EYE))
        found.len += CJK_BYTES;
    else if (rest.len > 0 && !(*rest.text >= '0' && *rest.text <= '9'))
        return (side_end){DMS_SIDE_NONE, 0};
    return found;
}

static side_end cjk_tail(span s)
{
    side_end found = {DMS_SIDE_NONE, 0};

    if (s.len > CJK_BYTES &&
        starts((span){s.text + s.len - CJK_BYTES, CJK_BYTES}, DMS_CJK_EYE))
        found.len = CJK_BYTES;
    if (s.len < found.len + CJK_BYTES)
        return (side_end){DMS_SIDE_NONE, 0};
    found.len += CJK_BYTES;
    found.side = cjk_side((span){s.text + s.len - found.len, CJK_BYTES});
    return found.side == DMS_SIDE_NONE ? (side_end){DMS_SIDE_NONE, 0} : found;
}

static size_t first_word(span s)
{
    size_t len = 0;

    while (len < s.len && !separator_at_head((span){s.text + len, s.len - len}))
        len++;
    return len;
}

static size_t last_word(span s)
{
    size_t len = 0;

    while (len < s.len && !separator_at_tail((span){s.text, s.len - len}))
        len++;
    return len;
}

static side_end read_head(span s)
{
    size_t len = first_word(s);
    int side = strong_side(s.text, len);

    return side != DMS_SIDE_NONE ? (side_end){side, len} : cjk_head(s);
}

static side_end read_tail(span s)
{
    size_t len = last_word(s);
    int side = strong_side(s.text + s.len - len, len);

    return side != DMS_SIDE_NONE ? (side_end){side, len} : cjk_tail(s);
}

/* "12_re": a weak word at the end, if the name has no other word for a side. */
static side_end read_weak_tail(span s)
{
    size_t len = last_word(s);
    int side = dms_side_word_side(s.text + s.len - len, len);
    span rest = trim_tail((span){s.text, s.len - len});
    size_t before = last_word(rest);

    if (side == DMS_SIDE_NONE || rest.len == 0 || read_tail(rest).len > 0 ||
        dms_side_word_find(rest.text + rest.len - before, before))
        return (side_end){DMS_SIDE_NONE, 0};
    return (side_end){side, len};
}

/* Kind, side and id of a name without folders. The id keeps its own separators:
 * only those between id and side belong to neither. */
static dms_side_name read_last(span s)
{
    dms_side_name found = {
        .side = DMS_SIDE_NONE, .id = s.text, .id_len = s.len};
    span name = trim(s), rest, inner;
    side_end head = read_head(name);
    side_end tail = read_tail(name);

    if (head.len == 0 && tail.len == 0)
        tail = read_weak_tail(name);
    if (head.len == 0 && tail.len == 0)
        return found;
    if (head.len == name.len || tail.len == name.len) {
        found.kind = DMS_NAME_BARE;
        return found;
    }
    found.kind = DMS_NAME_TWO_SIDES;
    if (head.len > 0 && tail.len > 0)
        return found;
    rest = s;
    dms_utf8_trim(&rest.text, &rest.len);
    if (head.len > 0) {
        rest.len -= (size_t)(name.text + head.len - rest.text);
        rest.text = name.text + head.len;
        rest = trim_head(rest);
    } else {
        rest.len = (size_t)(name.text + name.len - tail.len - rest.text);
        rest = trim_tail(rest);
    }
    inner = trim(rest);
    if (inner.len == 0 || read_head(inner).len > 0 || read_tail(inner).len > 0)
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
    int side = dms_side_word_side(found->folder + above,
                                  found->folder_len - 1 - above);

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
        found.side = dms_side_word_side(last.text, last.len);
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
        size_t step;
        int side;

        while (at + word.len < end && !is_slash(word.text[word.len]) &&
               !separator_at_head(
                   (span){word.text + word.len, end - at - word.len}))
            word.len++;
        side = read_head(word).side;
        if (side == DMS_SIDE_NONE)
            side = read_tail(word).side;
        if (side != DMS_SIDE_NONE)
            has[side] = true;
        at += word.len;
        step = separator_at_head((span){name + at, end - at});
        at += step > 0 ? step : 1;
    }
    if (!has[DMS_LEFT] && !has[DMS_RIGHT]) /* a weak word, or none */
        return dms_side_name_read(name, len).side;
    if (has[DMS_LEFT] && has[DMS_RIGHT])
        return DMS_SIDE_NONE;
    return has[DMS_RIGHT] ? DMS_RIGHT : DMS_LEFT;
}
