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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_point_decodes_to_itself),
        cmocka_unit_test(first_bytes_are_those_of_the_rfc),
        cmocka_unit_test(what_is_no_character_leaves_the_code_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
