/* Whatever the bytes: every entry lies within them, none overlaps, and each
 * is found by its name. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/zip_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dms_zip_store *zip = NULL;
    dms_error err = {0};
    size_t sum = 0;

    if (dms_zip_store_create(&zip, data, size, "fuzz", &err) != DMS_OK)
        return 0;
    for (size_t i = 0; i < dms_zip_store_count(zip); i++) {
        const dms_zip_entry *entry = dms_zip_store_at(zip, i);

        if (entry->data < data || entry->data > data + size ||
            entry->size > (size_t)(data + size - entry->data) ||
            dms_zip_store_find(zip, entry->name, entry->name_len) != entry)
            abort();
        sum += entry->size;
        dms_zip_store_check(zip, entry, NULL);
    }
    if (sum > size)
        abort();
    dms_zip_store_destroy(zip);
    return 0;
}
