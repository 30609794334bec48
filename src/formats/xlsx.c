/* Finds the first worksheet: xl/workbook.xml names it by a relation id, and
 * xl/_rels/workbook.xml.rels gives the type and part of that id. Relies on
 * xlsx_part.h to unpack and parse the parts. */
#include "formats/xlsx.h"

#include <string.h>
#include <zip.h>

#include "base/ascii.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "formats/xlsx_part.h"

#define WORKBOOK  "xl/workbook.xml"
#define RELATIONS "xl/_rels/workbook.xml.rels"

enum { SHEETS_MAX = 1024 };

typedef struct workbook {
    const char *name;
    dms_textlist sheets;    /* relation ids, in the workbook's order */
    dms_textlist relations; /* triples of id, type, target */
} workbook;

static dms_status add_text(dms_textlist *list, const char *text,
                           const char *name, dms_error *err)
{
    if (list->count >= 3 * (size_t)SHEETS_MAX)
        return dms_fail(err, DMS_ELIMIT, "%s: more than %d sheets", name,
                        SHEETS_MAX);
    if (dms_textlist_add(list, text ? text : "", text ? strlen(text) : 0) !=
        DMS_OK)
        return dms_fail_memory(err, name);
    return DMS_OK;
}

static dms_status on_workbook(void *user, const char *element,
                              const char **attributes, dms_error *err)
{
    workbook *book = user;

    if (strcmp(element, "sheet") != 0)
        return DMS_OK;
    return add_text(&book->sheets, dms_xlsx_attribute(attributes, "id"),
                    book->name, err);
}

static dms_status on_relations(void *user, const char *element,
                               const char **attributes, dms_error *err)
{
    static const char *const parts[] = {"Id", "Type", "Target"};
    workbook *book = user;
    dms_status st = DMS_OK;

    if (strcmp(element, "Relationship") != 0)
        return DMS_OK;
    for (int i = 0; i < 3; i++)
        TRY(add_text(&book->relations, dms_xlsx_attribute(attributes, parts[i]),
                     book->name, err));
done:
    return st;
}

/* The target of the relation with that id (NULL: any) whose type ends like
 * this. */
static const char *find_target(const workbook *book, const char *id,
                               const char *type)
{
    for (size_t i = 0; i + 2 < book->relations.count; i += 3) {
        const char *found = dms_textlist_get(&book->relations, i + 1);

        if ((!id || strcmp(dms_textlist_get(&book->relations, i), id) == 0) &&
            dms_ends_with(found, strlen(found), type))
            return dms_textlist_get(&book->relations, i + 2);
    }
    return NULL;
}

/* Charts are sheets too, but they are not worksheets. */
static const char *find_worksheet(const workbook *book)
{
    const char *target = NULL;

    for (size_t i = 0; !target && i < book->sheets.count; i++)
        target =
            find_target(book, dms_textlist_get(&book->sheets, i), "/worksheet");
    return target;
}

/* Targets are relative to xl/ or begin with a slash. */
static char *part_of(const char *target)
{
    return target[0] == '/' ? dms_strdup(target + 1)
                            : dms_path_join("xl", target);
}

static dms_status read_strings(dms_textlist *strings, const workbook *book,
                               dms_xlsx_package *package, dms_error *err)
{
    const char *target = find_target(book, NULL, "/sharedStrings");
    char *part;
    dms_status st = DMS_OK;

    if (!target)
        return DMS_OK;
    part = part_of(target);
    if (!part)
        return dms_fail_memory(err, book->name);
    if (dms_xlsx_has_part(package, part))
        st = dms_xlsx_read_strings(strings, package, part, err);
    dms_free(part);
    return st;
}

static dms_status read_first_sheet(dms_table *table, dms_xlsx_package *package,
                                   dms_error *err)
{
    dms_status st = DMS_OK;
    workbook book = {.name = package->name};
    const dms_xlsx_handler on_book = {.user = &book, .start = on_workbook};
    const dms_xlsx_handler on_rels = {.user = &book, .start = on_relations};
    dms_textlist strings = {0};
    const char *target;
    char *part = NULL;

    if (!dms_xlsx_has_part(package, WORKBOOK)) {
        st = dms_fail(
            err, DMS_EFORMAT,
            "%s: is not a workbook (.xlsx): the zip holds no " WORKBOOK "%s",
            package->name,
            dms_xlsx_has_part(package, "xl/workbook.bin")
                ? "; it is a binary one (.xlsb)"
                : "");
        goto done;
    }
    TRY(dms_xlsx_read_part(package, WORKBOOK, &on_book, err));
    TRY(dms_xlsx_read_part(package, RELATIONS, &on_rels, err));
    TRY(read_strings(&strings, &book, package, err));
    target = find_worksheet(&book);
    if (!target) {
        st = dms_fail(err, DMS_EFORMAT, "%s: the workbook has no worksheet",
                      package->name);
        goto done;
    }
    part = part_of(target);
    if (!part) {
        st = dms_fail_memory(err, package->name);
        goto done;
    }
    TRY(dms_xlsx_read_sheet(table, &strings, package, part, err));
done:
    dms_free(part);
    dms_textlist_release(&strings);
    dms_textlist_release(&book.sheets);
    dms_textlist_release(&book.relations);
    return st;
}

static dms_status open_zip(zip_t **zip, const void *data, size_t size,
                           const char *name, dms_error *err)
{
    dms_status st = DMS_OK;
    zip_error_t cause;
    zip_source_t *source;

    if (size > DMS_TABLE_FILE_MAX)
        return dms_fail(err, DMS_ELIMIT, "%s: %zu bytes, at most %d are read",
                        name, size, DMS_TABLE_FILE_MAX);
    zip_error_init(&cause);
    source = zip_source_buffer_create(data, size, 0, &cause);
    *zip = source ? zip_open_from_source(source, ZIP_RDONLY, &cause) : NULL;
    if (!*zip) {
        zip_source_free(source);
        st = dms_fail(err, DMS_EFORMAT, "%s: is not a workbook (.xlsx): %s",
                      name, zip_error_strerror(&cause));
    }
    zip_error_fini(&cause);
    return st;
}

dms_status dms_xlsx_parse(dms_table **out, const void *data, size_t size,
                          const char *name, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_xlsx_package package = {NULL, name, DMS_XLSX_UNPACKED_MAX};
    dms_table *table = NULL;

    TRY(open_zip(&package.zip, data, size, name, err));
    TRY(dms_table_create(&table, name, err));
    TRY(read_first_sheet(table, &package, err));
    *out = table, table = NULL;
done:
    dms_table_destroy(table);
    if (package.zip)
        zip_discard(package.zip);
    return st;
}
