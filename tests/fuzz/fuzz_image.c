/* A picture file from anywhere: decoded or refused, and the field of view and
 * the model's input follow from whatever was decoded. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "dms/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t rgb[32 * 32 * 3];
    dms_preprocess settings = dms_preprocess_default(32);
    dms_image image = {0};
    dms_error err = {0};

    if (dms_image_decode(&image, data, size, "fuzz", 64, &err) != DMS_OK) {
        if (image.rgb || !err.message[0])
            abort();
        return 0;
    }
    if (dms_preprocess_image(rgb, NULL, &image, &settings, &err) != DMS_OK &&
        err.code != DMS_ENOMEM)
        abort();
    dms_image_release(&image);
    return 0;
}
