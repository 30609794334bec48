/* What surrounds the retina, judged by the picture's corners: black, as cameras
 * leave it, or a colour that some software filled in. */
#ifndef DMS_IMAGE_SURROUNDINGS_H
#define DMS_IMAGE_SURROUNDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "dms/image.h"

typedef struct dms_surroundings {
    bool white;        /* at least three corners are */
    bool coloured;     /* at least three corners share one even colour, neither
                          black nor white, such as grey or blue */
    uint8_t colour[3]; /* of the corners, if coloured */
    int level; /* a threshold above this excludes three corners: 0 to 255 in
                  the brightest channel */
} dms_surroundings;

void dms_surroundings_look(dms_surroundings *out, const dms_image *image);

/* How far a pixel is from a coloured surrounding, in the channel that differs
 * most: 0 to 255. */
uint8_t dms_surroundings_distance(const dms_surroundings *around,
                                  const uint8_t rgb[3]);

#endif
