/* Unpacks a part of the zip and parses it in chunks; the first failure stops
 * both. Relies on libzip and expat. */
#include "formats/xlsx_part.h"

#include <expat.h>
#include <string.h>

#include "base/fail.h"
#include "formats/xlsx.h"

enum { CHUNK_BYTES = 8 << 10 }; /* on the stack */

typedef struct part_reader {
    const dms_xlsx_handler *handler;
    XML_Parser parser;
    const dms_xlsx_package *package;
    const char *part;
    dms_status st; /* the first failure, else DMS_OK */
    dms_error *err;
} part_reader;

static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

const char *dms_xlsx_attribute(const char **attributes, const char *name)
{
    for (; attributes[0]; attributes += 2)
        if (strcmp(local_name(attributes[0]), name) == 0)
            return attributes[1];
    return NULL;
}

bool dms_xlsx_has_part(const dms_xlsx_package *package, const char *part)
{
    return zip_name_locate(package->zip, part, ZIP_FL_NOCASE) >= 0;
}

static void stop(part_reader *r, dms_status st)
{
    r->st = st;
    XML_StopParser(r->parser, XML_FALSE);
}

/* expat may still report the end of an element after XML_StopParser. */
static void on_start(void *user, const char *name, const char **attributes)
{
    part_reader *r = user;
    dms_status st;

    if (r->st != DMS_OK)
        return;
    st = r->handler->start(r->handler->user, local_name(name), attributes,
                           r->err);
    if (st != DMS_OK)
        stop(r, st);
}

static void on_end(void *user, const char *name)
{
    part_reader *r = user;
    dms_status st;

    if (r->st != DMS_OK || !r->handler->end)
        return;
    st = r->handler->end(r->handler->user, local_name(name), r->err);
    if (st != DMS_OK)
        stop(r, st);
}

static void on_text(void *user, const char *text, int len)
{
    part_reader *r = user;

    if (r->st == DMS_OK && r->handler->text)
        r->handler->text(r->handler->user, text, (size_t)len);
}

static void on_doctype(void *user, const char *doctype, const char *system,
                       const char *public, int internal)
{
    part_reader *r = user;

    (void)doctype, (void)system, (void)public, (void)internal;
    stop(r, dms_fail(r->err, DMS_EFORMAT,
                     "%s: %s declares a document type, which no workbook does",
                     r->package->name, r->part));
}

static dms_status parse_chunk(part_reader *r, const char *chunk, int len,
                              bool last)
{
    if (XML_Parse(r->parser, chunk, len, last) == XML_STATUS_OK)
        return DMS_OK;
    if (r->st != DMS_OK)
        return r->st;
    if (XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY)
        return dms_fail_memory(r->err, r->package->name);
    return dms_fail(r->err, DMS_EFORMAT, "%s: %s, line %lu: %s",
                    r->package->name, r->part,
                    (unsigned long)XML_GetCurrentLineNumber(r->parser),
                    XML_ErrorString(XML_GetErrorCode(r->parser)));
}

/* The sizes in the zip are not trusted: the unpacked bytes are counted. */
static dms_status parse_file(part_reader *r, zip_file_t *file, size_t *budget)
{
    char chunk[CHUNK_BYTES];
    zip_int64_t got;

    while ((got = zip_fread(file, chunk, sizeof chunk)) > 0) {
        dms_status st;

        if ((size_t)got > *budget)
            return dms_fail(r->err, DMS_ELIMIT,
                            "%s: unpacks to more than %d bytes",
                            r->package->name, DMS_XLSX_UNPACKED_MAX);
        *budget -= (size_t)got;
        st = parse_chunk(r, chunk, (int)got, false);
        if (st != DMS_OK)
            return st;
    }
    if (got < 0)
        return dms_fail(r->err, DMS_EFORMAT, "%s: cannot unpack %s: %s",
                        r->package->name, r->part, zip_file_strerror(file));
    return parse_chunk(r, chunk, 0, true);
}

dms_status dms_xlsx_read_part(dms_xlsx_package *package, const char *part,
                              const dms_xlsx_handler *handler, dms_error *err)
{
    dms_status st = DMS_OK;
    part_reader r = {handler, NULL, package, part, DMS_OK, err};
    zip_file_t *file = zip_fopen(package->zip, part, ZIP_FL_NOCASE);

    if (!file)
        return dms_fail(err, DMS_EFORMAT, "%s: cannot unpack %s: %s",
                        package->name, part, zip_strerror(package->zip));
    r.parser = XML_ParserCreate(NULL);
    if (!r.parser) {
        st = dms_fail_memory(err, package->name);
        goto done;
    }
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    TRY(parse_file(&r, file, &package->budget));
done:
    XML_ParserFree(r.parser);
    zip_fclose(file);
    return st;
}
