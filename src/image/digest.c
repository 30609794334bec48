/* The digest of a picture's pixels. Relies on the rows having no padding. */
#include "image/digest.h"

#include "base/rng.h"

uint64_t dms_image_digest(const dms_image *image)
{
    size_t size = (size_t)image->width * (size_t)image->height * 3;
    uint64_t hash =
        dms_hash_mix((uint64_t)image->width, (uint64_t)image->height);

    hash = dms_hash_words(hash, image->rgb, size);
    return hash ? hash : 1;
}
