/* Recognises a file by its content and calls its reader. The name is not used,
 * because users have tables in many kinds of files and the name is often wrong:
 * HTML as .xls, a workbook as .csv. Relies on csv.h, xlsx.h and
 * text_encoding.h. */
#include "formats/table_parse.h"

#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"
#include "base/fail.h"
#include "base/file_kind.h"
#include "formats/csv.h"
#include "formats/xlsx.h"

#define OLE2     "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#define ODS_TYPE "mimetypeapplication/vnd.oasis.opendocument"

enum { ZIP_NAME_AT = 30 }; /* offset of the first entry's name */

static bool begins_with(const char *data, size_t size, const char *bytes,
                        size_t len)
{
    return size >= len && memcmp(data, bytes, len) == 0;
}

/* Does an OLE2 file contain a part of that name? Names are in UTF-16LE. */
static bool has_part(const char *data, size_t size, const char *part)
{
    size_t len = strlen(part);

    for (size_t i = 0; i + 2 * len <= size; i++) {
        size_t same = 0;

        while (same < len && data[i + 2 * same] == part[same] &&
               data[i + 2 * same + 1] == '\0')
            same++;
        if (same == len)
            return true;
    }
    return false;
}

static dms_status refuse_workbook(const char *data, size_t size,
                                  const char *name, dms_error *err)
{
    if (begins_with(data, size, OLE2, 8) &&
        has_part(data, size, "EncryptedPackage"))
        return dms_fail(err, DMS_EFORMAT,
                        "%s: is a workbook with a password; save it without "
                        "one",
                        name);
    if (begins_with(data, size, OLE2, 8))
        return dms_fail(err, DMS_EFORMAT,
                        "%s: is an old workbook (.xls); save it as .xlsx or as "
                        "CSV",
                        name);
    return DMS_OK;
}

/* Markup is refused when it is decoded: it may be UTF-16. */
static dms_status refuse_other(const char *data, size_t size, const char *name,
                               dms_error *err)
{
    const dms_file_kind *kind = dms_file_kind_of(data, size);

    if (!kind || kind->group == DMS_FILE_MARKUP)
        return DMS_OK;
    return dms_fail(err, DMS_EFORMAT,
                    "%s: is %s, expected a table (.xlsx or CSV)%s", name,
                    kind->what,
                    kind->group == DMS_FILE_DOCUMENT
                        ? "; save the table in it as one of these"
                        : "");
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && dms_ascii_is_space(*at))
        at++;
    return at;
}

/* Markup and JSON would also parse as CSV, with one odd column. NULL if the
 * text is neither. */
static const char *markup_of(const dms_text *text)
{
    const char *end = text->data + text->size;
    const char *first = skip_blanks(text->data, end);
    const char *second = first < end ? skip_blanks(first + 1, end) : end;

    if (second == end)
        return NULL;
    if (*first == '<' && dms_ascii_contains("?!hmt", (char[]){*second, 0}))
        return *second == '?' ? "XML" : "HTML";
    if ((*first == '{' && strchr("\"}", *second)) ||
        (*first == '[' && strchr("{[]\"", *second)))
        return "JSON";
    return NULL;
}

static dms_status parse_text(dms_table **out, const void *data, size_t size,
                             dms_text_encoding asked, dms_text_known *known,
                             const char *name, dms_error *err)
{
    dms_text text = {0};
    const char *markup;
    dms_status st;

    TRY(dms_text_decode(&text, data, size, asked, known, DMS_TABLE_FILE_MAX,
                        name, err));
    markup = markup_of(&text);
    if (markup)
        st = dms_fail(err, DMS_EFORMAT,
                      "%s: is %s, expected a table (.xlsx or CSV); open it in "
                      "a spreadsheet and save it as one of these",
                      name, markup);
    else
        st = dms_csv_parse(out, text.data, text.size, name, err);
    if (st == DMS_OK)
        (*out)->encoding = text.encoding;
done:
    dms_text_release(&text);
    return st;
}

dms_status dms_table_parse(dms_table **out, const void *data, size_t size,
                           dms_text_encoding asked, dms_text_known *known,
                           const char *name, dms_error *err)
{
    const char *bytes = size > 0 ? data : "";
    dms_status st;

    TRY(refuse_workbook(bytes, size, name, err));
    if (!begins_with(bytes, size, "PK\3\4", 4)) {
        TRY(refuse_other(bytes, size, name, err));
        return parse_text(out, data, size, asked, known, name, err);
    }
    if (size > ZIP_NAME_AT &&
        begins_with(bytes + ZIP_NAME_AT, size - ZIP_NAME_AT, ODS_TYPE,
                    strlen(ODS_TYPE)))
        return dms_fail(err, DMS_EFORMAT,
                        "%s: is an OpenDocument file (.ods); save it as .xlsx "
                        "or as CSV",
                        name);
    st = dms_xlsx_parse(out, data, size, name, err);
done:
    return st;
}
