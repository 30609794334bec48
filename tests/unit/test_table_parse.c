#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "formats/table_parse.h"

#define OLE2 "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
/* a zip's head, up to the name of its first entry */
#define ZIP30 "PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void files_that_are_no_tables_say_what_they_are(void **state)
{
#define CASE(text, says)                                                       \
    {                                                                          \
        (text), sizeof(text) - 1, (says)                                       \
    }
    static const struct {
        const char *data;
        size_t size;
        const char *says;
    } cases[] = {
        CASE(OLE2 "\0\0W\0o\0r\0k\0b\0o\0o\0k\0",
             "t: is an old workbook (.xls); save it as .xlsx or as CSV"),
        CASE(OLE2 "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0",
             "t: is a workbook with a password; save it without one"),
        CASE(ZIP30 "mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
             "t: is an OpenDocument file (.ods); save it as .xlsx or as CSV"),
        CASE("\r\n <!DOCTYPE html>",
             "t: is HTML, expected a table (.xlsx or CSV); open it in a "
             "spreadsheet and save it as one of these"),
        CASE("<TABLE><TR>",
             "t: is HTML, expected a table (.xlsx or CSV); open it in a "
             "spreadsheet and save it as one of these"),
        CASE("<?xml version='1.0'?>",
             "t: is XML, expected a table (.xlsx or CSV); open it in a "
             "spreadsheet and save it as one of these"),
        CASE("\xef\xbb\xbf[\n{\"ID\": 1}]",
             "t: is JSON, expected a table (.xlsx or CSV); open it in a "
             "spreadsheet and save it as one of these"),
        CASE("{ \"ID\": [1, 2] }",
             "t: is JSON, expected a table (.xlsx or CSV); open it in a "
             "spreadsheet and save it as one of these"),
        CASE("\x1f\x8b\x08\0",
             "t: is compressed by gzip (unpack it first), expected a table "
             "(.xlsx or CSV)"),
        CASE("\xff\xd8\xff\xe0\0\x10JFIF",
             "t: is a photograph (JPEG), expected a table (.xlsx or CSV)"),
        CASE("version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
             "t: is a Git LFS pointer, not the file itself (run 'git lfs "
             "pull'), expected a table (.xlsx or CSV)"),
        CASE("%PDF-1.7",
             "t: is a PDF document, expected a table (.xlsx or CSV); save the "
             "table in it as one of these"),
    };
#undef CASE

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_table *table = NULL;
        dms_error err = {0};

        assert_int_equal(dms_table_parse(&table, cases[i].data, cases[i].size,
                                         DMS_TEXT_FOUND, NULL, "t", &err),
                         DMS_EFORMAT);
        assert_string_equal(err.message, cases[i].says);
    }
}

static void odd_headers_are_still_tables(void **state)
{
    static const char *const cases[] = {"",      "<", "<id>,b", "[id],b",
                                        "{x},b", "{", "PK,b"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_table *table = NULL;
        dms_error err = {0};

        if (dms_table_parse(&table, cases[i], strlen(cases[i]), DMS_TEXT_FOUND,
                            NULL, "t", &err) != DMS_OK)
            fail_msg("%s: %s", cases[i], err.message);
        assert_int_equal(table->encoding, DMS_TEXT_UTF_8);
        dms_table_destroy(table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_no_tables_say_what_they_are),
        cmocka_unit_test(odd_headers_are_still_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
