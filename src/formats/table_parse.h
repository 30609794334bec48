/* A table from the bytes of a file of any supported kind. */
#ifndef DMS_FORMATS_TABLE_PARSE_H
#define DMS_FORMATS_TABLE_PARSE_H

#include <stddef.h>

#include "dms/status.h"
#include "formats/table.h"
#include "formats/text_encoding.h"

/* Parse size bytes at data: a workbook (xlsx.h) or text (csv.h). The content,
 * not the name, decides which. out->encoding is set to the text's encoding.
 *
 * asked  the encoding of a text; FOUND: detect it, with the help of known
 * known  counts known words; may be NULL
 * name   for messages
 * DMS_EFORMAT for other files that people take for tables (.xls, .ods, HTML,
 * JSON, ...), with a message that says what the file is. Other failures are
 * those of xlsx.h, csv.h and text_encoding.h. */
dms_status dms_table_parse(dms_table **out, const void *data, size_t size,
                           dms_text_encoding asked, dms_text_known *known,
                           const char *name, dms_error *err);

#endif
