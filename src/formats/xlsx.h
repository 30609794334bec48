/* Office Open XML workbooks: the texts of the first worksheet. */
#ifndef DMS_FORMATS_XLSX_H
#define DMS_FORMATS_XLSX_H

#include <stddef.h>

#include "dms/status.h"
#include "formats/table.h"

/* Parse the workbook of size bytes at data; name is for messages.
 *
 * The first worksheet in the workbook's order. Shared (rich text too) and
 * inline strings, numbers as written without a trailing ".0", booleans as 0
 * and 1, formulas' stored results. A row's line is its worksheet row.
 * DMS_EFORMAT for what is no workbook; DMS_ELIMIT past table.h's limits and
 * above DMS_XLSX_UNPACKED_MAX bytes of unpacked XML. */
enum { DMS_XLSX_UNPACKED_MAX = 128 << 20 };
dms_status dms_xlsx_parse(dms_table **out, const void *data, size_t size,
                          const char *name, dms_error *err);

#endif
