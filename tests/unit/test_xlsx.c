#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "formats/xlsx.h"

#define RELATION                                                               \
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

#define WORKBOOK                                                               \
    "<?xml version=\"1.0\"?><workbook xmlns:r=\"" RELATION "\"><sheets>"       \
    "<sheet name=\"chart\" sheetId=\"3\" r:id=\"rId3\"/>"                      \
    "<sheet name=\"first\" sheetId=\"2\" r:id=\"rId2\"/>"                      \
    "<sheet name=\"second\" sheetId=\"1\" r:id=\"rId1\"/>"                     \
    "</sheets></workbook>"

#define RELATIONS                                                              \
    "<Relationships>"                                                          \
    "<Relationship Id=\"rId1\" Type=\"" RELATION                               \
    "/worksheet\" Target=\"worksheets/sheet1.xml\"/>"                          \
    "<Relationship Id=\"rId2\" Type=\"" RELATION                               \
    "/worksheet\" Target=\"/xl/worksheets/sheet2.xml\"/>"                      \
    "<Relationship Id=\"rId3\" Type=\"" RELATION                               \
    "/chartsheet\" Target=\"chartsheets/sheet1.xml\"/>"                        \
    "<Relationship Id=\"rId4\" Type=\"" RELATION                               \
    "/sharedStrings\" Target=\"sharedStrings.xml\"/>"                          \
    "</Relationships>"

#define SHEET(rows) "<worksheet><sheetData>" rows "</sheetData></worksheet>"

static const char strings[] =
    "<sst><si><t>ID</t></si>"
    "<si><r><rPr/><t>rich </t></r><r><t>text</t></r>"
    "<rPh><t>pronounced</t></rPh></si><si/>"
    "<si><t>normal fundus\xef\xbc\x8clens &amp; dust</t></si></sst>";

typedef struct buffer {
    void *data; /* free */
    size_t size;
} buffer;

static void add(zip_t *zip, const char *name, const char *text, size_t size)
{
    zip_source_t *part = zip_source_buffer(zip, text, size, 0);
    zip_int64_t index;

    assert_non_null(part);
    index = zip_file_add(zip, name, part, 0);
    assert_true(index >= 0);
    assert_int_equal(
        zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_DEFLATE, 1),
        0);
}

/* A workbook whose first worksheet is `sheet`. */
static buffer workbook_of(const char *sheet, size_t size)
{
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *zip = zip_open_from_source(source, ZIP_CREATE, NULL);
    buffer out = {0};
    zip_stat_t info;

    assert_non_null(zip);
    zip_source_keep(source);
    add(zip, "xl/workbook.xml", WORKBOOK, strlen(WORKBOOK));
    add(zip, "xl/_rels/workbook.xml.rels", RELATIONS, strlen(RELATIONS));
    add(zip, "xl/sharedStrings.xml", strings, strlen(strings));
    add(zip, "xl/worksheets/sheet1.xml", "<worksheet/>", 12);
    add(zip, "xl/worksheets/sheet2.xml", sheet, size);
    assert_int_equal(zip_close(zip), 0);
    assert_int_equal(zip_source_stat(source, &info), 0);
    out.size = info.size;
    out.data = malloc(out.size);
    assert_non_null(out.data);
    assert_int_equal(zip_source_open(source), 0);
    assert_int_equal(zip_source_read(source, out.data, out.size), out.size);
    zip_source_close(source);
    zip_source_free(source);
    return out;
}

static dms_status parse_sheet(dms_table **table, const char *sheet, size_t size,
                              dms_error *err)
{
    buffer book = workbook_of(sheet, size);
    dms_status st = dms_xlsx_parse(table, book.data, book.size, "x.xlsx", err);

    free(book.data);
    return st;
}

static void every_kind_of_cell_is_read(void **state)
{
    static const char sheet[] = SHEET(
        "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c>"
        "<c r=\"B1\" t=\"s\"><v>1</v></c><c t=\"inlineStr\"><is><r><t>in</t>"
        "</r><r><t>line</t></r></is></c></row>"
        "<row r=\"2\"/>"
        "<row r=\"4\"><c r=\"A4\"><v>17</v></c>"
        "<c r=\"C4\" t=\"b\"><v>1</v></c><c r=\"D4\"><f>1+1</f><v>2.0</v></c>"
        "<c r=\"E4\" t=\"str\"><v>x</v></c><c r=\"F4\"/>"
        "<c r=\"G4\" t=\"s\"><v>3</v></c><c r=\"AA4\"><v>2.50</v></c></row>");
    dms_table *table = NULL;
    dms_error err = {0};

    (void)state;
    if (parse_sheet(&table, sheet, strlen(sheet), &err) != DMS_OK)
        fail_msg("%s", err.message);
    assert_int_equal(table->count, 2);
    assert_string_equal(dms_table_cell(table, 0, 0), "ID");
    assert_string_equal(dms_table_cell(table, 0, 1), "rich text");
    assert_string_equal(dms_table_cell(table, 0, 2), "inline");
    assert_int_equal(table->rows[1].line, 4);
    assert_string_equal(dms_table_cell(table, 1, 0), "17");
    assert_string_equal(dms_table_cell(table, 1, 1), "");
    assert_string_equal(dms_table_cell(table, 1, 2), "1");
    assert_string_equal(dms_table_cell(table, 1, 3), "2");
    assert_string_equal(dms_table_cell(table, 1, 4), "x");
    assert_string_equal(dms_table_cell(table, 1, 5), "");
    assert_string_equal(dms_table_cell(table, 1, 6),
                        "normal fundus\xef\xbc\x8clens & dust");
    assert_string_equal(dms_table_cell(table, 1, 26), "2.50");
    dms_table_destroy(table);
}

