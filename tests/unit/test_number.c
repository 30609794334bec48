/* Numbers and letters as text, in the locales that read and write them in
 * another way. */
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/ascii.h"
#include "base/c_locale.h"
#include "base/fail.h"
#include "base/number.h"
#include "base/rng.h"

/* A comma; an 'i' that is no ASCII; a decimal point of two bytes. */
static const char *const locales[] = {"C", "de_DE.UTF-8", "tr_TR.UTF-8",
                                      "ps_AF.UTF-8"};
enum { LOCALES = sizeof locales / sizeof locales[0] };

static void in_every_locale(void (*check)(void))
{
    for (int i = 0; i < LOCALES; i++) {
        if (!setlocale(LC_ALL, locales[i]))
            fail_msg("no locale %s: tools/install-packages.sh --tests",
                     locales[i]);
        check();
    }
    assert_non_null(setlocale(LC_ALL, "C"));
}

static void the_locales_differ_from_c(void **state)
{
    char text[32];

    (void)state;
    for (int i = 1; i < LOCALES; i++) {
        assert_non_null(setlocale(LC_ALL, locales[i]));
        snprintf(text, sizeof text, "%.1f", 1.5);
        if (strcmp(text, "1.5") == 0)
            fail_msg("%s writes %s: this test shows nothing", locales[i], text);
    }
    assert_non_null(setlocale(LC_ALL, "C"));
}

static void check_formats(void)
{
    char text[128];

    assert_int_equal(dms_format(text, sizeof text, "%g %.2f %e %.17g %a %d",
                                1e6, 1234.5, 0.00012, 0.1, 1.5, 1234),
                     60);
    assert_string_equal(text, "1e+06 1234.50 1.200000e-04 "
                              "0.10000000000000001 0x1.8p+0 1234");
    assert_int_equal(dms_format(text, 4, "%.3f", 0.25), 5);
    assert_string_equal(text, "0.2");
    assert_int_equal(dms_format(NULL, 0, "%s", "four"), 4);
}

static void printf_writes_a_point(void **state)
{
    (void)state;
    in_every_locale(check_formats);
}

static double bits_read(const char *text, const char *rest)
{
    const char *end;
    double value = dms_real_read(text, &end);

    assert_string_equal(end, rest);
    return value;
}

static void check_reads(void)
{
    assert_true(bits_read("0.5", "") == 0.5);
    assert_true(bits_read("1e-3x", "x") == 1e-3);
    assert_true(bits_read("1,5", ",5") == 1);
    assert_true(bits_read("1\xd9\xab"
                          "5",
                          "\xd9\xab"
                          "5") == 1);
    assert_true(bits_read("-INF", "") == -INFINITY);
    assert_true(bits_read("x", "x") == 0);
}

static void only_a_point_is_read(void **state)
{
    (void)state;
    in_every_locale(check_reads);
}

static void check_shortest(void)
{
    static const struct {
        double value;
        const char *text, *six;
    } cases[] = {
        {0, "0", "0"},
        {-0.0, "-0", "-0"},
        {10, "10", "10"},
        {1e7, "1e+07", "1e+07"},
        {0.1, "0.1", "0.1"},
        {1 / 3.0, "0.3333333333333333", "0.3333333333333333"},
        {2.5e-4, "0.00025", "0.00025"},
        {123456.5, "123456.5", "123456.5"},
        {DBL_MAX, "1.7976931348623157e+308", "1.7976931348623157e+308"},
        {5e-324, "5e-324", "4.94066e-324"}};
    char text[64];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(dms_real_format(text, sizeof text, cases[i].value),
                         strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
        dms_real_format_digits(text, sizeof text, cases[i].value, 6);
        assert_string_equal(text, cases[i].six);
    }
}

static void the_shortest_decimal_is_written(void **state)
{
    (void)state;
    in_every_locale(check_shortest);
}

static void check_round_trip(void)
{
    dms_rng rng = dms_rng_seeded(3);

    for (int i = 0; i < 20000; i++) {
        uint64_t bits = dms_rng_u64(&rng);
        double value, back;
        char text[64];

        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        dms_real_format(text, sizeof text, value);
        back = dms_real_read(text, NULL);
        if (memcmp(&back, &value, sizeof back) != 0)
            fail_msg("%a as %s is %a", value, text, back);
    }
}

static void any_double_reads_back_to_its_bits(void **state)
{
    (void)state;
    in_every_locale(check_round_trip);
}

