/* From a photograph to the model's square input: decode, find the field, crop,
 * resize, enhance. Training, prediction and the cache all use this one path. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "image/codec.h"
#include "image/digest.h"
#include "image/enhance.h"
#include "image/resize.h"

enum { INPUT_MIN = 32, INPUT_MAX = 2048 };

/* A frame is decoded with its shorter side at least this many times the
 * model's, since the retina is a little smaller than the frame. */
#define FRAME_FACTOR 1.125

const char *dms_filter_name(dms_filter filter)
{
    static const char *const names[] = {"bilinear", "bicubic", "lanczos"};

    return (unsigned)filter < 3 ? names[filter] : NULL;
}

const char *dms_enhance_name(dms_enhance enhance)
{
    static const char *const names[] = {"none", "clahe", "graham"};

    return (unsigned)enhance < 3 ? names[enhance] : NULL;
}

dms_preprocess dms_preprocess_default(int size)
{
    return (dms_preprocess){.size = size,
                            .crop = true,
                            .filter = DMS_FILTER_BICUBIC,
                            .enhance = DMS_ENHANCE_NONE};
}

static dms_status check(const dms_preprocess *p, dms_error *err)
{
    if (p->size < INPUT_MIN || p->size > INPUT_MAX)
        return dms_fail(err, DMS_EINVAL, "input size %d; expected %d to %d",
                        p->size, INPUT_MIN, INPUT_MAX);
    if (!dms_filter_name(p->filter) || !dms_enhance_name(p->enhance))
        return dms_fail(err, DMS_EINVAL,
                        "filter %d, enhancement %d: one is unknown",
                        (int)p->filter, (int)p->enhance);
    return DMS_OK;
}

/* The centred square, used if the field is not searched for or not found. */
static dms_field centred(const dms_image *im)
{
    int side = im->width < im->height ? im->width : im->height;

    return (dms_field){.kind = DMS_FIELD_NONE,
                       .center_x = im->width / 2.0,
                       .center_y = im->height / 2.0,
                       .radius = side / 2.0,
                       .coverage = 1};
}

enum { WHITE_MIN = 160, BLACK_MAX = 32, COLOUR_REACH = 24 };

static bool is_surrounding(const uint8_t *p, const dms_field *f)
{
    for (int c = 0; c < 3; c++)
        if (f->white_background ? p[c] <= WHITE_MIN
                                : abs(p[c] - f->background[c]) > COLOUR_REACH)
            return false;
    return true;
}

/* From p on along a row or column, for at most count pixels: blacken the
 * surroundings until the retina begins. */
static void blacken(uint8_t *p, ptrdiff_t step, int count, const dms_field *f)
{
    for (int i = 0; i < count; i++, p += step) {
        int high = p[0] > p[1] ? p[0] : p[1];

        high = high > p[2] ? high : p[2];
        if (is_surrounding(p, f))
            memset(p, 0, 3);
        else if (high > BLACK_MAX)
            return;
    }
}

/* Make white and coloured surroundings black, as in all other pictures, from
 * all four sides inwards. */
static void blacken_surroundings(dms_image *im, const dms_field *f)
{
    ptrdiff_t row = 3 * (ptrdiff_t)im->width;
    uint8_t *end = im->rgb + row * im->height;

    for (int y = 0; y < im->height; y++) {
        blacken(im->rgb + y * row, 3, im->width, f);
        blacken(im->rgb + y * row + row - 3, -3, im->width, f);
    }
    for (int x = 0; x < im->width; x++) {
        blacken(im->rgb + 3 * (ptrdiff_t)x, row, im->height, f);
        blacken(end - row + 3 * (ptrdiff_t)x, -row, im->height, f);
    }
}

/* Copy the whole pixels that cover the box, black outside the picture; the box
 * is then relative to the copy. */
static dms_status copy_square(dms_image *out, dms_box *b, const dms_image *im,
                              dms_error *err)
{
    int left = (int)floor(b->left), top = (int)floor(b->top);
    int right = (int)ceil(b->right), bottom = (int)ceil(b->bottom);
    int x0 = left < 0 ? 0 : left, x1 = right > im->width ? im->width : right;
    int y0 = top < 0 ? 0 : top;
    int y1 = bottom > im->height ? im->height : bottom;
    size_t width = (size_t)(right - left);
    dms_status st =
        dms_image_create(out, width, (uint64_t)(bottom - top), "crop", err);

    if (st != DMS_OK)
        return st;
    for (int y = y0; y < y1 && x0 < x1; y++)
        memcpy(out->rgb + 3 * ((size_t)(y - top) * width + (size_t)(x0 - left)),
               im->rgb + 3 * ((size_t)y * (size_t)im->width + (size_t)x0),
               3 * (size_t)(x1 - x0));
    b->left -= left, b->right -= left;
    b->top -= top, b->bottom -= top;
    return DMS_OK;
}

static dms_status find(dms_field *f, const dms_image *im,
                       const dms_preprocess *p, dms_error *err)
{
    *f = centred(im);
    return p->crop ? dms_field_find(f, im, err) : DMS_OK;
}

