/* Option tables: finding, setting and reading back one field. Relies on the
 * table's offsets and types to match the struct that `values` points to. */
#include "dms/option.h"

#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"
#include "base/number.h"

static const char *const flag_words[] = {"false", "true", "no", "yes",
                                         "off",   "on",   "0",  "1"};

static void store(void *values, const dms_option *option, const void *value,
                  size_t size)
{
    memcpy((char *)values + option->offset, value, size);
}

static void load(void *value, const void *values, const dms_option *option,
                 size_t size)
{
    memcpy(value, (const char *)values + option->offset, size);
}

/* The field of a text option. */
static char **text_of(void *values, const dms_option *option)
{
    return (char **)(void *)((char *)values + option->offset);
}

static dms_status replace(void *values, const dms_option *option,
                          const char *text, dms_error *err)
{
    char *copy = dms_strdup(text);

    if (!copy)
        return dms_fail_memory(err, option->name);
    dms_free(*text_of(values, option));
    *text_of(values, option) = copy;
    return DMS_OK;
}

dms_status dms_options_init(void *values, const dms_option_table *table,
                            dms_error *err)
{
    dms_status st = DMS_OK;

    memcpy(values, table->defaults, table->size);
    for (size_t i = 0; i < table->count; i++)
        if (table->options[i].type == DMS_OPTION_TEXT)
            *text_of(values, &table->options[i]) = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const dms_option *option = &table->options[i];
        const char *text;

        if (option->type != DMS_OPTION_TEXT)
            continue;
        load(&text, table->defaults, option, sizeof text);
        TRY(replace(values, option, text ? text : "", err));
    }
done:
    return st;
}

void dms_options_release(void *values, const dms_option_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const dms_option *option = &table->options[i];

        if (option->type != DMS_OPTION_TEXT)
            continue;
        dms_free(*text_of(values, option));
        *text_of(values, option) = NULL;
    }
}

static bool same_name(const char *name, const char *given)
{
    while (*name != '\0' &&
           (*name == *given || (*name == '-' && *given == '_')))
        name++, given++;
    return *name == '\0' && *given == '\0';
}

const dms_option *dms_option_find(const dms_option_table *table,
                                  const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (same_name(table->options[i].name, name))
            return &table->options[i];
    return NULL;
}

const dms_option *dms_option_nearest(const dms_option_table *table,
                                     const char *name)
{
    const dms_option *best = NULL;
    size_t best_distance = SIZE_MAX;

    for (size_t i = 0; i < table->count; i++) {
        const dms_option *option = &table->options[i];
        size_t distance = dms_word_distance(name, option->name);

        if (distance < best_distance && dms_word_is_near(name, option->name))
            best = option, best_distance = distance;
    }
    return best;
}

static dms_status out_of_range(const dms_option *option, const char *text,
                               dms_error *err)
{
    char range[256];

    if (dms_option_range(range, sizeof(range), option) == 0)
        return dms_fail(err, DMS_EINVAL, "%s: %.80s is too large", option->name,
                        text);
    return dms_fail(err, DMS_EINVAL, "%s: %.80s is out of range, expected %s",
                    option->name, text, range);
}

static dms_status not_a(const dms_option *option, const char *text,
                        const char *what, dms_error *err)
{
    char range[256];
    bool bounded = dms_option_range(range, sizeof(range), option) > 0;

    return dms_fail(err, DMS_EINVAL, "%s: '%.80s' is not %s%s%s", option->name,
                    text, what, bounded ? ", expected " : "",
                    bounded ? range : "");
}

static bool in_range(const dms_option *option, double value)
{
    if (option->word != NULL && value == option->word_value)
        return true;
    if (!isfinite(value))
        return false;
    if (option->type == DMS_OPTION_DURATION && value < 0)
        return false;
    if (option->min == 0 && option->max == 0 && !option->above_min)
        return true; /* the option has no bounds */
    if (option->above_min ? value <= option->min : value < option->min)
        return false;
    return option->max <= option->min || value <= option->max;
}

