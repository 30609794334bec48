#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc_fault.h"
#include "data/labels.h"
#include "formats/text_encoding.h"

#define WIDE_COMMA "\xef\xbc\x8c"

enum { SIZE_MAX_BYTES = 1 << 16 };

typedef struct bytes {
    const char *data;
    size_t size;
} bytes;

#define BYTES(text)                                                            \
    {                                                                          \
        (text), sizeof(text) - 1                                               \
    }

static dms_status decode(dms_text *text, bytes in, dms_text_encoding asked,
                         dms_error *err)
{
    return dms_text_decode(text, in.data, in.size, asked, dms_keywords_known,
                           SIZE_MAX_BYTES, "t.csv", err);
}

static void assert_reads(bytes in, dms_text_encoding asked,
                         dms_text_encoding encoding, const char *expected)
{
    dms_text text = {0};
    dms_error err = {0};

    if (decode(&text, in, asked, &err) != DMS_OK)
        fail_msg("%s: %s", expected, err.message);
    if (text.size != strlen(expected) ||
        memcmp(text.data, expected, text.size) != 0)
        fail_msg("read '%.*s', expected '%s'", (int)text.size, text.data,
                 expected);
    assert_string_equal(dms_text_encoding_word(text.encoding),
                        dms_text_encoding_word(encoding));
    dms_text_release(&text);
}

static void assert_refused(bytes in, dms_text_encoding asked, const char *says)
{
    dms_text text = {0};
    dms_error err = {0};

    assert_int_not_equal(decode(&text, in, asked, &err), DMS_OK);
    if (strcmp(err.message, says) != 0)
        fail_msg("said '%s', expected '%s'", err.message, says);
    assert_null(text.owned);
}

