/* Office Open XML workbooks: the texts of the first worksheet. */
#ifndef DMS_FORMATS_XLSX_H
#define DMS_FORMATS_XLSX_H

#include <stddef.h>

#include "dms/status.h"
#include "formats/table.h"

/* Parse the workbook in the size bytes at data; name is for messages.
 *
 * Reads the first worksheet in the workbook's order: shared strings (rich text
 * too), inline strings, numbers as written without a trailing ".0", booleans as
 * 0 and 1, and the stored results of formulas. A row's line is its worksheet
 * row. DMS_EFORMAT if data is not a workbook; DMS_ELIMIT past the limits of
 * table.h or above DMS_XLSX_UNPACKED_MAX bytes of unpacked XML. */
enum { DMS_XLSX_UNPACKED_MAX = 128 << 20 };
dms_status dms_xlsx_parse(dms_table **out, const void *data, size_t size,
                          const char *name, dms_error *err);

#endif
