/* Detects encodings by which bytes are valid in them, and by known words if
 * several are possible. Relies on iconv for every character; this file has no
 * tables of characters. */
#include "formats/text_encoding.h"

#include <assert.h>
#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"
#include "base/utf8.h"
#include "formats/text_plain.h"

enum { NAMES_MAX = 4, SAMPLE_MAX = 32 };

static const struct encoding {
    const char *names[NAMES_MAX]; /* the first is the option's word */
    const char *iconv;
} encodings[DMS_TEXT_ENCODINGS] = {
    [DMS_TEXT_FOUND] = {{"auto"}, NULL},
    [DMS_TEXT_UTF_8] = {{"utf-8"}, "UTF-8"},
    [DMS_TEXT_UTF_16LE] = {{"utf-16le"}, "UTF-16LE"},
    [DMS_TEXT_UTF_16BE] = {{"utf-16be"}, "UTF-16BE"},
    [DMS_TEXT_GB18030] = {{"gb18030", "gbk", "gb2312", "cp936"}, "GB18030"},
    [DMS_TEXT_WINDOWS_1252] = {{"windows-1252", "cp1252"}, "CP1252"},
};

static const struct mark {
    const char *bytes;
    size_t len;
    dms_text_encoding encoding;
} marks[] = {
    {"\xef\xbb\xbf", 3, DMS_TEXT_UTF_8},
    {"\xff\xfe", 2, DMS_TEXT_UTF_16LE},
    {"\xfe\xff", 2, DMS_TEXT_UTF_16BE},
    {"\x84\x31\x95\x33", 4, DMS_TEXT_GB18030},
};

/* The bytes as UTF-8, up to the first that could not be converted. */
typedef struct reading {
    char *text; /* owned, NUL-terminated */
    size_t len;
    bool whole; /* false: conversion stopped early */
} reading;

const char *dms_text_encoding_word(dms_text_encoding encoding)
{
    return (unsigned)encoding < DMS_TEXT_ENCODINGS
               ? encodings[encoding].names[0]
               : NULL;
}

static bool same_word(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, "-_");
        b += strspn(b, "-_");
        if (dms_ascii_lower(*a) != dms_ascii_lower(*b))
            return false;
        if (*a == '\0')
            return true;
    }
}

dms_status dms_text_encoding_parse(dms_text_encoding *out, const char *word,
                                   dms_error *err)
{
    *out = DMS_TEXT_FOUND;
    if (!word || !*word)
        return DMS_OK;
    for (int e = 0; e < DMS_TEXT_ENCODINGS; e++)
        for (int i = 0; i < NAMES_MAX && encodings[e].names[i]; i++)
            if (same_word(word, encodings[e].names[i])) {
                *out = (dms_text_encoding)e;
                return DMS_OK;
            }
    return dms_fail(err, DMS_EINVAL,
                    "encoding '%.40s': expected auto, utf-8, utf-16le, "
                    "utf-16be, gb18030 or windows-1252",
                    word);
}

void dms_text_release(dms_text *text)
{
    dms_free(text->owned);
    *text = (dms_text){0};
}

static const struct mark *find_mark(const char *data, size_t size)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (size >= marks[i].len &&
            memcmp(data, marks[i].bytes, marks[i].len) == 0)
            return &marks[i];
    return NULL;
}

static int line_behind(const char *text, size_t len)
{
    int line = 1;

    for (size_t i = 0; i < len; i++)
        line += text[i] == '\n' ||
                (text[i] == '\r' && !(i + 1 < len && text[i + 1] == '\n'));
    return line;
}

static dms_status refuse_size(size_t size_max, const char *name, dms_error *err)
{
    return dms_fail(err, DMS_ELIMIT,
                    "%s: the text has more than %zu bytes in UTF-8", name,
                    size_max);
}

static dms_status refuse_broken(dms_text_encoding encoding, const char *text,
                                size_t len, const char *name, dms_error *err)
{
    return dms_fail(err, DMS_EFORMAT,
                    "%s:%d: bytes that are not valid in the encoding %s", name,
                    line_behind(text, len), dms_text_encoding_word(encoding));
}

/* Returns DMS_OK for an incomplete reading too. */
static dms_status convert(reading *out, dms_text_encoding encoding,
                          const char *data, size_t size, size_t size_max,
                          const char *name, dms_error *err)
{
    /* in all of these encodings, one byte gives at most three bytes of UTF-8 */
    size_t capacity = size < size_max / 3 ? 3 * size : size_max;
    char *from = (char *)data, *to;
    size_t left = size, room = capacity;
    iconv_t with = iconv_open("UTF-8", encodings[encoding].iconv);
    bool full;

    if (with == (iconv_t)-1)
        return dms_fail_errno(err, "%s: this system's iconv cannot read %s",
                              name, encodings[encoding].iconv);
    to = out->text = dms_resize(NULL, capacity + 1, 1);
    if (!to) {
        iconv_close(with);
        return dms_fail_memory(err, name);
    }
    out->whole = iconv(with, &from, &left, &to, &room) != (size_t)-1;
    full = !out->whole && errno == E2BIG;
    iconv_close(with);
    out->len = (size_t)(to - out->text);
    *to = '\0';
    return full ? refuse_size(size_max, name, err) : DMS_OK;
}

