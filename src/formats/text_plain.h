/* Texts from outside that appear in names and messages. */
#ifndef DMS_FORMATS_TEXT_PLAIN_H
#define DMS_FORMATS_TEXT_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

/* The number of valid UTF-8 bytes before the first invalid one. */
size_t dms_text_valid(const void *data, size_t len);

/* Is data valid UTF-8 (RFC 3629) without control characters? */
bool dms_text_is_plain(const void *data, size_t len);

enum { DMS_TEXT_SHOWN = 80 };

/* Write data for one line of a message: each byte that is not printable ASCII
 * becomes '?', and what exceeds DMS_TEXT_SHOWN characters becomes "...".
 * Returns text. */
const char *dms_text_show(char text[DMS_TEXT_SHOWN + 4], const void *data,
                          size_t len);

#endif
