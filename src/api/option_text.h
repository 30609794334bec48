/* Words and numbers as text, for option tables. */
#ifndef DMS_API_OPTION_TEXT_H
#define DMS_API_OPTION_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* snprintf that returns the whole length as a size. */
size_t dms_text_put(char *text, size_t capacity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The shortest decimal that strtod reads back to value. */
size_t dms_real_format(char *text, size_t capacity, double value);

/* "90", "90s", "30m", "1h30m", "2d": units fall from d to s, each once; a
 * number without a unit is in seconds and alone. */
bool dms_duration_parse(double *seconds, const char *text);
size_t dms_duration_format(char *text, size_t capacity, double seconds);

#endif
