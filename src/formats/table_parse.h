/* A table from the bytes of a file, whatever kind of file it is. */
#ifndef DMS_FORMATS_TABLE_PARSE_H
#define DMS_FORMATS_TABLE_PARSE_H

#include <stddef.h>

#include "dms/status.h"
#include "formats/table.h"
#include "formats/text_encoding.h"

/* Parse size bytes at data: a workbook (xlsx.h) or text (csv.h), told apart by
 * content and not by name; out->encoding says which encoding the text has.
 *
 * asked  of a text; FOUND: found out, with the help of the words known
 * known  may be NULL
 * name   for messages
 * DMS_EFORMAT for other files that are taken for tables (.xls, .ods, HTML,
 * JSON, ...), saying what it is; else as the three readers. */
dms_status dms_table_parse(dms_table **out, const void *data, size_t size,
                           dms_text_encoding asked, dms_text_known *known,
                           const char *name, dms_error *err);

#endif
