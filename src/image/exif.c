/* The orientation in an EXIF block, through libexif. */
#include <stdlib.h>
#include <string.h>

#include <libexif/exif-data.h>

#include "base/alloc.h"
#include "image/codec.h"

/* libexif wants the six bytes that only JPEG puts before the TIFF header. */
static const uint8_t prefix[6] = {'E', 'x', 'i', 'f', 0, 0};

/* An APP1 segment cannot be longer; other containers are held to the same. */
enum { EXIF_SIZE_MAX = 65536 };

static int orientation_of(const uint8_t *data, size_t size)
{
    int orientation = DMS_ORIENTATION_ABSENT;
    ExifData *exif = exif_data_new_from_data(data, (unsigned)size);

    if (exif) {
        ExifEntry *entry =
            exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);

        if (entry && entry->format == EXIF_FORMAT_SHORT && entry->size >= 2)
            orientation =
                exif_get_short(entry->data, exif_data_get_byte_order(exif));
        exif_data_unref(exif);
    }
    return orientation >= 1 && orientation <= 8 ? orientation
                                                : DMS_ORIENTATION_ABSENT;
}

int dms_exif_orientation(const uint8_t *data, size_t size)
{
    uint8_t *block;
    int orientation;

    if (!data || size < 8 || size > EXIF_SIZE_MAX)
        return DMS_ORIENTATION_ABSENT;
    if (memcmp(data, prefix, sizeof prefix) == 0)
        return orientation_of(data, size);
    block = dms_calloc(size + sizeof prefix, 1);
    if (!block)
        return 0;
    memcpy(block, prefix, sizeof prefix);
    memcpy(block + sizeof prefix, data, size);
    orientation = orientation_of(block, size + sizeof prefix);
    dms_free(block);
    return orientation;
}
