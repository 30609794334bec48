/* The only code that reads and prints numbers. Independent of the locale;
 * every function may be called on any thread. */
#ifndef DMS_BASE_NUMBER_H
#define DMS_BASE_NUMBER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* snprintf in the C locale; returns the length of the whole text, which may
 * exceed capacity. text may be NULL when capacity is 0. */
size_t dms_format(char *text, size_t capacity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t dms_vformat(char *text, size_t capacity, const char *format,
                   va_list args) __attribute__((format(printf, 3, 0)));

/* strtod in the C locale. *end (may be NULL) is where the number stops, or
 * text itself if there is no number. */
double dms_real_read(const char *text, const char **end);

/* A whole decimal number: optional blanks, an optional sign, digits. *end (may
 * be NULL) as above. Out of range: clipped to the type, and *fits (may be
 * NULL) is false. */
int64_t dms_integer_read(const char *text, const char **end, bool *fits);
/* The same without a sign. */
uint64_t dms_count_read(const char *text, const char **end, bool *fits);

/* Exactly sixteen hexadecimal digits. */
bool dms_hex64_read(uint64_t *value, const char *text);

/* The shortest decimal that reads back to value; whole numbers below 1e7 have
 * no exponent. Returns its length. */
size_t dms_real_format(char *text, size_t capacity, double value);

/* The same with at least `digits` significant digits, as %g writes them. */
size_t dms_real_format_digits(char *text, size_t capacity, double value,
                              int digits);

/* "90", "90s", "30m", "1h30m", "2d": units from d down to s, each at most once;
 * a number without a unit is in seconds and stands alone. */
bool dms_duration_parse(double *seconds, const char *text);
size_t dms_duration_format(char *text, size_t capacity, double seconds);

#endif
