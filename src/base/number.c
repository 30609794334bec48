/* Numbers to text and back: printf and strtod under the C locale, and on top
 * of them the shortest decimal and durations. */
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/c_locale.h"

static const struct {
    char letter;
    double seconds;
} duration_units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

enum { DURATION_UNITS = sizeof(duration_units) / sizeof(*duration_units) };

size_t dms_vformat(char *text, size_t capacity, const char *format,
                   va_list args)
{
    locale_t before = dms_c_locale_enter();
    int len = vsnprintf(text, capacity, format, args);

    dms_c_locale_leave(before);
    return len < 0 ? 0 : (size_t)len;
}

size_t dms_format(char *text, size_t capacity, const char *format, ...)
{
    va_list args;
    size_t len;

    va_start(args, format);
    len = dms_vformat(text, capacity, format, args);
    va_end(args);
    return len;
}

double dms_real_read(const char *text, const char **end)
{
    char *stop;
    double value = strtod_l(text, &stop, dms_c_locale());

    if (end)
        *end = stop;
    return value;
}

/* Digits to a number; *end is unchanged if there are none. */
static uint64_t read_digits(const char *digits, const char **end, bool *fits)
{
    uint64_t value = 0;

    for (; *digits >= '0' && *digits <= '9'; *end = ++digits) {
        uint64_t digit = (uint64_t)(*digits - '0');

        if (value > (UINT64_MAX - digit) / 10)
            *fits = false;
        value = *fits ? 10 * value + digit : UINT64_MAX;
    }
    return value;
}

int64_t dms_integer_read(const char *text, const char **end, bool *fits)
{
    const char *at = text, *stop = text;
    bool good = true, negative;
    uint64_t size, most;

    while (dms_ascii_is_space(*at))
        at++;
    negative = *at == '-';
    size = read_digits(at + (negative || *at == '+'), &stop, &good);
    most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    if (size > most)
        good = false, size = most;
    if (end)
        *end = stop;
    if (fits)
        *fits = good;
    if (!negative)
        return (int64_t)size;
    return size > INT64_MAX ? INT64_MIN : -(int64_t)size;
}

uint64_t dms_count_read(const char *text, const char **end, bool *fits)
{
    const char *at = text, *stop = text;
    bool good = true;
    uint64_t value;

    while (dms_ascii_is_space(*at))
        at++;
    value = read_digits(at, &stop, &good);
    if (end)
        *end = stop;
    if (fits)
        *fits = good;
    return value;
}

bool dms_hex64_read(uint64_t *value, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t sum = 0;

    if (strlen(text) != 16)
        return false;
    for (; *text; text++) {
        const char *digit = strchr(hex, dms_ascii_lower(*text));

        if (!digit)
            return false;
        sum = sum << 4 | (uint64_t)(digit - hex);
    }
    *value = sum;
    return true;
}

size_t dms_real_format_digits(char *text, size_t capacity, double value,
                              int digits)
{
    char out[64];

    do
        dms_format(out, sizeof(out), "%.*g", digits, value);
    while (dms_real_read(out, NULL) != value && ++digits <= 17);
    return dms_format(text, capacity, "%s", out);
}

size_t dms_real_format(char *text, size_t capacity, double value)
{
    if (fabs(value) < 1e7 && value == floor(value)) /* 10, not 1e+01 */
        return dms_format(text, capacity, "%.0f", value);
    return dms_real_format_digits(text, capacity, value, 1);
}

/* Length of an unsigned decimal: digits with at most one point. */
static size_t number_length(const char *text)
{
    size_t len = strspn(text, "0123456789"), digits = len;

    if (text[len] == '.') {
        size_t more = strspn(text + len + 1, "0123456789");

        digits += more;
        len += 1 + more;
    }
    return digits == 0 ? 0 : len;
}

bool dms_duration_parse(double *seconds, const char *text)
{
    double sum = 0;
    size_t unit = 0, len = number_length(text);

    if (len > 0 && text[len] == '\0') {
        *seconds = dms_real_read(text, NULL);
        return true;
    }
    while (*text != '\0') {
        double count = dms_real_read(text, NULL);

        len = number_length(text);
        if (len == 0)
            return false;
        while (unit < DURATION_UNITS &&
               duration_units[unit].letter != text[len])
            unit++;
        if (unit == DURATION_UNITS)
            return false;
        sum += count * duration_units[unit++].seconds;
        text += len + 1;
    }
    *seconds = sum;
    return len > 0;
}

/* Whole seconds are written in units; fractions and anything above 1e9 s in
 * seconds. */
size_t dms_duration_format(char *text, size_t capacity, double seconds)
{
    char out[352] = "";
    size_t at = 0;

    if (seconds != floor(seconds) || seconds < 1 || seconds > 1e9) {
        for (int precision = 0; precision <= 17; precision++) {
            dms_format(out, sizeof(out), "%.*f", precision, seconds);
            if (dms_real_read(out, NULL) == seconds)
                break;
        }
        return dms_format(text, capacity, "%ss", out);
    }
    for (size_t i = 0; i < DURATION_UNITS; i++) {
        double count = floor(seconds / duration_units[i].seconds);

        if (count > 0)
            at += dms_format(out + at, sizeof(out) - at, "%.0f%c", count,
                             duration_units[i].letter);
        seconds -= count * duration_units[i].seconds;
    }
    return dms_format(text, capacity, "%s", out);
}