/* UTF-16 without a byte order mark. Many of a table's characters are ASCII, so
 * every second byte is often zero and the bytes between hardly ever are. */
static dms_text_encoding utf16_of(const char *data, size_t size)
{
    size_t zeros[2] = {0}, quarter = size / 8;

    for (size_t i = 0; i < size; i++)
        zeros[i % 2] += data[i] == '\0';
    if (zeros[1] > quarter && zeros[0] <= zeros[1] / 8)
        return DMS_TEXT_UTF_16LE;
    if (zeros[0] > quarter && zeros[1] <= zeros[0] / 8)
        return DMS_TEXT_UTF_16BE;
    return DMS_TEXT_FOUND;
}

/* A UTF-8 file that was truncated, or joined with one in another encoding. In
 * any other encoding, few bytes happen to form UTF-8's pairs, and hardly any
 * its longer sequences. */
static bool is_damaged_utf8(const char *data, size_t size)
{
    size_t pairs = 0, longer = 0, broken = 0;

    for (size_t at = 0, step; at < size; at += step ? step : 1) {
        step = dms_utf8_decode(NULL, data + at, size - at);
        pairs += step == 2;
        longer += step > 2;
        broken += step == 0;
    }
    return 2 * longer > broken || pairs > 3 * broken;
}

/* Are most characters beyond ASCII outside GB 2312, which contains all everyday
 * Chinese? data is valid GB18030. */
static bool is_rare_chinese(const char *data, size_t size)
{
    size_t common = 0, rare = 0;

    for (size_t i = 0; i + 1 < size; i++) {
        uint8_t lead = (uint8_t)data[i], trail = (uint8_t)data[i + 1];

        if (lead < 0x80)
            continue;
        if (lead >= 0xa1 && lead <= 0xf7 && trail >= 0xa1)
            common++;
        else
            rare++;
        i += trail >= '0' && trail <= '9' ? 3 : 1;
    }
    return rare > common;
}

/* Read as Windows-1252, are most characters beyond ASCII letters or the signs
 * that Western texts use? */
static bool is_usual_western(const char *data, size_t size)
{
    static const char signs[] =
        "\x80\x82\x84\x85\x91\x92\x93\x94\x95\x96\x97"
        "\xa0\xa7\xaa\xab\xb0\xb1\xb2\xb3\xb5\xb7\xba\xbb";
    size_t usual = 0, others = 0;

    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)data[i];

        if (byte < 0x80)
            continue;
        if (byte >= 0xc0 || memchr(signs, byte, sizeof signs - 1))
            usual++;
        else
            others++;
    }
    return usual > 4 * others;
}

/* The text around the first character beyond ASCII. */
static const char *show_sample(char sample[SAMPLE_MAX + 1], const char *text)
{
    static const char ends[] = ",;\t\r\n\"";
    const char *first = text, *start;
    size_t len = 0, step;

    while ((unsigned char)*first - 1U < 0x7f)
        first++;
    start = first;
    while (start > text && first - start < 12 && !strchr(ends, start[-1]) &&
           !dms_ascii_is_control(start[-1]))
        start--;
    while (start[len] && !strchr(ends, start[len])) {
        step = dms_utf8_decode(NULL, start + len, strlen(start + len));
        if (len + step > SAMPLE_MAX || !dms_text_is_plain(start + len, step))
            break;
        len += step;
    }
    memcpy(sample, start, len);
    sample[len] = '\0';
    return sample;
}

static dms_status refuse_either(const reading *chinese, const reading *western,
                                const char *name, dms_error *err)
{
    char a[SAMPLE_MAX + 1], b[SAMPLE_MAX + 1];

    return dms_fail(err, DMS_EFORMAT,
                    "%s: the text is not in UTF-8; it may be in GB18030 "
                    "('%s') or in Windows-1252 ('%s'): say --encoding gb18030 "
                    "or --encoding windows-1252, or save it as UTF-8",
                    name, show_sample(a, chinese->text),
                    show_sample(b, western->text));
}

/* The first reading's known words minus the second's. */
static ptrdiff_t more_words(const reading *a, const reading *b,
                            dms_text_known *known)
{
    if (!known || !a->whole || !b->whole)
        return 0;
    return (ptrdiff_t)known(a->text, a->len) -
           (ptrdiff_t)known(b->text, b->len);
}

