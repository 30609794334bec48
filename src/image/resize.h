/* Resampling into the caller's memory. */
#ifndef DMS_IMAGE_RESIZE_H
#define DMS_IMAGE_RESIZE_H

#include "dms/image.h"

/* As dms_image_resize; rgb is width*height*3 bytes, rows without padding,
 * width and height > 0. */
dms_status dms_pixels_resize(uint8_t *rgb, const dms_image *src, int width,
                             int height, dms_filter filter, const dms_box *box,
                             dms_error *err);

#endif
