/* Chooses the codec by a picture's first bytes and turns the result upright.
 * Relies on the codecs to check sizes before they allocate pixels. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/file_kind.h"
#include "image/codec.h"

typedef dms_status (*decoder)(dms_picture *, const dms_codec_input *,
                              dms_error *);

static bool starts(const dms_codec_input *in, const char *magic, size_t len)
{
    return in->size >= len && memcmp(in->data, magic, len) == 0;
}

/* By content: cameras and people rename files. */
static decoder sniff(const dms_codec_input *in)
{
    if (starts(in, "\xff\xd8\xff", 3))
        return dms_jpeg_decode;
    if (starts(in, "\x89PNG\r\n\x1a\n", 8))
        return dms_png_decode;
    if (starts(in, "II*\0", 4) || starts(in, "MM\0*", 4) ||
        starts(in, "II+\0", 4) || starts(in, "MM\0+", 4))
        return dms_tiff_decode;
    if (starts(in, "RIFF", 4) && in->size >= 12 &&
        memcmp(in->data + 8, "WEBP", 4) == 0)
        return dms_webp_decode;
    return NULL;
}

bool dms_picture_is_readable(const void *data, size_t size)
{
    return sniff(&(dms_codec_input){.data = data, .size = size}) != NULL;
}

static dms_status refuse_unknown(const dms_codec_input *in, dms_error *err)
{
    const dms_file_kind *kind = dms_file_kind_of(in->data, in->size);

    if (kind)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the file is %s%s; JPEG, PNG, TIFF and WebP are "
                        "read",
                        in->name, kind->what,
                        kind->group == DMS_FILE_PICTURE ? "; convert it to PNG"
                                                        : "");
    return dms_fail(err, DMS_EFORMAT,
                    "%s: the content is not a JPEG, PNG, TIFF or WebP picture",
                    in->name);
}

dms_status dms_picture_decode(dms_picture *out, const dms_codec_input *in,
                              dms_error *err)
{
    dms_status st = DMS_OK;
    dms_picture picture = {.orientation = DMS_ORIENTATION_ABSENT};
    decoder decode;

    if (in->size == 0)
        return dms_fail(err, DMS_EFORMAT, "%s: the file is empty", in->name);
    if (in->size > DMS_IMAGE_FILE_MAX)
        return dms_fail(err, DMS_ELIMIT, "%s: %zu bytes; at most %d are read",
                        in->name, in->size, DMS_IMAGE_FILE_MAX);
    decode = sniff(in);
    if (!decode)
        return refuse_unknown(in, err);
    TRY(decode(&picture, in, err));
    if (picture.orientation == 0) {
        st = dms_fail_memory(err, in->name);
        goto done;
    }
    TRY(dms_image_orient(&picture.image, picture.orientation, err));
    if (picture.orientation >= 5) {
        int width = picture.full_width;

        picture.full_width = picture.full_height;
        picture.full_height = width;
    }
    *out = picture, picture.image.rgb = NULL;
done:
    dms_image_release(&picture.image);
    return st;
}

dms_status dms_image_decode(dms_image *out, const void *data, size_t size,
                            const char *name, int side_min, dms_error *err)
{
    dms_picture picture = {0};
    dms_codec_input in = {
        .data = data, .size = size, .name = name, .side_min = side_min};
    dms_status st = dms_picture_decode(&picture, &in, err);

    if (st == DMS_OK)
        *out = picture.image;
    return st;
}

dms_status dms_image_read(dms_image *out, const char *path, int side_min,
                          dms_error *err)
{
    dms_status st = DMS_OK;
    uint8_t *data = NULL;
    size_t size = 0;

    TRY(dms_file_read(&data, &size, path, DMS_IMAGE_FILE_MAX, err));
    TRY(dms_image_decode(out, data, size, path, side_min, err));
done:
    dms_free(data);
    return st;
}
