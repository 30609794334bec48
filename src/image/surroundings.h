/* What lies round the retina, as the picture's corners show it: black as
 * cameras leave it, or what somebody's software put there. */
#ifndef DMS_IMAGE_SURROUNDINGS_H
#define DMS_IMAGE_SURROUNDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "dms/image.h"

typedef struct dms_surroundings {
    bool white;        /* three corners at least */
    bool coloured;     /* three corners at least are of one even colour that is
                          neither black nor white, such as grey or blue */
    uint8_t colour[3]; /* of the corners, where coloured */
    int level; /* a threshold above this leaves three corners out: 0 to 255 in
                  the brightest channel */
} dms_surroundings;

void dms_surroundings_look(dms_surroundings *out, const dms_image *image);

#endif