static void prefixed_elements_are_the_same(void **state)
{
    static const char sheet[] =
        "<x:worksheet xmlns:x=\"urn:x\"><x:sheetData><x:row><x:c><x:v>7</x:v>"
        "</x:c></x:row></x:sheetData></x:worksheet>";
    dms_table *table = NULL;

    (void)state;
    assert_int_equal(parse_sheet(&table, sheet, strlen(sheet), NULL), DMS_OK);
    assert_string_equal(dms_table_cell(table, 0, 0), "7");
    dms_table_destroy(table);
}

static void broken_sheets_are_refused(void **state)
{
    static const struct {
        const char *sheet;
        dms_status status;
        const char *says;
    } cases[] = {
        {SHEET("<row><c t=\"s\"><v>4</v></c></row>"), DMS_EFORMAT,
         "x.xlsx:1: there is no shared string '4'"},
        {SHEET("<row><c t=\"s\"><v>-1</v></c></row>"), DMS_EFORMAT,
         "no shared string"},
        {SHEET("<row><c r=\"XFE1\"/></row>"), DMS_EFORMAT, "XFE1"},
        {SHEET("<row><c r=\"ZZZZZZZZZZZZ1\"/></row>"), DMS_EFORMAT, "ZZZ"},
        {SHEET("<row><c r=\"B1\"/><c r=\"A1\"/></row>"), DMS_EFORMAT, "A1"},
        {SHEET("<row r=\"2\"/><row r=\"2\"/>"), DMS_EFORMAT, "numbered '2'"},
        {SHEET("<row r=\"9999999\"/>"), DMS_EFORMAT, "9999999"},
        {"<worksheet><sheetData>", DMS_EFORMAT, "sheet2.xml, line 1"},
        {"<!DOCTYPE a [<!ENTITY b \"b\">]><worksheet>&b;</worksheet>",
         DMS_EFORMAT, "document type"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_table *table = NULL;
        dms_error err = {0};
        dms_status st =
            parse_sheet(&table, cases[i].sheet, strlen(cases[i].sheet), &err);

        if (st != cases[i].status || !strstr(err.message, cases[i].says))
            fail_msg("%s: said '%s', want '%s'", cases[i].sheet, err.message,
                     cases[i].says);
        assert_null(table);
    }
}

static void a_bomb_is_refused(void **state)
{
    size_t size = (size_t)DMS_XLSX_UNPACKED_MAX + 1;
    char *sheet = malloc(size);
    dms_table *table = NULL;
    dms_error err = {0};

    (void)state;
    assert_non_null(sheet);
    memset(sheet, ' ', size);
    memcpy(sheet, "<worksheet>", 11);
    assert_int_equal(parse_sheet(&table, sheet, size, &err), DMS_ELIMIT);
    assert_non_null(strstr(err.message, "unpacks to more than"));
    free(sheet);
}

/* 1,100 rows whose only cell is in the last column: 18 million cells. */
static void sparse_rows_cannot_fill_the_memory(void **state)
{
    enum { ROWS = 1100, ROW_BYTES = 40 };
    char *sheet = malloc(ROWS * ROW_BYTES + 64);
    dms_table *table = NULL;
    dms_error err = {0};
    char *at = sheet;

    (void)state;
    assert_non_null(sheet);
    at += sprintf(at, "<worksheet>");
    for (int i = 0; i < ROWS; i++)
        at += sprintf(at, "<row><c r=\"XFD1\"><v>1</v></c></row>");
    at += sprintf(at, "</worksheet>");
    assert_int_equal(parse_sheet(&table, sheet, (size_t)(at - sheet), &err),
                     DMS_ELIMIT);
    assert_non_null(strstr(err.message, "the table is too large"));
    free(sheet);
}

static void a_cut_workbook_is_refused_anywhere(void **state)
{
    static const char sheet[] = SHEET("<row><c><v>1</v></c></row>");
    buffer book = workbook_of(sheet, strlen(sheet));

    (void)state;
    for (size_t size = 0; size < book.size; size += 7) {
        dms_table *table = NULL;
        dms_error err = {0};

        assert_int_equal(
            dms_xlsx_parse(&table, book.data, size, "x.xlsx", &err),
            DMS_EFORMAT);
        assert_non_null(strstr(err.message, "x.xlsx: "));
    }
    free(book.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_cell_is_read),
        cmocka_unit_test(prefixed_elements_are_the_same),
        cmocka_unit_test(broken_sheets_are_refused),
        cmocka_unit_test(a_bomb_is_refused),
        cmocka_unit_test(sparse_rows_cannot_fill_the_memory),
        cmocka_unit_test(a_cut_workbook_is_refused_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
