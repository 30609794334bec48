/* Every option table that the library gives is sound: its fields fit their
 * types, names are told apart, and its defaults are values that a user could
 * have typed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dms/train.h"

static const struct {
    const char *name;
    const dms_option_table *(*table)(void);
} tables[] = {{"train", dms_train_option_table}};

enum { TABLES = sizeof(tables) / sizeof(*tables) };

static size_t size_of(const dms_option *option)
{
    switch (option->type) {
    case DMS_OPTION_FLAG:
        return sizeof(bool);
    case DMS_OPTION_INT:
    case DMS_OPTION_CHOICE:
        return sizeof(int);
    case DMS_OPTION_UINT64:
        return sizeof(uint64_t);
    case DMS_OPTION_REAL:
    case DMS_OPTION_DURATION:
        return sizeof(double);
    case DMS_OPTION_TEXT:
        return sizeof(char *);
    }
    return 0;
}

static void fields_fit_their_types(void **state)
{
    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        const dms_option_table *table = tables[t].table();

        for (size_t i = 0; i < table->count; i++) {
            const dms_option *option = &table->options[i];

            if (option->capacity != size_of(option) ||
                option->offset + option->capacity > table->size)
                fail_msg("%s: --%s does not fit its field", tables[t].name,
                         option->name);
            assert_non_null(option->help);
        }
    }
}

static void names_and_letters_are_told_apart(void **state)
{
    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        const dms_option_table *table = tables[t].table();

        for (size_t i = 0; i < table->count; i++)
            for (size_t k = 0; k < i; k++) {
                const dms_option *a = &table->options[i];
                const dms_option *b = &table->options[k];

                if (strcmp(a->name, b->name) == 0 ||
                    (a->letter != 0 && a->letter == b->letter) ||
                    a->offset == b->offset)
                    fail_msg("%s: --%s and --%s clash", tables[t].name, a->name,
                             b->name);
            }
    }
}

static void defaults_are_in_range_and_survive_text(void **state)
{
    char text[DMS_OPTION_TEXT_MAX], again[DMS_OPTION_TEXT_MAX];

    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        const dms_option_table *table = tables[t].table();
        void *values = calloc(1, table->size);
        dms_error err = {0};

        if (dms_options_init(values, table, &err) != DMS_OK ||
            dms_options_check(values, table, &err) != DMS_OK)
            fail_msg("%s: %s", tables[t].name, err.message);
        for (size_t i = 0; i < table->count; i++) {
            const dms_option *option = &table->options[i];

            dms_option_get(text, sizeof(text), table->defaults, option);
            if (dms_option_set(values, option, text, &err) != DMS_OK)
                fail_msg("%s: %s", tables[t].name, err.message);
            dms_option_get(again, sizeof(again), values, option);
            assert_string_equal(again, text);
        }
        dms_options_release(values, table);
        free(values);
    }
}

static void defaults_survive_yaml(void **state)
{
    static char text[1 << 16], again[1 << 16];

    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        const dms_option_table *table = tables[t].table();
        void *values = calloc(1, table->size);
        dms_error err = {0};
        size_t len = dms_options_format_yaml(
            text, sizeof(text), table->defaults, table, tables[t].name);

        assert_true(len < sizeof(text));
        if (dms_options_parse_yaml(values, table, text, len, "defaults",
                                   tables[t].name, &err) != DMS_OK)
            fail_msg("%s: %s", tables[t].name, err.message);
        dms_options_format_yaml(again, sizeof(again), values, table,
                                tables[t].name);
        assert_string_equal(again, text);
        dms_options_release(values, table);
        free(values);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_fit_their_types),
        cmocka_unit_test(names_and_letters_are_told_apart),
        cmocka_unit_test(defaults_are_in_range_and_survive_text),
        cmocka_unit_test(defaults_survive_yaml),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