/* The correct reading; DMS_EFORMAT if neither is, or if both may be. */
static dms_status pick(reading **out, reading *chinese, reading *western,
                       dms_text_known *known, const char *data, size_t size,
                       const char *name, dms_error *err)
{
    ptrdiff_t words = more_words(chinese, western, known);
    size_t valid = dms_text_valid(data, size);

    *out = words > 0 ? chinese : western;
    if (words != 0)
        return DMS_OK;
    if (is_damaged_utf8(data, size))
        return refuse_broken(DMS_TEXT_UTF_8, data, valid, name, err);
    if (!chinese->whole && !western->whole)
        return dms_fail(err, DMS_EFORMAT,
                        "%s:%d: the text is not in UTF-8, nor in UTF-16, "
                        "GB18030 or Windows-1252; save it as UTF-8",
                        name, line_behind(data, valid));
    *out = western->whole ? western : chinese;
    if (!chinese->whole || !western->whole ||
        (is_rare_chinese(data, size) && is_usual_western(data, size)))
        return DMS_OK;
    return refuse_either(chinese, western, name, err);
}

/* Choose between GB18030 and Windows-1252; *out is the text read. */
static dms_status choose(reading *out, dms_text_encoding *encoding,
                         const char *data, size_t size, dms_text_known *known,
                         size_t size_max, const char *name, dms_error *err)
{
    reading chinese = {0}, western = {0}, *picked;
    dms_status st;

    TRY(convert(&chinese, DMS_TEXT_GB18030, data, size, size_max, name, err));
    TRY(convert(&western, DMS_TEXT_WINDOWS_1252, data, size, size_max, name,
                err));
    TRY(pick(&picked, &chinese, &western, known, data, size, name, err));
    *encoding = picked == &chinese ? DMS_TEXT_GB18030 : DMS_TEXT_WINDOWS_1252;
    *out = *picked, *picked = (reading){0};
done:
    dms_free(chinese.text);
    dms_free(western.text);
    return st;
}

static dms_status decode(dms_text *out, const char *data, size_t size,
                         dms_text_known *known, size_t size_max,
                         const char *name, dms_error *err)
{
    reading r = {0};
    dms_status st = DMS_OK;

    if (out->encoding == DMS_TEXT_UTF_8) {
        size_t valid = dms_text_valid(data, size);

        out->data = data, out->size = size;
        if (valid < size)
            return refuse_broken(DMS_TEXT_UTF_8, data, valid, name, err);
        return size > size_max ? refuse_size(size_max, name, err) : DMS_OK;
    }
    if (out->encoding == DMS_TEXT_FOUND)
        TRY(choose(&r, &out->encoding, data, size, known, size_max, name, err));
    else
        TRY(convert(&r, out->encoding, data, size, size_max, name, err));
    if (!r.whole) {
        st = refuse_broken(out->encoding, r.text, r.len, name, err);
        goto done;
    }
    out->data = out->owned = r.text, out->size = r.len;
    r = (reading){0};
done:
    dms_free(r.text);
    return st;
}

dms_status dms_text_decode(dms_text *out, const void *data, size_t size,
                           dms_text_encoding asked, dms_text_known *known,
                           size_t size_max, const char *name, dms_error *err)
{
    const char *bytes = size > 0 ? data : "";
    const struct mark *mark = find_mark(bytes, size);
    dms_text text = {.encoding = asked};
    dms_status st;

    assert((unsigned)asked < DMS_TEXT_ENCODINGS);
    if (mark && asked != DMS_TEXT_FOUND && asked != mark->encoding &&
        mark->encoding != DMS_TEXT_GB18030)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: begins with the byte order mark of %s, and %s was "
                        "asked for",
                        name, dms_text_encoding_word(mark->encoding),
                        dms_text_encoding_word(asked));
    if (mark && (asked == DMS_TEXT_FOUND || asked == mark->encoding)) {
        text.encoding = mark->encoding;
        bytes += mark->len, size -= mark->len;
    }
    if (text.encoding == DMS_TEXT_FOUND && memchr(bytes, '\0', size))
        text.encoding = utf16_of(bytes, size);
    else if (text.encoding == DMS_TEXT_FOUND &&
             dms_text_valid(bytes, size) == size)
        text.encoding = DMS_TEXT_UTF_8;
    if (text.encoding == DMS_TEXT_FOUND && memchr(bytes, '\0', size))
        return dms_fail(err, DMS_EFORMAT,
                        "%s: is not UTF-8 text, nor clearly UTF-16 (it "
                        "holds NUL bytes); if it is, say --encoding utf-16le",
                        name);
    st = decode(&text, bytes, size, known, size_max, name, err);
    if (st == DMS_OK)
        *out = text;
    return st;
}
