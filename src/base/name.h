/* Names as text. An id, a file's name or a path is bytes, and any of them may
 * be met in a table or on a disk; JSON, YAML, logs and terminals take text. One
 * way leads from the first to the second and back:
 *
 *     a byte that is not part of valid UTF-8 is written \xE9: a backslash, an
 *     x and two upper-case hex digits;
 *     a backslash that stands before an x and two hex digits is written \x5C;
 *     all else is as it is.
 *
 * So each \xHH of what is written stands for one byte. */
#ifndef DMS_BASE_NAME_H
#define DMS_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* For a format that quotes control characters itself: JSON, YAML. */
void dms_name_put(dms_strbuf *out, const char *name);

/* For one line on a terminal, in a log or a table: the bytes of control
 * characters (U+0000 to U+001F, U+007F to U+009F) are written \xHH too. */
void dms_name_put_line(dms_strbuf *out, const char *name);

enum { DMS_NAME_NEXT_MAX = 4 * 4 + 1 };

/* The same a character at a time: the text of what name, which is not empty,
 * begins with. Returns how many bytes of name that was. */
size_t dms_name_next(char text[DMS_NAME_NEXT_MAX], const char *name,
                     bool controls);

/* The bytes that either of the two wrote, in place. Hex digits of either case
 * are read; \x00 stays, for no name holds a NUL. */
void dms_name_unescape(char *text);

#endif
