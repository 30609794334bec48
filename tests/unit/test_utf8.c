/* The decoder of UTF-8: each code point, and what RFC 3629 shuts out. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static size_t encode(uint8_t *p, uint32_t code)
{
    static const uint8_t first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = len; i-- > 1; code >>= 6)
        p[i] = (uint8_t)(0x80 | (code & 0x3f));
    p[0] = (uint8_t)(first[len] | code);
    return len;
}

static void each_code_point_decodes_to_itself(void **state)
{
    uint8_t text[4];

    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        size_t len = encode(text, code);
        uint32_t got = 0;
        bool surrogate = code >= 0xd800 && code <= 0xdfff;

        if (dms_utf8_decode(&got, text, len) != (surrogate ? 0 : len) ||
            (!surrogate && got != code) ||
            dms_utf8_decode(NULL, text, len - 1) != 0)
            fail_msg("U+%04X: %u", code, got);
    }
}

/* Each pair of first bytes, with the best that could follow. */
static void first_bytes_are_those_of_the_rfc(void **state)
{
    (void)state;
    for (unsigned a = 0x80; a < 0x100; a++)
        for (unsigned b = 0; b < 0x100; b++) {
            uint8_t text[] = {(uint8_t)a, (uint8_t)b, 0xbf, 0xbf};
            unsigned low = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
            unsigned high = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
            size_t want = a < 0xc2   ? 0
                          : a < 0xe0 ? 2
                          : a < 0xf0 ? 3
                          : a < 0xf5 ? 4
                                     : 0;

            if (b < low || b > high)
                want = 0;
            if (dms_utf8_decode(NULL, text, 4) != want)
                fail_msg("%02x %02x", a, b);
        }
}

static void what_is_no_character_leaves_the_code_alone(void **state)
{
    static const char *const texts[] = {"", "\x80", "\xc3", "\xc3(", "\xff"};
    uint32_t code = 7;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(dms_utf8_decode(&code, texts[i], strlen(texts[i])), 0);
    assert_int_equal(code, 7);
}

static void the_last_character_is_decoded_as_the_first_is(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        uint32_t code;
    } cases[] = {
        {"a", 1, 'a'},
        {"xa", 1, 'a'},
        {"x\xc3\xa9", 2, 0xe9},
        {"\xe3\x80\x80", 3, 0x3000},
        {"x\xf0\x9f\x91\x81", 4, 0x1f441},
        {"", 0, 7},
        {"\x80", 0, 7},
        {"x\xa9", 0, 7},
        {"\xc3\xa9\xa9", 0, 7},
        {"x\xc3", 0, 7},
        {"\xf0\x9f\x91\x81\x81", 0, 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t code = 7;

        assert_int_equal(
            dms_utf8_decode_last(&code, cases[i].text, strlen(cases[i].text)),
            cases[i].len);
        assert_int_equal(code, cases[i].code);
    }
}

/* White_Space of Unicode 15, PropList.txt. */
static void white_space_is_blank_and_letters_are_not(void **state)
{
    static const uint32_t blanks[] = {
        0x09,   0x0a,   0x0b,   0x0c,   0x0d,   0x20,   0x85,   0xa0,   0x1680,
        0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008,
        0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000};
    static const uint32_t others[] = {0,    'a',    '_',    0x1b,   0x7f,
                                      0xa1, 0x200c, 0x200d, 0x3001, 0xfffd};

    (void)state;
    for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++)
        if (!dms_utf8_is_blank(blanks[i]))
            fail_msg("U+%04X", blanks[i]);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (dms_utf8_is_blank(others[i]))
            fail_msg("U+%04X", others[i]);
}

static void a_text_is_trimmed_of_blanks_at_both_ends_alone(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {" \t\xc2\xa0", ""},
        {"a", "a"},
        {"\xe3\x80\x80 a b\xc2\xa0\xef\xbb\xbf", "a b"},
        {"\xc3\xa9\xe2\x80\x8b", "\xc3\xa9"},
        {"\xa0 a\xa0", "\xa0 a\xa0"}, /* not UTF-8 */
        {" \xe9 ", "\xe9"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = cases[i][0];
        size_t len = strlen(text);

        dms_utf8_trim(&text, &len);
        assert_int_equal(len, strlen(cases[i][1]));
        assert_memory_equal(text, cases[i][1], len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_point_decodes_to_itself),
        cmocka_unit_test(first_bytes_are_those_of_the_rfc),
        cmocka_unit_test(what_is_no_character_leaves_the_code_alone),
        cmocka_unit_test(the_last_character_is_decoded_as_the_first_is),
        cmocka_unit_test(white_space_is_blank_and_letters_are_not),
        cmocka_unit_test(a_text_is_trimmed_of_blanks_at_both_ends_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
