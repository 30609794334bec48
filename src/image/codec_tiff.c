/* TIFF through libtiff, read from memory by its RGBA interface. */
#include <stdio.h>
#include <string.h>

#include <tiffio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/number.h"
#include "image/codec.h"

/* libtiff reads a "file": ours is memory, read-only. */
typedef struct stream {
    const uint8_t *data;
    toff_t size;
    toff_t at;
    char text[160]; /* the first complaint */
} stream;

static tmsize_t on_read(thandle_t handle, void *to, tmsize_t count)
{
    stream *s = handle;
    toff_t left = s->at < s->size ? s->size - s->at : 0;

    if (count < 0)
        return -1;
    if ((toff_t)count > left)
        count = (tmsize_t)left;
    memcpy(to, s->data + (left ? s->at : 0), (size_t)count);
    s->at += (toff_t)count;
    return count;
}

static tmsize_t on_write(thandle_t handle, void *from, tmsize_t count)
{
    (void)handle, (void)from, (void)count;
    return -1;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence)
{
    stream *s = handle;

    if (whence == SEEK_CUR)
        offset += s->at;
    else if (whence == SEEK_END)
        offset += s->size;
    return s->at = offset;
}

static int on_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle)
{
    return ((stream *)handle)->size;
}

/* Mapped whole: opened with "rm", libtiff refuses small uncompressed tiles. */
static int on_map(thandle_t handle, void **base, toff_t *size)
{
    const stream *s = handle;

    *base = (void *)(uintptr_t)s->data;
    *size = s->size;
    return 1;
}

static void on_unmap(thandle_t handle, void *base, toff_t size)
{
    (void)handle, (void)base, (void)size;
}

/* Returns 1, handled, so that libtiff's process-wide handlers are not called.
 */
static int on_error(TIFF *tiff, void *data, const char *module,
                    const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));
static int on_error(TIFF *tiff, void *data, const char *module,
                    const char *format, va_list args)
{
    stream *s = data;

    (void)tiff, (void)module;
    if (!s->text[0])
        dms_vformat(s->text, sizeof s->text, format, args);
    return 1;
}

static int on_warning(TIFF *tiff, void *data, const char *module,
                      const char *format, va_list args)
{
    (void)tiff, (void)data, (void)module, (void)format, (void)args;
    return 1;
}

static TIFF *open_stream(stream *s)
{
    TIFF *tiff = NULL;
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();

    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options,
                                        (tmsize_t)4 * DMS_IMAGE_PIXELS_MAX);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, s);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, s);
    tiff = TIFFClientOpenExt("memory", "r", s, on_read, on_write, on_seek,
                             on_close, on_size, on_map, on_unmap, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* libtiff's RGBA reader knows every layout, rounds 16 bits to 8 and returns
 * colours already multiplied by alpha, which is "over black". */
static bool read_raster(uint32_t *raster, TIFF *tiff, stream *s, uint32_t width,
                        uint32_t height)
{
    TIFFRGBAImage reader;
    char text[1024] = "";
    bool good;

    if (!TIFFRGBAImageBegin(&reader, tiff, 1, text)) {
        if (!s->text[0])
            snprintf(s->text, sizeof s->text, "%.150s", text);
        return false;
    }
    reader.req_orientation = reader.orientation; /* rows as stored */
    good = TIFFRGBAImageGet(&reader, raster, width, height);
    TIFFRGBAImageEnd(&reader);
    return good;
}

static int orientation_of(TIFF *tiff)
{
    uint16_t orientation = 0;
    uint32_t size = 0;
    void *xmp = NULL;

    if (TIFFGetField(tiff, TIFFTAG_ORIENTATION, &orientation) &&
        orientation >= 1 && orientation <= 8)
        return orientation;
    if (TIFFGetField(tiff, TIFFTAG_XMLPACKET, &size, &xmp) && xmp)
        return dms_xmp_orientation(xmp, size);
    return DMS_ORIENTATION_ABSENT;
}

/* Directories visited of a file, and levels of directories within others
 * (SubIFD): hostile files have many, and some lead back to themselves. */
enum { DIRECTORIES_MAX = 64, LEVELS_MAX = 3 };

typedef struct directory {
    uint64_t offset; /* in the file; unique in the list */
    int within;      /* index of the directory that it stands in; -1: none */
    int level;       /* 0: of the file itself */
} directory;

typedef struct directories {
    directory list[DIRECTORIES_MAX]; /* each behind the one it stands in */
    int count;
} directories;

static void add_directory(directories *all, uint64_t offset, int within)
{
    if (all->count == DIRECTORIES_MAX)
        return;
    for (int i = 0; i < all->count; i++)
        if (all->list[i].offset == offset)
            return;
    all->list[all->count++] =
        (directory){.offset = offset,
                    .within = within,
                    .level = within < 0 ? 0 : all->list[within].level + 1};
}

static bool go_to(TIFF *tiff, const directory *d)
{
    return TIFFCurrentDirOffset(tiff) == d->offset ||
           TIFFSetSubDirectory(tiff, d->offset) != 0;
}

/* Add the directories that stand in directory i, which is the current one. */
static void add_within(directories *all, TIFF *tiff, int i)
{
    const uint64_t *offsets = NULL;
    uint16_t count = 0;

    if (all->list[i].level + 1 < LEVELS_MAX &&
        TIFFGetField(tiff, TIFFTAG_SUBIFD, &count, &offsets) && offsets)
        for (uint16_t k = 0; k < count; k++)
            add_directory(all, offsets[k], i);
}

/* The pixels of the current directory d; 0 if it is a reduced version or a mask
 * of another picture, or stands in another directory and cannot be decoded,
 * like the sensor's values in a camera's raw file. */
static uint64_t photograph_pixels(TIFF *tiff, const directory *d)
{
    uint32_t width = 0, height = 0, kind = 0;
    char why[1024];

    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetField(tiff, TIFFTAG_SUBFILETYPE, &kind);
    if (kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK) ||
        (d->level > 0 && !TIFFRGBAImageOK(tiff, why)))
        return 0;
    return (uint64_t)width * height;
}