static dms_status finish(uint8_t *rgb, const dms_image *im, const dms_field *f,
                         const dms_preprocess *p, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_image copy = {0};
    /* The square is in fractions of a pixel so that a reduced picture gives
     * the same crop as the full one; it may reach outside the picture. */
    double r = fmax(0.5, f->radius);
    dms_box box = {f->center_x - r, f->center_y - r, f->center_x + r,
                   f->center_y + r};
    bool inside = box.left >= 0 && box.top >= 0 && box.right <= im->width &&
                  box.bottom <= im->height;

    bool blackened = f->white_background || f->coloured_background;

    if (!inside || blackened) {
        TRY(copy_square(&copy, &box, im, err));
        if (blackened)
            blacken_surroundings(&copy, f);
        im = &copy;
    }
    TRY(dms_pixels_resize(rgb, im, p->size, p->size, p->filter, &box, err));
    TRY(dms_enhance_apply(rgb, p->size, p->enhance, err));
done:
    dms_image_release(&copy);
    return st;
}

dms_status dms_preprocess_image(uint8_t *rgb, dms_field *field,
                                const dms_image *image,
                                const dms_preprocess *settings, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_field f;

    TRY(check(settings, err));
    TRY(find(&f, image, settings, err));
    TRY(finish(rgb, image, &f, settings, err));
    if (field)
        *field = f;
done:
    return st;
}

/* The shorter side at which the picture must be decoded for its field to be as
 * large as the model's input. */
static int frame_for(const dms_image *im, const dms_field *f, int size)
{
    int side = im->width < im->height ? im->width : im->height;
    double wanted = side * size / (2 * f->radius);

    return wanted < DMS_IMAGE_SIDE_MAX ? (int)ceil(wanted) : DMS_IMAGE_SIDE_MAX;
}

/* Decode and search; again, larger, if DCT scaling left the retina smaller
 * than the model's input. */
static dms_status decode_and_find(dms_picture *out, dms_field *f,
                                  dms_codec_input *in, const dms_preprocess *p,
                                  dms_error *err)
{
    dms_status st = DMS_OK;

    in->side_min = p->crop ? (int)ceil(FRAME_FACTOR * p->size) : p->size;
    TRY(dms_picture_decode(out, in, err));
    TRY(find(f, &out->image, p, err));
    if (2 * f->radius >= p->size || out->image.width == out->full_width)
        goto done;
    in->side_min = frame_for(&out->image, f, p->size);
    dms_image_release(&out->image);
    TRY(dms_picture_decode(out, in, err));
    TRY(find(f, &out->image, p, err));
done:
    return st;
}

/* The digest of the picture at full size: if it was decoded reduced, decode it
 * again. Failing to do so is not an error of preprocessing. */
static dms_status take_digest(uint64_t *digest, dms_picture *picture,
                              dms_codec_input *in, dms_error *err)
{
    dms_error own = {0};

    if (picture->image.width != picture->full_width ||
        picture->image.height != picture->full_height) {
        dms_image_release(&picture->image);
        in->side_min = 0;
        dms_picture_decode(picture, in, &own);
    }
    if (own.code == DMS_ENOMEM)
        return dms_fail(err, DMS_ENOMEM, "%s", own.message);
    *digest = own.code == DMS_OK ? dms_image_digest(&picture->image) : 0;
    return DMS_OK;
}

dms_status dms_preprocess_encoded(uint8_t *rgb, dms_field *field,
                                  uint64_t *digest, dms_codec_input *in,
                                  const dms_preprocess *settings,
                                  dms_error *err)
{
    dms_status st = DMS_OK;
    dms_picture picture = {0};
    dms_field f;

    TRY(check(settings, err));
    TRY(decode_and_find(&picture, &f, in, settings, err));
    TRY(finish(rgb, &picture.image, &f, settings, err));
    in->further_pages = picture.further_pages;
    if (field) {
        double zoom_x = (double)picture.full_width / picture.image.width;
        double zoom_y = (double)picture.full_height / picture.image.height;

        *field = f;
        field->center_x *= zoom_x;
        field->center_y *= zoom_y;
        field->radius *= zoom_x > zoom_y ? zoom_x : zoom_y;
    }
    if (digest)
        TRY(take_digest(digest, &picture, in, err));
done:
    dms_image_release(&picture.image);
    return st;
}

/* ImageNet's, for pixels in [0, 1]. */
static const float mean[3] = {0.485f, 0.456f, 0.406f};
static const float std[3] = {0.229f, 0.224f, 0.225f};

void dms_pixels_affine(float scale[3], float shift[3])
{
    for (int c = 0; c < 3; c++) {
        scale[c] = 1 / (255 * std[c]);
        shift[c] = -mean[c] / std[c];
    }
}

__attribute__((target_clones("avx2", "default"))) static void
normalise(float *restrict plane, const uint8_t *restrict rgb, size_t count,
          float middle, float spread)
{
    for (size_t i = 0; i < count; i++)
        plane[i] = ((float)rgb[3 * i] / 255 - middle) / spread;
}

void dms_pixels_normalise(float *planes, const uint8_t *rgb, int size)
{
    size_t count = (size_t)size * (size_t)size;

    for (size_t c = 0; c < 3; c++)
        normalise(planes + c * count, rgb + c, count, mean[c], std[c]);
}
