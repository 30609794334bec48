/* WebP through libwebp; the orientation is found in the RIFF around it. */
#include <string.h>

#include <webp/decode.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "image/codec.h"

/* RIFF is a row of chunks: fourcc, u32 size, data, padded to even. */
static int chunk_orientation(const dms_codec_input *in)
{
    dms_bytes b = dms_bytes_over(in->data, in->size);
    int found = DMS_ORIENTATION_ABSENT, second = DMS_ORIENTATION_ABSENT;

    dms_bytes_seek(&b, 12);
    while (!b.failed && dms_bytes_left(&b) > 8) {
        const uint8_t *tag = dms_bytes_take(&b, 4);
        uint32_t size = dms_bytes_u32le(&b);
        const uint8_t *data = dms_bytes_take(&b, size);

        if (data && memcmp(tag, "EXIF", 4) == 0)
            found = dms_exif_orientation(data, size);
        if (data && memcmp(tag, "XMP ", 4) == 0)
            second = dms_xmp_orientation(data, size);
        if (found != DMS_ORIENTATION_ABSENT)
            break;
        if (data && size % 2)
            dms_bytes_u8(&b);
    }
    return found == DMS_ORIENTATION_ABSENT ? second : found;
}

dms_status dms_webp_decode(dms_picture *out, const dms_codec_input *in,
                           dms_error *err)
{
    dms_status st = DMS_OK;
    WebPBitstreamFeatures info;
    uint8_t *rgba = NULL;
    size_t pixels;

    if (WebPGetFeatures(in->data, in->size, &info) != VP8_STATUS_OK)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the WebP header is truncated or damaged",
                        in->name);
    if (info.has_animation)
        return dms_fail(err, DMS_EFORMAT, "%s: a WebP animation, not a picture",
                        in->name);
    TRY(dms_image_create(&out->image, (uint64_t)info.width,
                         (uint64_t)info.height, in->name, err));
    out->full_width = info.width;
    out->full_height = info.height;
    pixels = (size_t)info.width * (size_t)info.height;
    rgba = dms_calloc(pixels, 4);
    if (!rgba)
        st = dms_fail_memory(err, "WebP pixels");
    else if (!WebPDecodeRGBAInto(in->data, in->size, rgba, pixels * 4,
                                 info.width * 4))
        st = dms_fail(err, DMS_EFORMAT, "%s: the WebP is truncated or damaged",
                      in->name);
    else
        dms_rgba_over_black(out->image.rgb, rgba, pixels);
    out->orientation = chunk_orientation(in);
done:
    dms_free(rgba);
    return st;
}
