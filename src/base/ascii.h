/* ASCII letters, independent of the locale: in Turkish, tolower does not turn
 * 'I' into 'i', and a column "ID" would not be found. Bytes outside ASCII have
 * no case. */
#ifndef DMS_BASE_ASCII_H
#define DMS_BASE_ASCII_H

#include <stdbool.h>
#include <stddef.h>

char dms_ascii_lower(char c);
char dms_ascii_upper(char c);

/* Blank, tab, line feed, vertical tab, form feed, carriage return. */
bool dms_ascii_is_space(char c);

bool dms_ascii_is_control(char c);

/* Are all len bytes of text ASCII? */
bool dms_ascii_is_all(const char *text, size_t len);

/* Equal, ignoring case. */
bool dms_ascii_same(const char *a, const char *b);

/* The same for the first len bytes, or up to the NUL if that comes first. */
bool dms_ascii_same_start(const char *a, const char *b, size_t len);

/* Are the last of the len bytes of text the word's? */
bool dms_ends_with(const char *text, size_t len, const char *word);

/* Does text contain word, ignoring case? */
bool dms_ascii_contains(const char *text, const char *word);

#endif
