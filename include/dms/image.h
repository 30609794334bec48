/* Photographs: reading, finding the retina, resampling, and THE preprocessing
 * that training, evaluation, prediction and serving share.
 *
 * Threads: every function here may be called from any thread at any time, each
 * call with outputs of its own. */
#ifndef DMS_IMAGE_H
#define DMS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

#include "dms/public_begin.h"

/* 8-bit sRGB, rows top to bottom, height*width*3 bytes without padding. */
typedef struct dms_image {
    int width;
    int height;
    uint8_t *rgb; /* owned; NULL in an empty image */
} dms_image;

/* Frees the pixels and empties the image; accepts an empty one. */
void dms_image_release(dms_image *image);

/* Limits, checked from headers before pixels are allocated: 100 megapixels,
 * 20,000 pixels per side, 256 scans of a progressive JPEG, 512 MiB of file. */
enum {
    DMS_IMAGE_SIDE_MAX = 20000,
    DMS_IMAGE_PIXELS_MAX = 100000000,
    DMS_IMAGE_SCANS_MAX = 256,
    DMS_IMAGE_FILE_MAX = 512 << 20
};

/* Decode a JPEG, PNG, TIFF or WebP (told by content, not by name), turned
 * upright by its EXIF orientation; alpha is laid over black, 16 bits are
 * rounded to 8, grey and CMYK become RGB.
 *
 * out       released on success by the caller; untouched on failure
 * side_min  a JPEG may be decoded at the smallest DCT scale whose shorter
 *           side is still >= side_min pixels; 0: full size
 * name      for messages (usually the path)
 * DMS_EIO, DMS_EFORMAT (empty, truncated, unknown), DMS_ELIMIT, DMS_ENOMEM. */
dms_status dms_image_read(dms_image *out, const char *path, int side_min,
                          dms_error *err);
dms_status dms_image_decode(dms_image *out, const void *data, size_t size,
                            const char *name, int side_min, dms_error *err);

/* quality 1 to 100. Written whole or not at all. */
dms_status dms_image_write_jpeg(const dms_image *image, const char *path,
                                int quality, dms_error *err);
dms_status dms_image_write_png(const dms_image *image, const char *path,
                               dms_error *err);

typedef enum dms_filter {
    DMS_FILTER_BILINEAR, /* antialiased triangle, support 1 */
    DMS_FILTER_BICUBIC,  /* Keys a = -0.5, support 2 */
    DMS_FILTER_LANCZOS   /* a = 3 */
} dms_filter;

/* Resample box (in source pixels, fractional allowed) of src to
 * width x height as Pillow's Image.resize(size, filter, box) does, equal to
 * Pillow 9.4 within one grey level. out as in dms_image_read. */
typedef struct dms_box {
    double left, top, right, bottom;
} dms_box;
dms_status dms_image_resize(dms_image *out, const dms_image *src, int width,
                            int height, dms_filter filter, const dms_box *box,
                            dms_error *err);

/* What the field-of-view search found. */
typedef enum dms_field_kind {
    DMS_FIELD_NONE,   /* no retina found; the centred square is used */
    DMS_FIELD_CIRCLE, /* a whole disc on its background */
    DMS_FIELD_CUT,    /* a disc cut flat at top and bottom (or the sides) */
    DMS_FIELD_CROPPED /* the retina fills the picture: already cropped */
} dms_field_kind;

typedef struct dms_field {
    dms_field_kind kind;
    bool white_background;
    double center_x, center_y; /* pixels of the full upright picture */
    double radius;             /* pixels; half the crop's side */
    double coverage; /* share of the crop's disc inside the picture, 0..1 */
    bool
        coloured_background; /* of one colour that is neither black nor white */
    uint8_t background[3];   /* that colour, RGB; else 0 */
} dms_field;

/* "none", "circle", "cut", "cropped"; NULL out of range. */
const char *dms_field_kind_name(dms_field_kind kind);

/* Find the round retina. Never fails on a decoded picture: see NONE. */
dms_status dms_field_find(dms_field *out, const dms_image *image,
                          dms_error *err);

typedef enum dms_enhance {
    DMS_ENHANCE_NONE,
    DMS_ENHANCE_CLAHE, /* on CIELAB lightness, 8x8 tiles, clip 2 */
    DMS_ENHANCE_GRAHAM /* 4*(x - local average) + 128 inside the disc */
} dms_enhance;

/* All settings that the pixels of a model's input depend on; stored in the
 * model file. */
typedef struct dms_preprocess {
    int size;  /* S, 32 to 2048 */
    bool crop; /* find the field of view and crop it square */
    dms_filter filter;
    dms_enhance enhance;
} dms_preprocess;

/* size as given, crop, bicubic, no enhancement. */
dms_preprocess dms_preprocess_default(int size);

const char *dms_filter_name(dms_filter filter);    /* NULL out of range */
const char *dms_enhance_name(dms_enhance enhance); /* NULL out of range */

/* From photograph to the model's 8-bit input: decode, find and crop the field
 * (square, centred, undistorted, missing parts in the background's black),
 * resample, enhance.
 *
 * rgb    out: size*size*3 bytes, rows top to bottom
 * field  out: what was found; may be NULL
 * Errors as of dms_image_read. */
dms_status dms_preprocess_file(uint8_t *rgb, dms_field *field, const char *path,
                               const dms_preprocess *settings, dms_error *err);
dms_status dms_preprocess_image(uint8_t *rgb, dms_field *field,
                                const dms_image *image,
                                const dms_preprocess *settings, dms_error *err);

/* A photograph in memory, borrowed: decoded pixels, or the bytes of a file. */
typedef struct dms_photograph {
    const void *data; /* NULL: there is none */
    size_t size;      /* bytes; of pixels: height*width*3 */
    int width;        /* > 0: data is 8-bit RGB, rows top to bottom, unpadded */
    int height;       /* both 0: data is a JPEG, PNG, TIFF or WebP file */
} dms_photograph;

/* The same for a photograph in memory; name is for messages. The bytes of a
 * file give the same result as the file. So do decoded pixels, except those of
 * a large JPEG: a file is decoded no larger than needed, which changes some
 * pixels by a few grey levels. DMS_EINVAL if size is not height*width*3. */
dms_status dms_preprocess_memory(uint8_t *rgb, dms_field *field,
                                 const dms_photograph *photograph,
                                 const char *name,
                                 const dms_preprocess *settings,
                                 dms_error *err);

/* planes: 3 x size x size float32, (x/255 - mean)/std with ImageNet's mean
 * 0.485 0.456 0.406 and std 0.229 0.224 0.225; rgb: size*size*3. */
void dms_pixels_normalise(float *planes, const uint8_t *rgb, int size);

/* The same as one step per channel, x * scale + shift, equal up to rounding. */
void dms_pixels_affine(float scale[3], float shift[3]);

#include "dms/public_end.h"

#endif