static dms_status set_flag(void *values, const dms_option *option,
                           const char *text, dms_error *err)
{
    for (size_t i = 0; i < sizeof(flag_words) / sizeof(*flag_words); i++)
        if (dms_ascii_same(flag_words[i], text)) {
            bool value = i % 2 == 1;

            return store(values, option, &value, sizeof(value)), DMS_OK;
        }
    return dms_fail(err, DMS_EINVAL,
                    "%s: '%.80s' is not a switch, expected true or false",
                    option->name, text);
}

/* Does a decimal number start here, without blanks before it? */
static bool starts_number(const char *text)
{
    return (*text >= '0' && *text <= '9') || *text == '-' || *text == '+' ||
           *text == '.';
}

static dms_status set_int(void *values, const dms_option *option,
                          const char *text, dms_error *err)
{
    const char *end;
    bool fits;
    int64_t value = dms_integer_read(text, &end, &fits);
    int stored;

    if (!starts_number(text) || end == text || *end != '\0')
        return not_a(option, text, "a whole number", err);
    if (!fits || value < INT_MIN || value > INT_MAX ||
        !in_range(option, (double)value))
        return out_of_range(option, text, err);
    stored = (int)value;
    store(values, option, &stored, sizeof(stored));
    return DMS_OK;
}

static dms_status set_uint64(void *values, const dms_option *option,
                             const char *text, dms_error *err)
{
    const char *end;
    bool fits;
    uint64_t value = dms_count_read(text, &end, &fits);

    if (*text < '0' || *text > '9' || *end != '\0')
        return not_a(option, text, "a whole number from 0", err);
    if (!fits || !in_range(option, (double)value))
        return out_of_range(option, text, err);
    store(values, option, &value, sizeof(value));
    return DMS_OK;
}

static dms_status set_real(void *values, const dms_option *option,
                           const char *text, dms_error *err)
{
    const char *end;
    double value = dms_real_read(text, &end);

    if (!starts_number(text) || end == text || *end != '\0')
        return not_a(option, text, "a number", err);
    if (!in_range(option, value))
        return out_of_range(option, text, err);
    store(values, option, &value, sizeof(value));
    return DMS_OK;
}

static dms_status set_duration(void *values, const dms_option *option,
                               const char *text, dms_error *err)
{
    double value;

    if (!dms_duration_parse(&value, text))
        return not_a(option, text, "a duration such as 90s, 30m or 1h30m", err);
    if (!in_range(option, value))
        return out_of_range(option, text, err);
    store(values, option, &value, sizeof(value));
    return DMS_OK;
}

static dms_status set_choice(void *values, const dms_option *option,
                             const char *text, dms_error *err)
{
    char range[256];
    const char *word, *near = NULL;

    for (int i = 0; (word = dms_option_choice(option, i)) != NULL; i++) {
        if (strcmp(word, text) == 0)
            return store(values, option, &i, sizeof(i)), DMS_OK;
        if (near == NULL
                ? dms_word_is_near(text, word)
                : dms_word_distance(text, word) < dms_word_distance(text, near))
            near = word;
    }
    dms_option_range(range, sizeof(range), option);
    return dms_fail(err, DMS_EINVAL, "%s: '%.80s' is not %s%s%s%s",
                    option->name, text, range, near ? "; did you mean '" : "",
                    near ? near : "", near ? "'?" : "");
}

static dms_status set_text(void *values, const dms_option *option,
                           const char *text, dms_error *err)
{
    size_t len = strlen(text);

    if (len >= DMS_OPTION_TEXT_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "%s: the text has %zu bytes, expected at most %d",
                        option->name, len, DMS_OPTION_TEXT_MAX - 1);
    return replace(values, option, text, err);
}

static void set_word(void *values, const dms_option *option)
{
    int whole = (int)option->word_value;
    uint64_t large;

    if (option->type == DMS_OPTION_INT) {
        store(values, option, &whole, sizeof(whole));
    } else if (option->type == DMS_OPTION_UINT64) {
        large = (uint64_t)option->word_value;
        store(values, option, &large, sizeof(large));
    } else {
        store(values, option, &option->word_value, sizeof(double));
    }
}

