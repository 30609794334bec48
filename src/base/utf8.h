/* The one decoder of UTF-8 (RFC 3629); asks no locale. */
#ifndef DMS_BASE_UTF8_H
#define DMS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decode the character that text begins with.
 *
 * code  its code point; left alone where there is none; may be NULL
 * len   bytes that may be read; 0: there is no character
 * Returns the character's bytes, 1 to 4, or 0 where text does not begin with
 * valid UTF-8: overlong forms, surrogates and what is above U+10FFFF are not.
 */
size_t dms_utf8_decode(uint32_t *code, const void *text, size_t len);

/* The same for the character that text ends with: its bytes, or 0. */
size_t dms_utf8_decode_last(uint32_t *code, const void *text, size_t len);

/* Is all of text valid UTF-8? */
bool dms_utf8_is_valid(const char *text);

/* Does the character steer a terminal: C0, DEL, C1 (U+0080 to U+009F)? */
bool dms_utf8_is_control(uint32_t code);

/* Is it a blank: White_Space of Unicode, or a character without width that
 * copying leaves around a text (zero width space, direction mark, byte order
 * mark)? */
bool dms_utf8_is_blank(uint32_t code);

/* Does it separate the words of a name: a blank, '_', '-', the full-width form
 * of these two, or another dash? */
bool dms_utf8_is_separator(uint32_t code);

/* Narrow the len bytes at *text to what is between the blanks around it. */
void dms_utf8_trim(const char **text, size_t *len);

#endif
