/* Words and numbers as text: distances, ranges, durations. */
#include "api/option_text.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dms/option.h"

enum { WORD_MAX = 63 };

/* A larger bound is one in name only and not told. */
static const double bound_told_max = 1e9;

static const struct {
    char letter;
    double seconds;
} duration_units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

enum { DURATION_UNITS = sizeof(duration_units) / sizeof(*duration_units) };

size_t dms_text_put(char *text, size_t capacity, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, capacity, format, args);
    va_end(args);
    return len < 0 ? 0 : (size_t)len;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

static char plain(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '_' ? '-' : c;
}

/* Optimal string alignment: rows[i][j] is the distance of a's first i letters
 * to b's first j; three rows suffice, so i is taken modulo 3. */
size_t dms_word_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t rows_len = strlen(a), len = strlen(b);

    if (rows_len > WORD_MAX || len > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= rows_len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3];

        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            bool same = plain(a[i - 1]) == plain(b[j - 1]);

            row[j] = least(above[j] + 1, row[j - 1] + 1,
                           above[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && plain(a[i - 1]) == plain(b[j - 2]) &&
                plain(a[i - 2]) == plain(b[j - 1]))
                row[j] = least(row[j], rows[(i + 1) % 3][j - 2] + 1, row[j]);
        }
    }
    return rows[rows_len % 3][len];
}

bool dms_word_is_near(const char *a, const char *b)
{
    size_t len = strlen(b), given = strlen(a);
    size_t distance = dms_word_distance(a, b);

    if (given >= 3 && strncmp(a, b, given) == 0)
        return true; /* a beginning of it */
    return distance <= (len < 4 ? 1 : 1 + len / 4) && distance < given;
}

size_t dms_real_format(char *text, size_t capacity, double value)
{
    char digits[64];

    if (fabs(value) < 1e7 && value == floor(value)) /* 10, not 1e+01 */
        return dms_text_put(text, capacity, "%.0f", value);
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof(digits), "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    return dms_text_put(text, capacity, "%s", digits);
}

/* Digits with at most one point: no sign, no exponent, no hexadecimal. */
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
        *seconds = strtod(text, NULL);
        return true;
    }
    while (*text != '\0') {
        double count = strtod(text, NULL);

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

/* Whole seconds are spelt in units; fractions and the huge in seconds. */
size_t dms_duration_format(char *text, size_t capacity, double seconds)
{
    char out[352] = "";
    size_t at = 0;

    if (seconds != floor(seconds) || seconds < 1 || seconds > 1e9) {
        for (int precision = 0; precision <= 17; precision++) {
            snprintf(out, sizeof(out), "%.*f", precision, seconds);
            if (strtod(out, NULL) == seconds)
                break;
        }
        return dms_text_put(text, capacity, "%ss", out);
    }
    for (size_t i = 0; i < DURATION_UNITS; i++) {
        double count = floor(seconds / duration_units[i].seconds);

        if (count > 0)
            at += dms_text_put(out + at, sizeof(out) - at, "%.0f%c", count,
                               duration_units[i].letter);
        seconds -= count * duration_units[i].seconds;
    }
    return dms_text_put(text, capacity, "%s", out);
}

/* A bound as the option's own values are written. */
static void bound_text(char *text, size_t capacity, const dms_option *option,
                       double bound)
{
    if (option->type == DMS_OPTION_DURATION)
        dms_duration_format(text, capacity, bound);
    else if (option->type == DMS_OPTION_REAL)
        dms_real_format(text, capacity, bound);
    else
        snprintf(text, capacity, "%.0f", bound);
}

static size_t choice_range(char *text, size_t capacity,
                           const dms_option *option)
{
    char out[1024] = "";
    size_t at = 0;
    const char *word;

    for (int i = 0; (word = dms_option_choice(option, i)) != NULL; i++) {
        bool last = dms_option_choice(option, i + 1) == NULL;

        if (at < sizeof(out))
            at += dms_text_put(out + at, sizeof(out) - at, "%s%s",
                               i == 0 ? ""
                               : last ? " or "
                                      : ", ",
                               word);
    }
    return dms_text_put(text, capacity, "%s", out);
}

size_t dms_option_range(char *text, size_t capacity, const dms_option *option)
{
    char min[64], max[64];
    bool bounded = option->min != 0 || option->max != 0 || option->above_min;
    bool has_max = option->max > option->min && option->max < bound_told_max;
    const char *unit = option->unit, *word = option->word;

    if (option->type == DMS_OPTION_CHOICE)
        return choice_range(text, capacity, option);
    if (!bounded || option->type == DMS_OPTION_TEXT ||
        option->type == DMS_OPTION_FLAG)
        return dms_text_put(text, capacity, "%s", word ? word : "");
    bound_text(min, sizeof(min), option, option->min);
    bound_text(max, sizeof(max), option, option->max);
    return dms_text_put(text, capacity, "%s%s%s%s%s%s%s%s",
                        option->above_min ? "above "
                        : has_max         ? ""
                                          : "at least ",
                        min,
                        !has_max            ? ""
                        : option->above_min ? ", at most "
                                            : " to ",
                        has_max ? max : "", unit ? " " : "", unit ? unit : "",
                        word ? " or " : "", word ? word : "");
}