/* The orientation of directory i, or of the one that it stands in. */
static int find_orientation(const directories *all, int i, TIFF *tiff)
{
    int orientation = DMS_ORIENTATION_ABSENT;

    for (; i >= 0 && orientation == DMS_ORIENTATION_ABSENT;
         i = all->list[i].within)
        if (go_to(tiff, &all->list[i]))
            orientation = orientation_of(tiff);
    return orientation;
}

/* Select the photograph among the file's directories: the largest that is not
 * a reduced version or a mask of another; the first if several are equal. Set
 * out's orientation and the number of other photographs among the first
 * DIRECTORIES_MAX. */
static bool choose_directory(dms_picture *out, TIFF *tiff)
{
    directories all = {.count = 0};
    uint64_t most = 0;
    int best = 0, pages = 0;

    for (int i = 0; i < DIRECTORIES_MAX && (i == 0 || TIFFReadDirectory(tiff));
         i++)
        add_directory(&all, TIFFCurrentDirOffset(tiff), -1);
    for (int i = 0; i < all.count; i++) {
        uint64_t pixels;

        if (!go_to(tiff, &all.list[i]))
            continue;
        pixels = photograph_pixels(tiff, &all.list[i]);
        pages += pixels > 0;
        if (pixels > most)
            most = pixels, best = i;
        add_within(&all, tiff, i);
    }
    out->further_pages = pages > 1 ? pages - 1 : 0;
    out->orientation = find_orientation(&all, best, tiff);
    return go_to(tiff, &all.list[best]);
}

static dms_status decode(dms_picture *out, TIFF *tiff, stream *s,
                         const char *name, dms_error *err)
{
    dms_status st = DMS_OK;
    uint32_t width = 0, height = 0, *raster = NULL;
    size_t pixels;

    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    TRY(dms_image_create(&out->image, width, height, name, err));
    pixels = (size_t)width * height;
    raster = dms_calloc(pixels, sizeof *raster);
    if (!raster) {
        st = dms_fail_memory(err, "TIFF pixels");
        goto done;
    }
    if (!read_raster(raster, tiff, s, width, height)) {
        st = dms_fail(err, DMS_EFORMAT,
                      "%s: the TIFF is truncated or damaged (%s)", name,
                      s->text);
        goto done;
    }
    for (size_t i = 0; i < pixels; i++) {
        out->image.rgb[3 * i] = (uint8_t)TIFFGetR(raster[i]);
        out->image.rgb[3 * i + 1] = (uint8_t)TIFFGetG(raster[i]);
        out->image.rgb[3 * i + 2] = (uint8_t)TIFFGetB(raster[i]);
    }
    out->full_width = (int)width;
    out->full_height = (int)height;
done:
    dms_free(raster);
    return st;
}

dms_status dms_tiff_decode(dms_picture *out, const dms_codec_input *in,
                           dms_error *err)
{
    stream s = {.data = in->data, .size = in->size};
    TIFF *tiff = open_stream(&s);
    dms_status st;

    if (!tiff)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the TIFF is truncated or damaged (%s)", in->name,
                        s.text);
    if (choose_directory(out, tiff)) {
        s.text[0] = '\0'; /* perhaps about another directory */
        st = decode(out, tiff, &s, in->name, err);
    } else {
        st = dms_fail(err, DMS_EFORMAT,
                      "%s: the TIFF is truncated or damaged (%s)", in->name,
                      s.text);
    }
    TIFFClose(tiff);
    return st;
}
