/* Whatever the bytes: parse or refuse; every cell can be read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "formats/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dms_table *table = NULL;
    dms_error err = {0};
    size_t total = 0;

    if (dms_csv_parse(&table, data, size, "fuzz", &err) != DMS_OK)
        return 0;
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < table->rows[i].count; j++)
            total += strlen(dms_table_cell(table, i, j));
    dms_table_destroy(table);
    if (total > size)
        abort();
    return 0;
}
