/* THE way from a photograph to the model's pixels: training, evaluation,
 * prediction and serving all come through here. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "dms/image.h"
#include "image/enhance.h"

enum { CHANNELS = 3, SIDE_MIN = 32, SIDE_MAX = 2048 };

dms_preprocess dms_preprocess_default(int size)
{
    return (dms_preprocess){.size = size,
                            .crop = true,
                            .filter = DMS_FILTER_BICUBIC,
                            .enhance = DMS_ENHANCE_NONE};
}

const char *dms_filter_name(dms_filter filter)
{
    static const char *const names[] = {"bilinear", "bicubic", "lanczos"};

    return (size_t)filter < sizeof names / sizeof names[0] ? names[filter]
                                                           : NULL;
}

const char *dms_enhance_name(dms_enhance enhance)
{
    static const char *const names[] = {"none", "clahe", "graham"};

    return (size_t)enhance < sizeof names / sizeof names[0] ? names[enhance]
                                                            : NULL;
}

static dms_status check_settings(const dms_preprocess *s, dms_error *err)
{
    if (s->size < SIDE_MIN || s->size > SIDE_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "preprocessing: size %d is not from %d to %d pixels",
                        s->size, SIDE_MIN, SIDE_MAX);
    if (!dms_filter_name(s->filter) || !dms_enhance_name(s->enhance))
        return dms_fail(err, DMS_EINVAL,
                        "preprocessing: no filter %d or enhancement %d",
                        (int)s->filter, (int)s->enhance);
    return DMS_OK;
}

/* The square of the picture that becomes the model's input; it may reach
 * beyond the picture, where it is black. */
typedef struct square {
    double left, top, side;
} square;

static square choose_square(const dms_image *image, const dms_field *field,
                            bool crop)
{
    double side = fmin(image->width, image->height);

    if (crop &&
        (field->kind == DMS_FIELD_CIRCLE || field->kind == DMS_FIELD_CUT))
        return (square){field->center_x - field->radius,
                        field->center_y - field->radius, 2 * field->radius};
    if (!crop || field->kind == DMS_FIELD_CROPPED)
        side = fmax(image->width, image->height); /* nothing is cut off */
    return (square){(image->width - side) / 2, (image->height - side) / 2,
                    side};
}

/* Resample the part of the square that lies inside the picture to its place
 * in the black output. */
static dms_status resample_square(uint8_t *rgb, const dms_image *image,
                                  const square *s,
                                  const dms_preprocess *settings,
                                  dms_error *err)
{
    dms_status st;
    int size = settings->size;
    double scale = size / s->side;
    int left = (int)ceil(fmax(0, -s->left) * scale - 1e-9);
    int top = (int)ceil(fmax(0, -s->top) * scale - 1e-9);
    int right =
        (int)floor(fmin(s->side, image->width - s->left) * scale + 1e-9);
    int bottom =
        (int)floor(fmin(s->side, image->height - s->top) * scale + 1e-9);
    dms_image part = {0};
    dms_box box;

    memset(rgb, 0, (size_t)size * (size_t)size * CHANNELS);
    if (left >= right || top >= bottom)
        return dms_fail(err, DMS_EFORMAT,
                        "the picture of %d x %d is too narrow for %d pixels",
                        image->width, image->height, size);
    box = (dms_box){fmax(0, s->left + left / scale),
                    fmax(0, s->top + top / scale),
                    fmin(image->width, s->left + right / scale),
                    fmin(image->height, s->top + bottom / scale)};
    TRY(dms_image_resize(&part, image, right - left, bottom - top,
                         settings->filter, &box, err));
    for (int h = 0; h < part.height; h++)
        memcpy(rgb +
                   ((size_t)(top + h) * (size_t)size + (size_t)left) * CHANNELS,
               part.rgb + (size_t)h * (size_t)part.width * CHANNELS,
               (size_t)part.width * CHANNELS);
done:
    dms_image_release(&part);
    return st;
}

dms_status dms_preprocess_image(uint8_t *rgb, dms_field *field,
                                const dms_image *image,
                                const dms_preprocess *settings, dms_error *err)
{
    dms_status st;
    dms_field found = {0};
    square s;

    TRY(check_settings(settings, err));
    TRY(dms_field_find(&found, image, err));
    s = choose_square(image, &found, settings->crop);
    TRY(resample_square(rgb, image, &s, settings, err));
    TRY(dms_enhance_apply(rgb, settings->size, settings->enhance, err));
    if (field)
        *field = found;
done:
    return st;
}

dms_status dms_preprocess_file(uint8_t *rgb, dms_field *field, const char *path,
                               const dms_preprocess *settings, dms_error *err)
{
    dms_status st;
    dms_image image = {0};

    TRY(check_settings(settings, err));
    /* The retina may fill two thirds of the frame's height only: decode so
     * that it still has more pixels than are needed. */
    TRY(dms_image_read(&image, path, settings->size * 3 / 2, err));
    TRY(dms_preprocess_image(rgb, field, &image, settings, err));
done:
    dms_image_release(&image);
    return st;
}

void dms_pixels_normalise(float *planes, const uint8_t *rgb, int size)
{
    static const float mean[] = {0.485f, 0.456f, 0.406f};
    static const float deviation[] = {0.229f, 0.224f, 0.225f};
    size_t count = (size_t)size * (size_t)size;

    for (int c = 0; c < CHANNELS; c++) {
        float scale = 1 / (255 * deviation[c]);
        float shift = -mean[c] / deviation[c];
        float *plane = planes + (size_t)c * count;

        for (size_t i = 0; i < count; i++)
            plane[i] = (float)rgb[i * CHANNELS + (size_t)c] * scale + shift;
    }
}
