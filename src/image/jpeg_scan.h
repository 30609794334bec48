/* Decodes the one scan of a sequential JPEG directly to a reduced picture.
 *
 * A block of 8 x 8 pixels is needed only as n x n, n = 1 to 4, so only its
 * n x n lowest frequencies are decoded; all others are skipped, many at a time.
 * libjpeg decodes every one of them, which takes most of its time. Unusual and
 * damaged files, and so all error messages, are left to libjpeg. What this
 * gains, and how its bytes are held: docs/decisions/0005. */
#ifndef DMS_IMAGE_JPEG_SCAN_H
#define DMS_IMAGE_JPEG_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/image.h"

/* A Huffman code as DHT stores it. */
typedef struct dms_jpeg_code {
    const uint8_t *counts;  /* [1..16]: codes of each length */
    const uint8_t *symbols; /* 256, by growing code */
} dms_jpeg_code;

typedef struct dms_jpeg_component {
    int across, down;      /* sampling factors */
    const uint16_t *quant; /* 64, rows of the block top to bottom */
    dms_jpeg_code dc, ac;
} dms_jpeg_component;

enum { DMS_JPEG_COMPONENTS_MAX = 3, DMS_JPEG_EIGHTHS_MAX = 4 };

typedef struct dms_jpeg_scan {
    const uint8_t *data; /* borrowed: what follows the SOS header */
    size_t size;
    int width, height;    /* of the full picture */
    int component_count;  /* 1: grey; 3: YCbCr */
    int restart_interval; /* in MCUs; 0: none */
    dms_jpeg_component components[DMS_JPEG_COMPONENTS_MAX];
} dms_jpeg_scan;

/* Decode at eighths/8 of the full size, rounded up.
 *
 * out      of that size, from dms_image_create; its pixels are undefined when
 *          `done` is false
 * done     out: false if libjpeg must decode it: another sampling, a code that
 *          is not in the tables, too few bytes, an unexpected marker
 * eighths  1 to DMS_JPEG_EIGHTHS_MAX
 * A sample is the n-point inverse DCT of its block's n x n lowest coefficients,
 * clamped to 0..255 and rounded; the sum is in single precision. Subsampled
 * colour takes 2n points instead of interpolation. At 1/8 without subsampling
 * the pixels equal libjpeg's, as long as no block's mean is 512 levels or more
 * from grey (there libjpeg's levels wrap around).
 * DMS_ENOMEM. Safe from several threads. */
dms_status dms_jpeg_scan_decode(dms_image *out, bool *done,
                                const dms_jpeg_scan *scan, int eighths,
                                dms_error *err);

#endif
