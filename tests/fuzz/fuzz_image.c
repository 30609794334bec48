/* A picture file from anywhere: decoded or refused, and the field of view and
 * the model's input follow from whatever was decoded. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "dms/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reduced, by the scan decoder of our own, a JPEG is taken or refused as at
 * full size by libjpeg. */
static void compare_reduced(const uint8_t *data, size_t size, dms_status full)
{
    dms_image image = {0};
    dms_status st = dms_image_decode(&image, data, size, "fuzz", 3, NULL);

    if (st != full && st != DMS_ENOMEM && full != DMS_ENOMEM)
        abort();
    dms_image_release(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t rgb[32 * 32 * 3];
    dms_preprocess settings = dms_preprocess_default(32);
    dms_image image = {0};
    dms_error err = {0};
    dms_status st = dms_image_decode(&image, data, size, "fuzz", 0, &err);

    compare_reduced(data, size, st);
    if (st != DMS_OK) {
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
