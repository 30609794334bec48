/* The one reader and printer of numbers. No locale changes what is read or
 * written, and every function may be called on any thread. */
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

/* strtod in the C locale. *end (may be NULL) is where the number stops, text
 * itself where there is none. */
double dms_real_read(const char *text, const char **end);

/* A whole decimal number: digits, before them at most a sign and blanks. *end
 * (may be NULL) as above. What does not fit is clipped to the type and leaves
 * *fits (may be NULL) false. */
int64_t dms_integer_read(const char *text, const char **end, bool *fits);
/* The same without a sign. */
uint64_t dms_count_read(const char *text, const char **end, bool *fits);

/* Sixteen hexadecimal digits and nothing else. */
bool dms_hex64_read(uint64_t *value, const char *text);

/* The shortest decimal that reads back to value, whole numbers below 1e7
 * without an exponent; returns its length. */
size_t dms_real_format(char *text, size_t capacity, double value);

/* The same with at least `digits` significant digits as %g writes them. */
size_t dms_real_format_digits(char *text, size_t capacity, double value,
                              int digits);

/* "90", "90s", "30m", "1h30m", "2d": units fall from d to s, each once; a
 * number without a unit is in seconds and alone. */
bool dms_duration_parse(double *seconds, const char *text);
size_t dms_duration_format(char *text, size_t capacity, double seconds);

#endif
