/* Common to all pictures: their memory, the limits of their size, and black
 * behind transparent pixels. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "image/codec.h"

void dms_image_release(dms_image *image)
{
    dms_free(image->rgb);
    memset(image, 0, sizeof *image);
}

dms_status dms_image_check_size(uint64_t width, uint64_t height,
                                const char *name, dms_error *err)
{
    if (width == 0 || height == 0)
        return dms_fail(err, DMS_EFORMAT, "%s: the picture has no pixels",
                        name);
    if (width > DMS_IMAGE_SIDE_MAX || height > DMS_IMAGE_SIDE_MAX)
        return dms_fail(err, DMS_ELIMIT,
                        "%s: %llu x %llu pixels; a side may have at most %d",
                        name, (unsigned long long)width,
                        (unsigned long long)height, DMS_IMAGE_SIDE_MAX);
    if (width * height > DMS_IMAGE_PIXELS_MAX)
        return dms_fail(err, DMS_ELIMIT,
                        "%s: %llu x %llu pixels; at most %d are read", name,
                        (unsigned long long)width, (unsigned long long)height,
                        DMS_IMAGE_PIXELS_MAX);
    return DMS_OK;
}

dms_status dms_image_create(dms_image *out, uint64_t width, uint64_t height,
                            const char *name, dms_error *err)
{
    dms_status st = dms_image_check_size(width, height, name, err);

    if (st != DMS_OK)
        return st;
    out->rgb = dms_calloc((size_t)width * (size_t)height, 3);
    if (!out->rgb)
        return dms_fail_memory(err, "pixels");
    out->width = (int)width;
    out->height = (int)height;
    return DMS_OK;
}

void dms_rgba_over_black(uint8_t *rgb, const uint8_t *rgba, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned alpha = rgba[4 * i + 3];

        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)((rgba[4 * i + c] * alpha + 127) / 255);
    }
}
