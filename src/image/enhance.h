/* Optional enhancement of the model's input, in place. */
#ifndef DMS_IMAGE_ENHANCE_H
#define DMS_IMAGE_ENHANCE_H

#include "dms/image.h"

/* rgb: size*size*3 bytes, the retina's disc inscribed in the square.
 *
 * CLAHE   contrast-limited adaptive histogram equalisation (Zuiderveld 1994)
 *         of CIELAB lightness, 8 x 8 tiles, clip limit 2
 * GRAHAM  4 * (x - local average) + 128 inside the disc, black outside; the
 *         average is Gaussian, sigma size/30 (B. Graham, Kaggle 2015)
 * NONE leaves rgb as it is. DMS_ENOMEM. */
dms_status dms_enhance_apply(uint8_t *rgb, int size, dms_enhance enhance,
                             dms_error *err);

#endif
