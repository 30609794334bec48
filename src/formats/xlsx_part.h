/* The XML parts of a workbook's zip, streamed through expat. Only for
 * xlsx*.c. */
#ifndef DMS_FORMATS_XLSX_PART_H
#define DMS_FORMATS_XLSX_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <zip.h>

#include "base/strbuf.h"
#include "dms/status.h"
#include "formats/table.h"
#include "formats/textlist.h"

typedef struct dms_xlsx_package {
    zip_t *zip;
    const char *name; /* of the workbook, for messages */
    size_t budget;    /* bytes that may still be unpacked */
} dms_xlsx_package;

/* Callbacks that read a part. Element names come without namespace prefix;
 * attributes are expat's list of names and values, which NULL ends. */
typedef struct dms_xlsx_handler {
    void *user;
    dms_status (*start)(void *user, const char *element,
                        const char **attributes, dms_error *err);
    dms_status (*end)(void *user, const char *element, dms_error *err);
    void (*text)(void *user, const char *text, size_t len);
} dms_xlsx_handler;

bool dms_xlsx_has_part(const dms_xlsx_package *package, const char *part);

/* Parse the zip's entry `part`. handler's end and text may be NULL. Document
 * types (entities) are refused. */
dms_status dms_xlsx_read_part(dms_xlsx_package *package, const char *part,
                              const dms_xlsx_handler *handler, dms_error *err);

/* The value of the attribute with that name, without prefix; NULL if it is
 * missing. */
const char *dms_xlsx_attribute(const char **attributes, const char *name);

/* Append the texts of xl/sharedStrings.xml's <si> to strings. */
dms_status dms_xlsx_read_strings(dms_textlist *strings,
                                 dms_xlsx_package *package, const char *part,
                                 dms_error *err);

/* Append a worksheet's rows to table. */
dms_status dms_xlsx_read_sheet(dms_table *table, const dms_textlist *strings,
                               dms_xlsx_package *package, const char *part,
                               dms_error *err);

#endif
