/* Optional enhancement of the model's 8-bit input, in place. */
#ifndef DMS_IMAGE_ENHANCE_H
#define DMS_IMAGE_ENHANCE_H

#include "dms/image.h"

/* rgb: size*size*3; size >= 8. DMS_ENOMEM; rgb is then unchanged. */
dms_status dms_enhance_apply(uint8_t *rgb, int size, dms_enhance how,
                             dms_error *err);

#endif
