/* Turns a picture upright by its EXIF orientation. Relies on the caller for an
 * orientation of 1 to 8. */
#include <string.h>

#include "base/fail.h"
#include "image/codec.h"

/* For each EXIF orientation, where the stored picture has pixel (x, y) of the
 * upright one: first exchange the axes, then mirror in the stored picture. */
typedef struct turn {
    bool transpose, mirror_x, mirror_y;
} turn;

static const turn turns[9] = {
    [2] = {false, true, false}, [3] = {false, true, true},
    [4] = {false, false, true}, [5] = {true, false, false},
    [6] = {true, false, true},  [7] = {true, true, true},
    [8] = {true, true, false},
};

static void turn_pixels(dms_image *dst, const dms_image *src, turn t)
{
    for (int y = 0; y < dst->height; y++) {
        uint8_t *row = dst->rgb + (size_t)y * (size_t)dst->width * 3;

        for (int x = 0; x < dst->width; x++) {
            int u = t.transpose ? y : x;
            int v = t.transpose ? x : y;

            u = t.mirror_x ? src->width - 1 - u : u;
            v = t.mirror_y ? src->height - 1 - v : v;
            memcpy(row + 3 * x,
                   src->rgb + ((size_t)v * (size_t)src->width + (size_t)u) * 3,
                   3);
        }
    }
}

dms_status dms_image_orient(dms_image *image, int orientation, dms_error *err)
{
    dms_status st;
    dms_image turned = {0};
    turn t;

    if (orientation < 2 || orientation > 8)
        return DMS_OK;
    t = turns[orientation];
    st = dms_image_create(
        &turned, (uint64_t)(t.transpose ? image->height : image->width),
        (uint64_t)(t.transpose ? image->width : image->height), "turned", err);
    if (st != DMS_OK)
        return st;
    turn_pixels(&turned, image, t);
    dms_image_release(image);
    *image = turned;
    return DMS_OK;
}
