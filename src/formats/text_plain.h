/* Texts from outside that end up in names and messages. */
#ifndef DMS_FORMATS_TEXT_PLAIN_H
#define DMS_FORMATS_TEXT_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes of data are valid UTF-8 before the first that is not. */
size_t dms_text_valid(const void *data, size_t len);

/* Is it valid UTF-8 (RFC 3629) without control characters? */
bool dms_text_is_plain(const void *data, size_t len);

enum { DMS_TEXT_SHOWN = 80 };

/* data for a message's one line: what is not printable ASCII becomes '?', and
 * what is beyond DMS_TEXT_SHOWN characters "...". Returns text. */
const char *dms_text_show(char text[DMS_TEXT_SHOWN + 4], const void *data,
                          size_t len);

#endif
