/* Which encoding a text from outside is in, and the text in UTF-8. */
#ifndef DMS_FORMATS_TEXT_ENCODING_H
#define DMS_FORMATS_TEXT_ENCODING_H

#include <stddef.h>

#include "dms/status.h"

typedef enum dms_text_encoding {
    DMS_TEXT_FOUND, /* whichever the bytes show */
    DMS_TEXT_UTF_8,
    DMS_TEXT_UTF_16LE,
    DMS_TEXT_UTF_16BE,
    DMS_TEXT_GB18030,
    DMS_TEXT_WINDOWS_1252,
    DMS_TEXT_ENCODINGS
} dms_text_encoding;

/* "utf-8", "gb18030", ...: what an option is called by; NULL out of range. */
const char *dms_text_encoding_word(dms_text_encoding encoding);

/* The encoding of that name, case and '-' and '_' set aside; "utf8", "gbk" and
 * "cp1252" are names too. NULL and "": FOUND. DMS_EINVAL lists the names. */
dms_status dms_text_encoding_parse(dms_text_encoding *out, const char *word,
                                   dms_error *err);

/* How many words of a text are known. Of two readings of the same bytes, the
 * one with more is right. */
typedef size_t dms_text_known(const char *text, size_t len);

typedef struct dms_text {
    const char *data; /* UTF-8 without a byte order mark, not terminated;
                         borrowed from the bytes, or owned */
    size_t size;
    char *owned; /* NULL: borrowed */
    dms_text_encoding encoding;
} dms_text;

/* size bytes at data as UTF-8.
 *
 * out    the caller's to release; data must outlive it
 * asked  FOUND: a byte order mark decides, then UTF-16's zero bytes, then
 *        whether the bytes are UTF-8 (those that nearly are, are refused).
 *        What is left is GB18030 or Windows-1252: the one that is valid, or
 *        reads more known words, or Windows-1252 where it shows letters and
 *        GB18030 no everyday Chinese.
 * known  may be NULL: no word is
 * name   for messages
 *
 * DMS_EFORMAT for bytes that are none of these or not what was asked for, with
 * the line; for a text that may be either, with both readings. DMS_ELIMIT
 * where UTF-8 takes more than size_max bytes. */
dms_status dms_text_decode(dms_text *out, const void *data, size_t size,
                           dms_text_encoding asked, dms_text_known *known,
                           size_t size_max, const char *name, dms_error *err);
void dms_text_release(dms_text *text);

#endif
