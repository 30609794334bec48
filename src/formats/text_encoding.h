/* Detect the encoding of a text from outside, and convert it to UTF-8. */
#ifndef DMS_FORMATS_TEXT_ENCODING_H
#define DMS_FORMATS_TEXT_ENCODING_H

#include <stddef.h>

#include "dms/status.h"

typedef enum dms_text_encoding {
    DMS_TEXT_FOUND, /* detected from the bytes */
    DMS_TEXT_UTF_8,
    DMS_TEXT_UTF_16LE,
    DMS_TEXT_UTF_16BE,
    DMS_TEXT_GB18030,
    DMS_TEXT_WINDOWS_1252,
    DMS_TEXT_ENCODINGS
} dms_text_encoding;

/* The option's word: "utf-8", "gb18030", ...; NULL if encoding is out of
 * range. */
const char *dms_text_encoding_word(dms_text_encoding encoding);

/* The encoding of that name, ignoring case, '-' and '_'. "utf8", "gbk" and
 * "cp1252" are names too. NULL and "" give FOUND. DMS_EINVAL lists the
 * names. */
dms_status dms_text_encoding_parse(dms_text_encoding *out, const char *word,
                                   dms_error *err);

/* Counts the known words in a text. Of two readings of the same bytes, the one
 * with more known words is correct. */
typedef size_t dms_text_known(const char *text, size_t len);

typedef struct dms_text {
    const char *data; /* UTF-8 without a byte order mark, not NUL-terminated */
    size_t size;
    char *owned; /* holds data; NULL: data is borrowed from the input */
    dms_text_encoding encoding;
} dms_text;

/* Convert size bytes at data to UTF-8.
 *
 * out    the caller releases it; data must outlive it
 * asked  FOUND: a byte order mark decides, then UTF-16's zero bytes, then
 *        whether the bytes are valid UTF-8 (nearly valid UTF-8 is refused).
 *        Otherwise GB18030 or Windows-1252: the one that is valid, or the one
 *        with more known words, or Windows-1252 if it shows letters and
 *        GB18030 shows no everyday Chinese.
 * known  NULL: no word is known
 * name   for messages
 *
 * DMS_EFORMAT, with the line, if the bytes are in none of these encodings or
 * not in the one asked for; with both readings, if the text may be in either.
 * DMS_ELIMIT if the UTF-8 takes more than size_max bytes. */
dms_status dms_text_decode(dms_text *out, const void *data, size_t size,
                           dms_text_encoding asked, dms_text_known *known,
                           size_t size_max, const char *name, dms_error *err);
void dms_text_release(dms_text *text);

#endif
