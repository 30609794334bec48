/* PNG through libpng, read and written as 8-bit RGB. libpng's errors arrive by
 * longjmp. */
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "image/codec.h"

/* All that must survive a longjmp lives here, in the caller's frame. */
typedef struct reader {
    png_structp png;
    png_infop info;
    uint8_t *rgba;
    png_bytepp rows;
    dms_bytes bytes;
    char text[160];
} reader;

static void on_error(png_structp png, png_const_charp message)
{
    char *text = png_get_error_ptr(png);

    snprintf(text, 160, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

static void on_read(png_structp png, png_bytep data, size_t size)
{
    dms_bytes *bytes = png_get_io_ptr(png);
    const uint8_t *from = dms_bytes_take(bytes, size);

    if (!from)
        png_error(png, "the PNG is truncated");
    memcpy(data, from, size);
}

/* Whatever is stored, rows come as 8-bit RGBA. */
static void want_rgba(reader *r)
{
    png_set_expand(r->png);
    png_set_scale_16(r->png);
    png_set_gray_to_rgb(r->png);
    png_set_add_alpha(r->png, 255, PNG_FILLER_AFTER);
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
}

static int hex_digit(char c)
{
    c = dms_ascii_lower(c);
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The text chunk of ImageMagick and exiftool: a line with the name, a line with
 * the number of bytes, then the bytes in hexadecimal over several lines. */
static int profile_orientation(const char *text, size_t size)
{
    const char *end = text + size, *at = text;
    uint8_t *block = dms_calloc(size / 2 + 1, 1);
    size_t len = 0;
    int orientation, high = -1;

    if (!block)
        return 0;
    for (int lines = 0; at < end && lines < 3; at++)
        lines += *at == '\n';
    for (; at < end; at++) {
        int digit = hex_digit(*at);

        if (digit >= 0 && high >= 0)
            block[len++] = (uint8_t)(16 * high + digit), high = -1;
        else if (digit >= 0)
            high = digit;
        else if (!dms_ascii_is_space(*at))
            break;
    }
    orientation = dms_exif_orientation(block, len);
    dms_free(block);
    return orientation;
}

static int chunk_orientation(const reader *r)
{
    png_uint_32 size = 0;
    png_bytep data = NULL;
    png_textp texts = NULL;
    int count = png_get_text(r->png, r->info, &texts, NULL);
    int found = DMS_ORIENTATION_ABSENT, second = DMS_ORIENTATION_ABSENT;

    if (png_get_eXIf_1(r->png, r->info, &size, &data))
        found = dms_exif_orientation(data, size);
    for (int i = 0; i < count; i++) {
        const png_text *t = &texts[i];
        size_t len = t->itxt_length ? t->itxt_length : t->text_length;

        if (found == DMS_ORIENTATION_ABSENT &&
            (strcmp(t->key, "Raw profile type exif") == 0 ||
             strcmp(t->key, "Raw profile type APP1") == 0))
            found = profile_orientation(t->text, len);
        if (second == DMS_ORIENTATION_ABSENT &&
            strcmp(t->key, "XML:com.adobe.xmp") == 0)
            second = dms_xmp_orientation(t->text, len);
    }
    return found == DMS_ORIENTATION_ABSENT ? second : found;
}

static dms_status read_pixels(reader *r, dms_picture *out, const char *name,
                              dms_error *err)
{
    dms_status st = DMS_OK;
    size_t width, height;

    png_read_info(r->png, r->info);
    width = png_get_image_width(r->png, r->info);
    height = png_get_image_height(r->png, r->info);
    TRY(dms_image_create(&out->image, width, height, name, err));
    out->full_width = (int)width;
    out->full_height = (int)height;
    want_rgba(r);
    r->rgba = dms_calloc(width * height, 4);
    r->rows = dms_calloc(height, sizeof *r->rows);
    if (!r->rgba || !r->rows) {
        st = dms_fail_memory(err, "PNG rows");
        goto done;
    }
    for (size_t y = 0; y < height; y++)
        r->rows[y] = r->rgba + y * width * 4;
    png_read_image(r->png, r->rows);
    png_read_end(r->png, r->info);
    out->orientation = chunk_orientation(r);
    dms_rgba_over_black(out->image.rgb, r->rgba, width * height);
done:
    return st;
}

static dms_status decode(reader *r, dms_picture *out, const char *name,
                         dms_error *err)
{
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r->text, on_error,
                                    on_warning);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (!r->info)
        return dms_fail_memory(err, "PNG reader");
    if (setjmp(png_jmpbuf(r->png)))
        return dms_fail(err, DMS_EFORMAT, "%s: %s", name, r->text);
    /* We check sizes ourselves, with our own message. */
    png_set_user_limits(r->png, 0x7fffffff, 0x7fffffff);
    png_set_chunk_malloc_max(r->png, 8u << 20);
    png_set_read_fn(r->png, &r->bytes, on_read);
    return read_pixels(r, out, name, err);
}

dms_status dms_png_decode(dms_picture *out, const dms_codec_input *in,
                          dms_error *err)
{
    reader r = {.bytes = dms_bytes_over(in->data, in->size)};
    dms_status st = decode(&r, out, in->name, err);

    png_destroy_read_struct(&r.png, &r.info, NULL);
    dms_free(r.rgba);
    dms_free(r.rows);
    return st;
}

static void on_write(png_structp png, png_bytep data, size_t size)
{
    dms_strbuf_add(png_get_io_ptr(png), data, size);
}

static void on_flush(png_structp png)
{
    (void)png;
}

typedef struct writer {
    png_structp png;
    png_infop info;
    dms_strbuf bytes;
    char text[160];
} writer;

static dms_status encode(writer *w, const dms_image *image, const char *path,
                         dms_error *err)
{
    w->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, w->text, on_error,
                                     on_warning);
    w->info = w->png ? png_create_info_struct(w->png) : NULL;
    if (!w->info)
        return dms_fail_memory(err, "PNG writer");
    if (setjmp(png_jmpbuf(w->png)))
        return dms_fail(err, DMS_EINVAL, "%s: %s", path, w->text);
    png_set_write_fn(w->png, &w->bytes, on_write, on_flush);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width,
                 (png_uint_32)image->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    for (int y = 0; y < image->height; y++)
        png_write_row(w->png,
                      image->rgb + (size_t)y * (size_t)image->width * 3);
    png_write_end(w->png, w->info);
    return DMS_OK;
}

dms_status dms_image_write_png(const dms_image *image, const char *path,
                               dms_error *err)
{
    dms_status st = DMS_OK;
    writer w = {0};

    dms_strbuf_init(&w.bytes);
    TRY(encode(&w, image, path, err));
    if (w.bytes.failed)
        st = dms_fail_memory(err, "PNG file");
    else
        st = dms_file_write(path, w.bytes.data, w.bytes.len, err);
done:
    png_destroy_write_struct(&w.png, &w.info);
    dms_strbuf_release(&w.bytes);
    return st;
}