static void a_text_is_read_whatever_its_encoding(void **state)
{
    static const struct {
        bytes in;
        dms_text_encoding encoding;
        const char *text;
    } cases[] = {
        {BYTES(""), DMS_TEXT_UTF_8, ""},
        {BYTES("a,b\n"), DMS_TEXT_UTF_8, "a,b\n"},
        {BYTES("M\xc3\xbcller"), DMS_TEXT_UTF_8, "M\xc3\xbcller"},
        {BYTES("\xef\xbb\xbf"
               "a,b"),
         DMS_TEXT_UTF_8, "a,b"},
        {BYTES("\xff\xfe"
               "a\0,\0\xfc\0"),
         DMS_TEXT_UTF_16LE, "a,\xc3\xbc"},
        {BYTES("\xfe\xff"
               "\0a\0,\0\xfc"),
         DMS_TEXT_UTF_16BE, "a,\xc3\xbc"},
        {BYTES("a\0,\0\xfc\0"), DMS_TEXT_UTF_16LE, "a,\xc3\xbc"},
        {BYTES("\0a\0,\0b\0\n"), DMS_TEXT_UTF_16BE, "a,b\n"},
        {BYTES("\x84\x31\x95\x33"
               "\xd5\xc5"),
         DMS_TEXT_GB18030, "\xe5\xbc\xa0"},
        {BYTES("cataract\xa3\xacnormal fundus,x"), DMS_TEXT_GB18030,
         "cataract" WIDE_COMMA "normal fundus,x"},
        {BYTES("drusen\xa3\xacmaculopathy"), DMS_TEXT_GB18030,
         "drusen" WIDE_COMMA "maculopathy"},
        {BYTES("M\xfcller"), DMS_TEXT_WINDOWS_1252, "M\xc3\xbcller"},
        {BYTES("na\xefve,caf\xe9,\x80 5"), DMS_TEXT_WINDOWS_1252,
         "na\xc3\xafve,caf\xc3\xa9,\xe2\x82\xac 5"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_reads(cases[i].in, DMS_TEXT_FOUND, cases[i].encoding,
                     cases[i].text);
}

static void a_text_that_may_be_two_is_refused_with_both(void **state)
{
    static const bytes name = BYTES("id,name\n1,\xd5\xc5\xc8\xfd\n");

    (void)state;
    assert_refused(name, DMS_TEXT_FOUND,
                   "t.csv: the text is not in UTF-8; it may be in GB18030 "
                   "('\xe5\xbc\xa0\xe4\xb8\x89') or in Windows-1252 "
                   "('\xc3\x95\xc3\x85\xc3\x88\xc3\xbd'): say --encoding "
                   "gb18030 or --encoding windows-1252, or save it as UTF-8");
    assert_reads(name, DMS_TEXT_GB18030, DMS_TEXT_GB18030,
                 "id,name\n1,\xe5\xbc\xa0\xe4\xb8\x89\n");
    assert_reads(name, DMS_TEXT_WINDOWS_1252, DMS_TEXT_WINDOWS_1252,
                 "id,name\n1,\xc3\x95\xc3\x85\xc3\x88\xc3\xbd\n");
}

static void broken_text_is_refused_with_its_line(void **state)
{
    static const struct {
        bytes in;
        dms_text_encoding asked;
        const char *says;
    } cases[] = {
        {BYTES("\xef\xbb\xbf"
               "a\nb\xff"),
         DMS_TEXT_FOUND,
         "t.csv:2: bytes that are not valid in the encoding utf-8"},
        {BYTES("a\r\nb\rc\xff"), DMS_TEXT_UTF_8,
         "t.csv:3: bytes that are not valid in the encoding utf-8"},
        {BYTES("a\0\n\0b"), DMS_TEXT_FOUND,
         "t.csv:2: bytes that are not valid in the encoding utf-16le"},
        {BYTES("a\nb" WIDE_COMMA "\nc" WIDE_COMMA "\xef\xbc"), DMS_TEXT_FOUND,
         "t.csv:3: bytes that are not valid in the encoding utf-8"},
        {BYTES("\xff\xfe"
               "a\0\x00\xd8"),
         DMS_TEXT_FOUND,
         "t.csv:1: bytes that are not valid in the encoding utf-16le"},
        {BYTES("a\n\x81"), DMS_TEXT_FOUND,
         "t.csv:2: the text is not in UTF-8, nor in UTF-16, GB18030 or "
         "Windows-1252; save it as UTF-8"},
        {BYTES("abcdefg\0hijklm\0"), DMS_TEXT_FOUND,
         "t.csv: is not UTF-8 text, nor clearly UTF-16 (it holds NUL "
         "bytes); if it is, say --encoding utf-16le"},
        {BYTES("\xef\xbb\xbf"
               "a"),
         DMS_TEXT_WINDOWS_1252,
         "t.csv: begins with the byte order mark of utf-8, and windows-1252 "
         "was asked for"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].in, cases[i].asked, cases[i].says);
}

static void more_text_than_the_limit_is_refused(void **state)
{
    static char long_text[SIZE_MAX_BYTES];
    const bytes half = {long_text, sizeof long_text / 2 + 1};

    (void)state;
    memset(long_text, 0xe4, sizeof long_text);
    assert_refused(half, DMS_TEXT_WINDOWS_1252,
                   "t.csv: the text has more than 65536 bytes in UTF-8");
    memset(long_text, 'a', sizeof long_text);
    assert_reads((bytes){long_text, 9}, DMS_TEXT_FOUND, DMS_TEXT_UTF_8,
                 "aaaaaaaaa");
    assert_refused((bytes){long_text, sizeof long_text}, DMS_TEXT_UTF_16LE,
                   "t.csv: the text has more than 65536 bytes in UTF-8");
}

static void encodings_have_the_names_that_people_give_them(void **state)
{
    static const struct {
        const char *word;
        dms_text_encoding encoding;
    } cases[] = {
        {NULL, DMS_TEXT_FOUND},
        {"", DMS_TEXT_FOUND},
        {"auto", DMS_TEXT_FOUND},
        {"UTF8", DMS_TEXT_UTF_8},
        {"utf_8", DMS_TEXT_UTF_8},
        {"GBK", DMS_TEXT_GB18030},
        {"cp1252", DMS_TEXT_WINDOWS_1252},
        {"utf-16be", DMS_TEXT_UTF_16BE},
    };
    dms_text_encoding found;
    dms_error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(dms_text_encoding_parse(&found, cases[i].word, NULL),
                         DMS_OK);
        assert_int_equal(found, cases[i].encoding);
    }
    assert_int_equal(dms_text_encoding_parse(&found, "klingon", &err),
                     DMS_EINVAL);
    assert_string_equal(err.message,
                        "encoding 'klingon': expected auto, utf-8, utf-16le, "
                        "utf-16be, gb18030 or windows-1252");
    assert_null(dms_text_encoding_word(DMS_TEXT_ENCODINGS));
}

static void a_failed_allocation_leaks_nothing(void **state)
{
    static const bytes in = BYTES("cataract\xa3\xacnormal fundus");
    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        dms_text text = {0};

        alloc_fault_end(&fault, decode(&text, in, DMS_TEXT_FOUND, NULL));
        dms_text_release(&text);
    }
    assert_true(fault.count >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_read_whatever_its_encoding),
        cmocka_unit_test(a_text_that_may_be_two_is_refused_with_both),
        cmocka_unit_test(broken_text_is_refused_with_its_line),
        cmocka_unit_test(more_text_than_the_limit_is_refused),
        cmocka_unit_test(encodings_have_the_names_that_people_give_them),
        cmocka_unit_test(a_failed_allocation_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