static void whole_numbers_are_read_within_their_type(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
        const char *rest;
        bool fits;
    } cases[] = {{"12", 12, "", true},
                 {" -7 ", -7, " ", true},
                 {"+3.5", 3, ".5", true},
                 {"", 0, "", true},
                 {"-", 0, "-", true},
                 {"x1", 0, "x1", true},
                 {"9223372036854775807", INT64_MAX, "", true},
                 {"9223372036854775808", INT64_MAX, "", false},
                 {"-9223372036854775808", INT64_MIN, "", true},
                 {"-9223372036854775809", INT64_MIN, "", false},
                 {"99999999999999999999999", INT64_MAX, "", false}};
    const char *end;
    bool fits;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(dms_integer_read(cases[i].text, &end, &fits) ==
                    cases[i].value);
        assert_string_equal(end, cases[i].rest);
        assert_int_equal(fits, cases[i].fits);
    }
    assert_true(dms_count_read("18446744073709551615", &end, &fits) ==
                    UINT64_MAX &&
                fits && *end == '\0');
    assert_true(dms_count_read("18446744073709551616", &end, &fits) ==
                    UINT64_MAX &&
                !fits);
    assert_true(dms_count_read("-1", &end, &fits) == 0 && *end == '-');
}

static void a_digest_has_sixteen_hexadecimal_digits(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_true(dms_hex64_read(&value, "00fF00000000000a"));
    assert_true(value == UINT64_C(0x00ff00000000000a));
    assert_false(dms_hex64_read(&value, "00ff00000000000"));
    assert_false(dms_hex64_read(&value, "0x0000000000000a"));
    assert_false(dms_hex64_read(&value, "00ff00000000000a0"));
}

static void check_durations(void)
{
    char text[64];
    double seconds;

    assert_true(dms_duration_parse(&seconds, "2m30s") && seconds == 150);
    assert_true(dms_duration_parse(&seconds, "1.5h") && seconds == 5400);
    assert_true(dms_duration_parse(&seconds, "90") && seconds == 90);
    assert_false(dms_duration_parse(&seconds, "1,5h"));
    assert_false(dms_duration_parse(&seconds, "30s2m"));
    dms_duration_format(text, sizeof text, 0.25);
    assert_string_equal(text, "0.25s");
    dms_duration_format(text, sizeof text, 5400);
    assert_string_equal(text, "1h30m");
}

static void durations_are_the_same_everywhere(void **state)
{
    (void)state;
    in_every_locale(check_durations);
}

static void check_letters(void)
{
    assert_true(dms_ascii_same("PATIENT ID", "patient id"));
    assert_false(dms_ascii_same("id", "ids"));
    assert_false(dms_ascii_same("ids", "id"));
    assert_false(dms_ascii_same("\xc4\xb1", "I")); /* the dotless i */
    assert_true(dms_ascii_same_start("MYOPIA", "myopi", 5));
    assert_true(dms_ascii_same_start("ab", "ab", 9));
    assert_true(dms_ascii_contains("1_RIGHT.jpg", "right"));
    assert_false(dms_ascii_contains("1_righ", "right"));
    assert_int_equal(dms_ascii_lower('I'), 'i');
    assert_int_equal(dms_ascii_upper('i'), 'I');
    assert_true(dms_ascii_is_space('\v') && !dms_ascii_is_space('\0'));
    assert_true(dms_ascii_is_control('\x7f') && !dms_ascii_is_control('\x80'));
}

static void letters_are_those_of_ascii(void **state)
{
    (void)state;
    in_every_locale(check_letters);
}

static void check_message(void)
{
    dms_error err = {0};

    errno = ENOENT;
    dms_fail_errno(&err, "%.1f", 0.5);
    assert_string_equal(err.message, "0.5: No such file or directory");
}

static void messages_are_english_with_points(void **state)
{
    (void)state;
    in_every_locale(check_message);
}

static void the_callers_locale_is_left_alone(void **state)
{
    locale_t german = newlocale(LC_ALL_MASK, "de_DE.UTF-8", (locale_t)0);
    char text[16];

    (void)state;
    assert_non_null(german);
    uselocale(german); /* this thread's alone */
    dms_format(text, sizeof text, "%.1f", 1.5);
    assert_string_equal(text, "1.5");
    assert_ptr_equal(uselocale((locale_t)0), german);
    snprintf(text, sizeof text, "%.1f", 1.5);
    assert_string_equal(text, "1,5");
    uselocale(LC_GLOBAL_LOCALE);
    freelocale(german);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_locales_differ_from_c),
        cmocka_unit_test(printf_writes_a_point),
        cmocka_unit_test(only_a_point_is_read),
        cmocka_unit_test(the_shortest_decimal_is_written),
        cmocka_unit_test(any_double_reads_back_to_its_bits),
        cmocka_unit_test(whole_numbers_are_read_within_their_type),
        cmocka_unit_test(a_digest_has_sixteen_hexadecimal_digits),
        cmocka_unit_test(durations_are_the_same_everywhere),
        cmocka_unit_test(letters_are_those_of_ascii),
        cmocka_unit_test(messages_are_english_with_points),
        cmocka_unit_test(the_callers_locale_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
