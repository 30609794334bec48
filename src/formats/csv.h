/* Comma-separated values: RFC 4180 and what spreadsheets make of it. */
#ifndef DMS_FORMATS_CSV_H
#define DMS_FORMATS_CSV_H

#include <stddef.h>

#include "base/strbuf.h"
#include "dms/status.h"
#include "formats/table.h"

/* Parse size bytes of UTF-8 at data; name is for messages.
 *
 * Cells are separated by the one of ',' ';' '|' and tab that the first line has
 * most of, or by what a line "sep=;" before it says; quoted cells may hold
 * separators, line ends and doubled quotes. Lines end in LF, CRLF or CR; a
 * UTF-8 byte order mark and empty lines are passed over. DMS_EFORMAT for a
 * quote that is never closed, text after a closing quote, bytes that are no
 * UTF-8, a NUL byte; DMS_ELIMIT past table.h's limits. */
dms_status dms_csv_parse(dms_table **out, const void *data, size_t size,
                         const char *name, dms_error *err);

/* A name as one cell: as base/name.h writes a line, between quotes where it
 * holds a separator or a quote. */
void dms_csv_put_name(dms_strbuf *out, const char *name);

#endif
