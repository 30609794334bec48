/* Whatever the bytes: parse or refuse, and every view lies within them. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dms_safetensors *file = NULL;
    dms_error err = {0};

    if (dms_safetensors_parse(&file, data, size, "fuzz", &err) != DMS_OK)
        return 0;
    for (size_t i = 0; i < dms_safetensors_count(file); i++) {
        const dms_tensor_view *view = dms_safetensors_at(file, i);
        const uint8_t *begin = view->data;

        if (begin < data || view->size > size ||
            begin + view->size > data + size ||
            dms_safetensors_find(file, view->name) != view)
            abort();
    }
    dms_safetensors_close(file);
    return 0;
}
