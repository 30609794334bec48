/* Option tables: defaults, ranges, the nearest name, YAML, round trips. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "dms/option.h"

typedef enum filter { FILTER_BILINEAR, FILTER_BICUBIC, FILTER_LANCZOS } filter;

typedef struct inner {
    double rate;
} inner;

typedef struct fit {
    bool crop;
    int epochs;
    uint64_t seed;
    inner optimiser;
    double decay;
    double limit;
    filter filter;
    int context;
    char *out;
} fit;

static const char *const filter_words[] = {"bilinear", "bicubic", "lanczos",
                                           NULL};

static const char *context_word(int i)
{
    return i == 0 ? "mscam" : i == 1 ? "none" : NULL;
}

static const fit fit_defaults = {.crop = true,
                                 .epochs = 60,
                                 .seed = 1,
                                 .optimiser.rate = 1e-3,
                                 .filter = FILTER_BICUBIC,
                                 .out = "run"};

static const dms_option fit_options[] = {
    {.name = "crop", .type = DMS_OPTION_FLAG, DMS_OPTION_FIELD(fit, crop)},
    {.name = "epochs",
     .type = DMS_OPTION_INT,
     .unit = "epochs",
     DMS_OPTION_FIELD(fit, epochs),
     .min = 1,
     .max = 1000},
    {.name = "seed", .type = DMS_OPTION_UINT64, DMS_OPTION_FIELD(fit, seed)},
    {.name = "learning-rate",
     .type = DMS_OPTION_REAL,
     DMS_OPTION_FIELD(fit, optimiser.rate),
     .above_min = true,
     .max = 10},
    {.name = "weight-decay",
     .type = DMS_OPTION_REAL,
     DMS_OPTION_FIELD(fit, decay),
     .max = 1,
     .word = "auto",
     .word_value = -1},
    {.name = "time-limit",
     .type = DMS_OPTION_DURATION,
     DMS_OPTION_FIELD(fit, limit),
     .min = 1,
     .word = "none"},
    {.name = "filter",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(fit, filter),
     .choices = filter_words},
    {.name = "context",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(fit, context),
     .choice = context_word},
    {.name = "out", .type = DMS_OPTION_TEXT, DMS_OPTION_FIELD(fit, out)}};

static const dms_option_table table = {fit_options, 9, &fit_defaults,
                                       sizeof(fit)};

static void fresh(fit *f)
{
    memset(f, 0xff, sizeof(*f));
    assert_int_equal(dms_options_init(f, &table, NULL), DMS_OK);
}

/* All but the text byte for byte, the text by its letters. */
static void assert_equal(const fit *a, const fit *b)
{
    fit x, y;

    memcpy(&x, a, sizeof(x)); /* with what lies between the fields */
    memcpy(&y, b, sizeof(y));
    assert_string_equal(x.out, y.out);
    x.out = y.out = NULL;
    assert_memory_equal(&x, &y, sizeof(x));
}

static void defaults_are_the_default_struct(void **state)
{
    fit f;

    (void)state;
    fresh(&f);
    assert_equal(&f, &fit_defaults);
    assert_int_equal(dms_options_check(&f, &table, NULL), DMS_OK);
    dms_options_release(&f, &table);
}

static void a_text_is_copied_in_and_released_once(void **state)
{
    fit f;
    char given[] = "here";

    (void)state;
    fresh(&f);
    assert_ptr_not_equal(f.out, fit_defaults.out);
    assert_int_equal(dms_options_set(&f, &table, "out", given, NULL), DMS_OK);
    given[0] = 'x';
    assert_string_equal(f.out, "here");
    dms_options_release(&f, &table);
    assert_null(f.out);
    dms_options_release(&f, &table);
}

/* Also where the memory for it is not to be had. */
static void a_default_without_a_text_is_the_empty_text(void **state)
{
    static const fit no_text = {.epochs = 60};
    static const dms_option_table bare = {fit_options, 9, &no_text,
                                          sizeof(fit)};
    fit f;
    dms_error err = {0};

    (void)state;
    assert_int_equal(dms_options_init(&f, &bare, NULL), DMS_OK);
    assert_string_equal(f.out, "");
    dms_options_release(&f, &bare);
    dms_alloc_fail_at(1);
    assert_int_equal(dms_options_init(&f, &bare, &err), DMS_ENOMEM);
    dms_alloc_fail_at(0);
    dms_options_release(&f, &bare);
}

