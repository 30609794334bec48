/* The four codecs behind one interface: bytes in, an RGB picture out, not yet
 * turned upright.
 * No codec library's header is included outside codec_*.c. */
#ifndef DMS_IMAGE_CODEC_H
#define DMS_IMAGE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/image.h"

typedef struct dms_codec_input {
    const uint8_t *data; /* borrowed */
    size_t size;
    const char *name;  /* for messages */
    int side_min;      /* see dms_image_decode */
    int further_pages; /* out, of dms_preprocess_encoded: see dms_picture */
    /* Always decode JPEGs with libjpeg, never with jpeg_scan.h: for tests and
     * benchmarks that compare the two. */
    bool libjpeg_alone;
} dms_codec_input;

/* A decoded picture; full_* is its size before any DCT scaling. */
typedef struct dms_picture {
    dms_image image;
    int orientation; /* from EXIF or XMP, 1 to 8; or ABSENT; 0: out of memory
                        while reading it */
    int full_width;
    int full_height;
    int further_pages; /* TIFF: number of other photographs, not read */
    bool own_scan;     /* jpeg_scan.h decoded it, not libjpeg */
} dms_picture;

/* For each codec: out is empty before the call and owned by the caller after
 * it, even on failure (it may then hold pixels to release). DMS_EFORMAT,
 * DMS_ELIMIT, DMS_ENOMEM. */
dms_status dms_jpeg_decode(dms_picture *out, const dms_codec_input *in,
                           dms_error *err);
dms_status dms_png_decode(dms_picture *out, const dms_codec_input *in,
                          dms_error *err);
dms_status dms_tiff_decode(dms_picture *out, const dms_codec_input *in,
                           dms_error *err);
dms_status dms_webp_decode(dms_picture *out, const dms_codec_input *in,
                           dms_error *err);

/* Decode a picture of any of the formats and turn it upright (full_* too). As
 * above, but on failure out is empty. */
dms_status dms_picture_decode(dms_picture *out, const dms_codec_input *in,
                              dms_error *err);

/* Does a file that begins with these bytes have one of the formats? The first
 * DMS_PICTURE_HEAD bytes are enough. */
enum { DMS_PICTURE_HEAD = 12 };
bool dms_picture_is_readable(const void *data, size_t size);

/* The common path of all preprocessing; dms_preprocess_file and
 * dms_preprocess_file_digest document the rest. digest: NULL if not wanted.
 * Sets in->side_min and in->further_pages. */
dms_status dms_preprocess_encoded(uint8_t *rgb, dms_field *field,
                                  uint64_t *digest, dms_codec_input *in,
                                  const dms_preprocess *settings,
                                  dms_error *err);

/* "the file holds 2 further pages, which are not read" */
void dms_further_pages_text(char *text, size_t capacity, int further_pages);

/* As dms_preprocess_file, plus the number of further pages (see dms_picture).
 */
dms_status dms_preprocess_file_pages(uint8_t *rgb, dms_field *field,
                                     int *further_pages, const char *path,
                                     const dms_preprocess *settings,
                                     dms_error *err);

/* DMS_ELIMIT when a picture of this size is beyond DMS_IMAGE_*_MAX,
 * DMS_EFORMAT when a side is 0. */
dms_status dms_image_check_size(uint64_t width, uint64_t height,
                                const char *name, dms_error *err);

/* dms_image_check_size, then zeroed pixels. */
dms_status dms_image_create(dms_image *out, uint64_t width, uint64_t height,
                            const char *name, dms_error *err);

/* rgb <- rgba * alpha, over black; count pixels. */
void dms_rgba_over_black(uint8_t *rgb, const uint8_t *rgba, size_t count);

enum { DMS_ORIENTATION_ABSENT = -1 };

/* The orientation in an EXIF block, with or without "Exif\0\0" before the
 * TIFF header: 1 to 8; ABSENT when there is none or it is out of range, 0
 * without memory. */
int dms_exif_orientation(const uint8_t *data, size_t size);

/* The same for an XMP packet. If a file has both, EXIF's counts. */
int dms_xmp_orientation(const void *data, size_t size);

/* Turn image upright from EXIF orientation 2 to 8; 1 leaves it unchanged. */
dms_status dms_image_orient(dms_image *image, int orientation, dms_error *err);

#endif