dms_status dms_option_set(void *values, const dms_option *option,
                          const char *text, dms_error *err)
{
    if (option->word != NULL && strcmp(option->word, text) == 0)
        return set_word(values, option), DMS_OK;
    switch (option->type) {
    case DMS_OPTION_FLAG:
        return set_flag(values, option, text, err);
    case DMS_OPTION_INT:
        return set_int(values, option, text, err);
    case DMS_OPTION_UINT64:
        return set_uint64(values, option, text, err);
    case DMS_OPTION_REAL:
        return set_real(values, option, text, err);
    case DMS_OPTION_CHOICE:
        return set_choice(values, option, text, err);
    case DMS_OPTION_TEXT:
        return set_text(values, option, text, err);
    case DMS_OPTION_DURATION:
        return set_duration(values, option, text, err);
    }
    return dms_fail(err, DMS_EINTERNAL, "%s: the option has no type",
                    option->name);
}

dms_status dms_options_set(void *values, const dms_option_table *table,
                           const char *name, const char *text, dms_error *err)
{
    const dms_option *option = dms_option_find(table, name);
    const dms_option *near;

    if (option != NULL)
        return dms_option_set(values, option, text, err);
    near = dms_option_nearest(table, name);
    return dms_fail(err, DMS_EINVAL, "%.80s: there is no such option%s%s%s",
                    name, near ? "; did you mean '" : "",
                    near ? near->name : "", near ? "'?" : "");
}

/* The number in a numeric field. */
static double number_of(const void *values, const dms_option *option)
{
    int whole;
    uint64_t large;
    double real;

    switch (option->type) {
    case DMS_OPTION_INT:
        load(&whole, values, option, sizeof(whole));
        return whole;
    case DMS_OPTION_UINT64:
        load(&large, values, option, sizeof(large));
        return (double)large;
    case DMS_OPTION_REAL:
    case DMS_OPTION_DURATION:
        load(&real, values, option, sizeof(real));
        return real;
    default:
        return 0;
    }
}

static bool is_number(const dms_option *option)
{
    return option->type == DMS_OPTION_INT ||
           option->type == DMS_OPTION_UINT64 ||
           option->type == DMS_OPTION_REAL ||
           option->type == DMS_OPTION_DURATION;
}

size_t dms_option_get(char *text, size_t capacity, const void *values,
                      const dms_option *option)
{
    const char *field = (const char *)values + option->offset;
    const char *word;
    uint64_t large;
    int whole;

    if (option->word != NULL && is_number(option) &&
        number_of(values, option) == option->word_value)
        return dms_format(text, capacity, "%s", option->word);
    switch (option->type) {
    case DMS_OPTION_FLAG:
        return dms_format(text, capacity, "%s",
                          *(const bool *)field ? "true" : "false");
    case DMS_OPTION_INT:
        load(&whole, values, option, sizeof(whole));
        return dms_format(text, capacity, "%d", whole);
    case DMS_OPTION_UINT64:
        load(&large, values, option, sizeof(large));
        return dms_format(text, capacity, "%" PRIu64, large);
    case DMS_OPTION_REAL:
        return dms_real_format(text, capacity, number_of(values, option));
    case DMS_OPTION_DURATION:
        return dms_duration_format(text, capacity, number_of(values, option));
    case DMS_OPTION_CHOICE:
        load(&whole, values, option, sizeof(whole));
        word = dms_option_choice(option, whole);
        return dms_format(text, capacity, "%s", word ? word : "?");
    case DMS_OPTION_TEXT:
        load(&word, values, option, sizeof(word));
        return dms_format(text, capacity, "%s", word ? word : "");
    }
    return 0;
}

dms_status dms_options_check(const void *values, const dms_option_table *table,
                             dms_error *err)
{
    char text[128];
    int whole;

    for (size_t i = 0; i < table->count; i++) {
        const dms_option *option = &table->options[i];

        dms_option_get(text, sizeof(text), values, option);
        if (is_number(option) && !in_range(option, number_of(values, option)))
            return out_of_range(option, text, err);
        if (option->type == DMS_OPTION_CHOICE) {
            load(&whole, values, option, sizeof(whole));
            if (dms_option_choice(option, whole) == NULL)
                return dms_fail(err, DMS_EINVAL,
                                "%s: choice %d is out of range", option->name,
                                whole);
        }
        if (option->type == DMS_OPTION_TEXT) {
            const char *word;

            load(&word, values, option, sizeof(word));
            if (word == NULL)
                return dms_fail(err, DMS_EINVAL, "%s: the text is NULL",
                                option->name);
        }
    }
    return DMS_OK;
}
