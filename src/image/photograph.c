/* The ways into preprocessing: a file, a file's bytes, decoded pixels. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "image/codec.h"
#include "image/digest.h"

/* in: with the path as its name; its bytes are read here. */
static dms_status preprocess_file(uint8_t *rgb, dms_field *field,
                                  uint64_t *digest, dms_codec_input *in,
                                  const dms_preprocess *settings,
                                  dms_error *err)
{
    dms_status st = DMS_OK;
    uint8_t *data = NULL;

    TRY(dms_file_read(&data, &in->size, in->name, DMS_IMAGE_FILE_MAX, err));
    in->data = data;
    TRY(dms_preprocess_encoded(rgb, field, digest, in, settings, err));
done:
    in->data = NULL;
    dms_free(data);
    return st;
}

dms_status dms_preprocess_file(uint8_t *rgb, dms_field *field, const char *path,
                               const dms_preprocess *settings, dms_error *err)
{
    dms_codec_input in = {.name = path};

    return preprocess_file(rgb, field, NULL, &in, settings, err);
}

dms_status dms_preprocess_file_pages(uint8_t *rgb, dms_field *field,
                                     int *further_pages, const char *path,
                                     const dms_preprocess *settings,
                                     dms_error *err)
{
    dms_codec_input in = {.name = path};
    dms_status st = preprocess_file(rgb, field, NULL, &in, settings, err);

    *further_pages = in.further_pages;
    return st;
}

dms_status dms_preprocess_file_digest(uint8_t *rgb, uint64_t *digest,
                                      int *further_pages, const char *path,
                                      const dms_preprocess *settings,
                                      dms_error *err)
{
    dms_codec_input in = {.name = path};
    dms_status st = preprocess_file(rgb, NULL, digest, &in, settings, err);

    *further_pages = in.further_pages;
    return st;
}

void dms_further_pages_text(char *text, size_t capacity, int further_pages)
{
    snprintf(text, capacity, "the file holds %d further page%s, which %s read",
             further_pages, further_pages == 1 ? "" : "s",
             further_pages == 1 ? "is not" : "are not");
}

static dms_status preprocess_pixels(uint8_t *rgb, dms_field *field,
                                    const dms_photograph *photograph,
                                    const char *name,
                                    const dms_preprocess *settings,
                                    dms_error *err)
{
    int width = photograph->width, height = photograph->height;
    /* only read; the cast is needed because an image owns its pixels */
    const dms_image image = {width, height,
                             (uint8_t *)(uintptr_t)photograph->data};
    dms_status st = DMS_OK;

    if (width < 0 || height < 0)
        return dms_fail(err, DMS_EINVAL,
                        "%s: %d x %d pixels: a side is negative", name, width,
                        height);
    TRY(dms_image_check_size((uint64_t)width, (uint64_t)height, name, err));
    if (photograph->size != (size_t)width * (size_t)height * 3)
        return dms_fail(err, DMS_EINVAL,
                        "%s: %zu bytes for %d x %d pixels of 3 bytes; "
                        "expected %zu",
                        name, photograph->size, width, height,
                        (size_t)width * (size_t)height * 3);
    TRY(dms_preprocess_image(rgb, field, &image, settings, err));
done:
    return st;
}

dms_status dms_preprocess_memory(uint8_t *rgb, dms_field *field,
                                 const dms_photograph *photograph,
                                 const char *name,
                                 const dms_preprocess *settings, dms_error *err)
{
    dms_codec_input in = {
        .data = photograph->data, .size = photograph->size, .name = name};

    if (photograph->width != 0 || photograph->height != 0)
        return preprocess_pixels(rgb, field, photograph, name, settings, err);
    return dms_preprocess_encoded(rgb, field, NULL, &in, settings, err);
}
