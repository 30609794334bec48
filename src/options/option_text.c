/* Texts about options: the distance of words for suggestions, and the range of
 * values for messages. Relies on words of at most WORD_MAX bytes; the distance
 * of longer ones is SIZE_MAX. */
#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "base/number.h"
#include "dms/option.h"

enum { WORD_MAX = 63 };

/* A larger upper bound is not a real limit and is not mentioned. */
static const double bound_told_max = 1e9;

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

static char plain(char c)
{
    return c == '_' ? '-' : dms_ascii_lower(c);
}

/* Optimal string alignment: rows[i % 3][j] is the distance between the first i
 * letters of a and the first j of b; only the last three rows are needed. */
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
        return true; /* an abbreviation */
    return distance <= (len < 4 ? 1 : 1 + len / 4) && distance < given;
}

/* A bound in the same form as the option's values. */
static void bound_text(char *text, size_t capacity, const dms_option *option,
                       double bound)
{
    if (option->type == DMS_OPTION_DURATION)
        dms_duration_format(text, capacity, bound);
    else if (option->type == DMS_OPTION_REAL)
        dms_real_format(text, capacity, bound);
    else
        dms_format(text, capacity, "%.0f", bound);
}

const char *dms_option_choice(const dms_option *option, int i)
{
    if (i < 0)
        return NULL;
    if (option->choices == NULL)
        return option->choice == NULL ? NULL : option->choice(i);
    for (int k = 0; k < i; k++)
        if (option->choices[k] == NULL)
            return NULL;
    return option->choices[i];
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
            at += dms_format(out + at, sizeof(out) - at, "%s%s",
                             i == 0 ? ""
                             : last ? " or "
                                    : ", ",
                             word);
    }
    return dms_format(text, capacity, "%s", out);
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
        return dms_format(text, capacity, "%s", word ? word : "");
    bound_text(min, sizeof(min), option, option->min);
    bound_text(max, sizeof(max), option, option->max);
    return dms_format(text, capacity, "%s%s%s%s%s%s%s%s",
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
