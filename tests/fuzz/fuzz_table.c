/* Whatever the bytes and the encoding asked for: parse or refuse; every cell
 * is UTF-8. The last byte is the encoding. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "data/labels.h"
#include "formats/table_parse.h"
#include "formats/text_plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dms_table *table = NULL;
    dms_error err = {0};
    dms_text_encoding asked =
        size > 0 ? (dms_text_encoding)(data[size - 1] % DMS_TEXT_ENCODINGS)
                 : DMS_TEXT_FOUND;
    size_t total = 0;

    if (dms_table_parse(&table, data, size, asked, dms_keywords_known, "fuzz",
                        &err) != DMS_OK) {
        assert(err.message[0] && !table);
        return 0;
    }
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < table->rows[i].count; j++) {
            const char *cell = dms_table_cell(table, i, j);
            size_t len = strlen(cell);

            assert(dms_text_valid(cell, len) == len);
            total += len;
        }
    assert(table->encoding == DMS_TEXT_FOUND || total <= 3 * size);
    dms_table_destroy(table);
    return 0;
}