static void good_texts_set_the_field_and_read_back_canonically(void **state)
{
    static const struct {
        const char *name, *given, *canonical;
    } cases[] = {
        {"crop", "no", "false"},
        {"crop", "True", "true"},
        {"epochs", "007", "7"},
        {"epochs", "1000", "1000"},
        {"seed", "18446744073709551615", "18446744073709551615"},
        {"learning-rate", "0.1", "0.1"},
        {"learning_rate", "1e-3", "0.001"},
        {"learning-rate", "0.30000000000000004", "0.30000000000000004"},
        {"weight-decay", "auto", "auto"},
        {"weight-decay", ".05", "0.05"},
        {"time-limit", "none", "none"},
        {"time-limit", "5400", "1h30m"},
        {"time-limit", "1h30m", "1h30m"},
        {"time-limit", "2d1s", "2d1s"},
        {"time-limit", "1.5s", "1.5s"},
        {"time-limit", "1.5h", "1h30m"},
        {"filter", "lanczos", "lanczos"},
        {"context", "none", "none"},
        {"out", "", ""},
        {"out", "123456789012345", "123456789012345"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fit f, again;
        dms_error err = {0};
        char text[64];
        const dms_option *option = dms_option_find(&table, cases[i].name);

        fresh(&f), fresh(&again);
        assert_non_null(option);
        if (dms_options_set(&f, &table, cases[i].name, cases[i].given, &err))
            fail_msg("%s", err.message);
        dms_option_get(text, sizeof(text), &f, option);
        assert_string_equal(text, cases[i].canonical);
        assert_int_equal(dms_option_set(&again, option, text, NULL), DMS_OK);
        assert_equal(&again, &f);
        assert_int_equal(dms_options_check(&f, &table, NULL), DMS_OK);
        dms_options_release(&again, &table);
        dms_options_release(&f, &table);
    }
}

static char too_long[DMS_OPTION_TEXT_MAX + 1];

static void bad_texts_are_refused_with_what_was_expected(void **state)
{
    static const struct {
        const char *name, *given, *message;
    } cases[] = {
        {"crop", "maybe",
         "crop: 'maybe' is not a switch, expected true or false"},
        {"epochs", "0", "epochs: 0 is out of range, expected 1 to 1000 epochs"},
        {"epochs", "99999999999999999999",
         "epochs: 99999999999999999999 is out of range, expected 1 to 1000 "
         "epochs"},
        {"epochs", "3.5",
         "epochs: '3.5' is not a whole number, expected 1 to 1000 epochs"},
        {"epochs", " 3",
         "epochs: ' 3' is not a whole number, expected 1 to 1000 epochs"},
        {"epochs", "",
         "epochs: '' is not a whole number, expected 1 to 1000 "
         "epochs"},
        {"seed", "-1", "seed: '-1' is not a whole number from 0"},
        {"seed", "18446744073709551616",
         "seed: 18446744073709551616 is too large"},
        {"learning-rate", "0",
         "learning-rate: 0 is out of range, expected above 0, at most 10"},
        {"learning-rate", "nan",
         "learning-rate: 'nan' is not a number, expected above 0, at most 10"},
        {"learning-rate", "1e999",
         "learning-rate: 1e999 is out of range, "
         "expected above 0, at most 10"},
        {"weight-decay", "-1x",
         "weight-decay: '-1x' is not a number, expected "
         "0 to 1 or auto"},
        {"time-limit", "3x",
         "time-limit: '3x' is not a duration such as 90s, "
         "30m or 1h30m, expected at least 1s or none"},
        {"time-limit", "30m1h",
         "time-limit: '30m1h' is not a duration such as "
         "90s, 30m or 1h30m, expected at least 1s or "
         "none"},
        {"time-limit", "0.5",
         "time-limit: 0.5 is out of range, expected at "
         "least 1s or none"},
        {"filter", "lanzcos",
         "filter: 'lanzcos' is not bilinear, bicubic or "
         "lanczos; did you mean 'lanczos'?"},
        {"context", "zzz", "context: 'zzz' is not mscam or none"},
        {"out", too_long,
         "out: the text has 4096 bytes, expected at most 4095"},
        {"epoch", "3",
         "epoch: there is no such option; did you mean "
         "'epochs'?"},
        {"lerning-rat", "3",
         "lerning-rat: there is no such option; did you "
         "mean 'learning-rate'?"},
        {"xyzzy", "3", "xyzzy: there is no such option"}};

    (void)state;
    memset(too_long, 'x', DMS_OPTION_TEXT_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fit f;
        dms_error err = {0};

        fresh(&f);
        assert_int_equal(
            dms_options_set(&f, &table, cases[i].name, cases[i].given, &err),
            DMS_EINVAL);
        assert_string_equal(err.message, cases[i].message);
        assert_equal(&f, &fit_defaults);
        dms_options_release(&f, &table);
    }
}

static void a_choice_that_is_a_flag_takes_only_its_own_words(void **state)
{
    static const char *const words[] = {"false", "true", "auto", NULL};
    static const dms_option option = {.name = "go-on",
                                      .type = DMS_OPTION_CHOICE,
                                      .capacity = sizeof(int),
                                      .choices = words,
                                      .flag = true};
    static const char *const others[] = {"aut", "yes",   "no",
                                         "on",  "FALSE", "1"};
    int value = 7;

    (void)state;
    for (int i = 0; words[i]; i++) {
        assert_int_equal(dms_option_set(&value, &option, words[i], NULL),
                         DMS_OK);
        assert_int_equal(value, i);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        dms_error err = {0};

        assert_int_equal(dms_option_set(&value, &option, others[i], &err),
                         DMS_EINVAL);
        assert_non_null(strstr(err.message, "is not false, true or auto"));
        assert_int_equal(value, 2);
    }
}

static void a_struct_filled_by_hand_is_checked(void **state)
{
    fit f = fit_defaults;
    dms_error err = {0};

    (void)state;
    f.filter = (filter)3;
    assert_int_equal(dms_options_check(&f, &table, &err), DMS_EINVAL);
    assert_string_equal(err.message, "filter: choice 3 is out of range");
    f = fit_defaults;
    f.optimiser.rate = NAN;
    assert_int_equal(dms_options_check(&f, &table, NULL), DMS_EINVAL);
    f = fit_defaults;
    f.out = NULL;
    err = (dms_error){0};
    assert_int_equal(dms_options_check(&f, &table, &err), DMS_EINVAL);
    assert_string_equal(err.message, "out: the text is NULL");
}

static void ranges_are_told_in_words(void **state)
{
    static const struct {
        dms_option option;
        const char *words;
    } cases[] = {
        {{.type = DMS_OPTION_INT, .min = 1, .max = 9, .unit = "px"},
         "1 to 9 px"},
        {{.type = DMS_OPTION_INT, .min = 1}, "at least 1"},
        {{.type = DMS_OPTION_INT}, ""},
        {{.type = DMS_OPTION_REAL, .above_min = true}, "above 0"},
        {{.type = DMS_OPTION_REAL, .max = 1e9, .word = "none"},
         "at least 0 or none"},
        {{.type = DMS_OPTION_DURATION, .min = 1, .max = 3600}, "1s to 1h"},
        {{.type = DMS_OPTION_CHOICE, .choice = context_word}, "mscam or none"},
        {{.type = DMS_OPTION_TEXT, .unit = "FILE"}, ""}};
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        dms_option_range(text, sizeof(text), &cases[i].option);
        assert_string_equal(text, cases[i].words);
    }
}

