/* Whatever the bytes: parse or refuse, and every element of every view lies
 * within them. A zip is tried a second time with its CRCs set right, so that
 * a mutation is not stopped by them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "formats/torch_pth.h"
#include "formats/zip_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes from the view's first element to the end of its last. */
static size_t covered(const dms_tensor_view *view)
{
    size_t last = 0, count = 1;

    for (int i = 0; i < view->axes; i++)
        count *= (size_t)view->shape[i];
    if (!view->strided || count == 0)
        return count * dms_dtype_size(view->dtype);
    for (int i = 0; i < view->axes; i++)
        last += (size_t)(view->shape[i] - 1) * (size_t)view->stride[i];
    return (last + 1) * dms_dtype_size(view->dtype);
}

static void parse(const uint8_t *data, size_t size)
{
    dms_torch_file *file = NULL;
    dms_error err = {0};

    dms_torch_recognise(data, size);
    if (dms_torch_parse(&file, data, size, "fuzz", &err) != DMS_OK) {
        if (err.code == DMS_OK || strchr(err.message, '\n'))
            abort();
        return;
    }
    for (size_t i = 0; i < dms_torch_count(file); i++) {
        const dms_tensor_view *view = dms_torch_at(file, i);
        const uint8_t *begin = view->data;

        if (begin < data || begin > data + size ||
            view->size > (size_t)(data + size - begin) ||
            covered(view) > view->size ||
            (!view->strided && covered(view) != view->size) ||
            strlen(view->name) == 0 || strlen(view->name) > 256)
            abort();
    }
    dms_torch_close(file);
}

/* Central headers follow each other; a CRC stands 16 bytes behind the
 * signature, the name 46. */
static void mend(uint8_t *copy, size_t size, const dms_zip_store *zip)
{
    for (size_t at = 0; at + 46 < size; at++) {
        size_t len = copy[at + 28] | (size_t)copy[at + 29] << 8;
        const dms_zip_entry *entry = NULL;
        uLong crc;

        if (memcmp(copy + at, "PK\1\2", 4) == 0 && len <= size - at - 46)
            entry = dms_zip_store_find(zip, (char *)copy + at + 46, len);
        if (!entry)
            continue;
        crc = crc32_z(0, entry->data, entry->size);
        for (int i = 0; i < 4; i++)
            copy[at + 16 + i] = (uint8_t)(crc >> 8 * i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dms_zip_store *zip = NULL;
    uint8_t *copy;

    parse(data, size);
    if (dms_zip_store_create(&zip, data, size, "fuzz", NULL) != DMS_OK)
        return 0;
    copy = malloc(size + 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    mend(copy, size, zip);
    parse(copy, size);
    free(copy);
    dms_zip_store_destroy(zip);
    return 0;
}
