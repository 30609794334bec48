/* Comma-separated values: RFC 4180 and the variants that spreadsheets write. */
#ifndef DMS_FORMATS_CSV_H
#define DMS_FORMATS_CSV_H

#include <stddef.h>

#include "base/strbuf.h"
#include "dms/status.h"
#include "formats/table.h"

/* Parse size bytes of UTF-8 at data; name is for messages.
 *
 * A line "sep=;" before the first line sets the separator. Otherwise it is the
 * one of ',' ';' '|' and tab that occurs most often in the header: the first of
 * the first ten lines that has as many of it as the next line, else the first
 * line. Quoted cells may contain separators, line ends and doubled quotes.
 * Lines end in LF, CRLF or CR. A UTF-8 byte order mark and empty lines are
 * skipped. DMS_EFORMAT for an unclosed quote, text after a closing quote,
 * invalid UTF-8 or a NUL byte; DMS_ELIMIT past the limits of table.h. */
dms_status dms_csv_parse(dms_table **out, const void *data, size_t size,
                         const char *name, dms_error *err);

/* Write a name as one cell: escaped as a line by base/name.h, and quoted if it
 * contains a separator or a quote. */
void dms_csv_put_name(dms_strbuf *out, const char *name);

#endif