static void word_distance_counts_swaps_as_one(void **state)
{
    (void)state;
    assert_int_equal(dms_word_distance("", "abc"), 3);
    assert_int_equal(dms_word_distance("abc", ""), 3);
    assert_int_equal(dms_word_distance("kitten", "sitting"), 3);
    assert_int_equal(dms_word_distance("sede", "seed"), 1);
    assert_int_equal(dms_word_distance("batch_size", "batch-size"), 0);
    assert_false(dms_word_is_near("x", "y"));
    assert_true(dms_word_is_near("valid", "validation"));
}

static dms_status parse(fit *f, const char *text, dms_error *err)
{
    fresh(f);
    return dms_options_parse_yaml(f, &table, text, strlen(text), "c.yaml",
                                  "train", err);
}

/* The section that is read, behind one that is not. */
static const char two_sections[] =
    "m: {x: [1, {y: 2}]}\n"
    "train: {epochs: 5, learning-rate: 1e-4, out: 'a: b'}\n";

static void yaml_flat_and_nested_are_the_same(void **state)
{
    static const char *const texts[] = {
        "epochs: 5\nlearning_rate: 1e-4 # slow\nout: 'a: b'\n",
        "train:\n  epochs: 5\n  learning-rate: 1e-4\n  out: \"a: b\"\n",
        two_sections};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        fit f;
        dms_error err = {0};

        if (parse(&f, texts[i], &err) != DMS_OK)
            fail_msg("%s", err.message);
        assert_int_equal(f.epochs, 5);
        assert_true(f.optimiser.rate == 1e-4);
        assert_string_equal(f.out, "a: b");
        assert_true(f.crop); /* not named: keeps its default */
        dms_options_release(&f, &table);
    }
}

static void empty_yaml_changes_nothing(void **state)
{
    static const char *const texts[] = {"", "# only a comment\n", "---\n", "{}",
                                        "train:\n  {}\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        fit f;
        dms_error err = {0};

        if (parse(&f, texts[i], &err) != DMS_OK)
            fail_msg("%s", err.message);
        assert_equal(&f, &fit_defaults);
        dms_options_release(&f, &table);
    }
}

static void bad_yaml_is_refused_with_file_and_line(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"crop: yes\nepoch: 3\n",
         "c.yaml:2: epoch: there is no such option; did you mean 'epochs'?"},
        {"train:\n  epochs: 0\n", "c.yaml:2: epochs: 0 is out of range, "
                                  "expected 1 to 1000 epochs"},
        {"epochs: 1\nepochs: 2\n",
         "c.yaml:2: epochs: the option is given twice"},
        {"epochs: 1\ntrain: {epochs: 2}\n",
         "c.yaml:2: epochs: the option is given twice"},
        {"epochs:\n", "c.yaml:1: epochs: the value is missing"},
        {"epochs: [1]\n",
         "c.yaml:1: epochs: expected one word, number or text here"},
        {"a: &x 3\nepochs: *x\n", "c.yaml:1: a: there is no such option"},
        {"? [a]\n: 3\n",
         "c.yaml:1: option: expected one word, number or text here"},
        {"- epochs\n", "c.yaml:1: expected 'option: value' lines"},
        {"epochs\n", "c.yaml:1: expected 'option: value' lines"},
        {"epochs: 3\n---\nepochs: 4\n",
         "c.yaml:2: expected one YAML document, found another"},
        {"train: {train: {epochs: 3}}\n",
         "c.yaml:1: train: there is no such option"},
        {"out: \"a\\0b\"\n",
         "c.yaml:1: out: expected one word, number or text here"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fit f;
        dms_error err = {0};

        assert_int_equal(parse(&f, cases[i].text, &err), DMS_EINVAL);
        assert_string_equal(err.message, cases[i].message);
        dms_options_release(&f, &table);
    }
}

static void broken_yaml_says_where_it_breaks(void **state)
{
    fit f;
    dms_error err = {0};

    (void)state;
    assert_int_equal(parse(&f, "crop: yes\nepochs: [1\n", &err), DMS_EINVAL);
    dms_options_release(&f, &table);
    err = (dms_error){0};
    assert_int_equal(parse(&f, "crop: yes\nout: 'a\n", &err), DMS_EFORMAT);
    dms_options_release(&f, &table);
    assert_non_null(strstr(err.message, "c.yaml:3: not YAML: "));
    err = (dms_error){0};
    assert_int_equal(parse(&f, "out: \xff\xfe\n", &err), DMS_EFORMAT);
    err = (dms_error){0};
    assert_int_equal(
        dms_options_read_yaml(&f, &table, "no/such.yaml", NULL, &err), DMS_EIO);
    dms_options_release(&f, &table);
}

static void assert_same_options(const fit *a, const fit *b)
{
    char one[64], two[64];

    for (size_t i = 0; i < table.count; i++) {
        dms_option_get(one, sizeof(one), a, &table.options[i]);
        dms_option_get(two, sizeof(two), b, &table.options[i]);
        assert_string_equal(one, two);
    }
}

static void options_written_as_yaml_read_back_equal(void **state)
{
    static const char *const sections[] = {NULL, "train"};
    fit f = {.crop = false,
             .epochs = 17,
             .seed = UINT64_MAX,
             .optimiser.rate = 1.0 / 3,
             .decay = -1,
             .limit = 93784,
             .filter = FILTER_LANCZOS,
             .context = 1,
             .out = "a\"\\\n\x01\xc3\xa9 #:"};
    fit again;
    char text[1024], cut[20];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        dms_error err = {0};
        size_t len = dms_options_format_yaml(text, sizeof(text), &f, &table,
                                             sections[i]);

        assert_int_equal(len, strlen(text));
        assert_int_equal(
            dms_options_format_yaml(cut, sizeof(cut), &f, &table, sections[i]),
            len);
        assert_int_equal(strlen(cut), sizeof(cut) - 1);
        if (parse(&again, text, &err) != DMS_OK)
            fail_msg("%s in:\n%s", err.message, text);
        assert_same_options(&again, &f);
        dms_options_release(&again, &table);
    }
}

/* YAML takes some characters escaped only, and folds others into blanks. */
static void characters_that_yaml_does_not_take_are_escaped(void **state)
{
    static const struct {
        const char *out, *yaml;
    } cases[] = {
        {"\xc2\x91", "out: \"\\x91\"\n"},       /* U+0091 */
        {"a\xc2\x85 b", "out: \"a\\x85 b\"\n"}, /* next line */
        {"a \xe2\x80\xa8\xe2\x80\xa9 b", "out: \"a \\u2028\\u2029 b\"\n"},
        {"\xef\xbb\xbf", "out: \"\\uFEFF\"\n"},
        {"\xef\xbf\xbe\xef\xbf\xbf", "out: \"\\uFFFE\\uFFFF\"\n"},
        {"\x7f\t\x1b", "out: \"\\x7F\\x09\\x1B\"\n"},
        /* what is no UTF-8, and what looks like its escape: base/name.h */
        {"caf\xe9\x85", "out: \"caf\\\\xE9\\\\x85\"\n"},
        {"a\\x41", "out: \"a\\\\x5Cx41\"\n"},
        {"C:\\temp", "out: \"C:\\\\temp\"\n"},
        {"\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf0\x9f\xbf\xbe",
         "out: \"\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf0\x9f\xbf\xbe\"\n"},
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[32];
        dms_error err = {0};
        fit f, again;

        assert_int_equal(dms_options_init(&f, &table, &err), DMS_OK);
        assert_int_equal(dms_options_set(&f, &table, "out", cases[i].out, &err),
                         DMS_OK);
        dms_options_format_yaml(text, sizeof text, &f, &table, NULL);
        snprintf(out, sizeof out, "\n%s", cases[i].yaml);
        if (!strstr(text, out))
            fail_msg("no %s in:\n%s", cases[i].yaml, text);
        if (parse(&again, text, &err) != DMS_OK)
            fail_msg("%s in:\n%s", err.message, text);
        assert_string_equal(again.out, cases[i].out);
        dms_options_release(&f, &table);
        dms_options_release(&again, &table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_default_struct),
        cmocka_unit_test(a_text_is_copied_in_and_released_once),
        cmocka_unit_test(a_default_without_a_text_is_the_empty_text),
        cmocka_unit_test(good_texts_set_the_field_and_read_back_canonically),
        cmocka_unit_test(bad_texts_are_refused_with_what_was_expected),
        cmocka_unit_test(a_choice_that_is_a_flag_takes_only_its_own_words),
        cmocka_unit_test(a_struct_filled_by_hand_is_checked),
        cmocka_unit_test(ranges_are_told_in_words),
        cmocka_unit_test(word_distance_counts_swaps_as_one),
        cmocka_unit_test(yaml_flat_and_nested_are_the_same),
        cmocka_unit_test(empty_yaml_changes_nothing),
        cmocka_unit_test(bad_yaml_is_refused_with_file_and_line),
        cmocka_unit_test(broken_yaml_says_where_it_breaks),
        cmocka_unit_test(options_written_as_yaml_read_back_equal),
        cmocka_unit_test(characters_that_yaml_does_not_take_are_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
