/* Recognises kinds of files. Relies on the signatures that the formats' own
 * documents give; it parses nothing. */
#include "base/file_kind.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "base/bytes.h"

/* len bytes expected at offset at. */
typedef struct signature {
    size_t at;
    const char *bytes;
    size_t len;
    dms_file_kind kind;
} signature;

#define BYTES(text) (text), sizeof(text) - 1
#define PICTURE(what)                                                          \
    {                                                                          \
        what, DMS_FILE_PICTURE                                                 \
    }
#define DOCUMENT(what)                                                         \
    {                                                                          \
        what, DMS_FILE_DOCUMENT                                                \
    }
#define OTHER(what)                                                            \
    {                                                                          \
        what, DMS_FILE_OTHER                                                   \
    }
#define PACKED(by) OTHER("compressed by " by " (unpack it first)")

/* The first that matches counts: longer signatures stand before shorter ones
 * at the same place. */
static const signature signatures[] = {
    {0, BYTES("version https://git-lfs.github.com/"),
     OTHER("a Git LFS pointer, not the file itself (run 'git lfs pull')")},
    {0, BYTES("/annex/objects/"),
     OTHER("a git-annex pointer, not the file itself (run 'git annex get')")},
    {0, BYTES("\xff\xd8\xff"), PICTURE("a photograph (JPEG)")},
    {0, BYTES("\x89PNG\r\n\x1a\n"), PICTURE("a picture (PNG)")},
    {0, BYTES("II*\0"), PICTURE("a picture (TIFF)")},
    {0, BYTES("MM\0*"), PICTURE("a picture (TIFF)")},
    {0, BYTES("II+\0"), PICTURE("a picture (TIFF)")},
    {0, BYTES("MM\0+"), PICTURE("a picture (TIFF)")},
    {8, BYTES("WEBPVP8"), PICTURE("a picture (WebP)")},
    {128, BYTES("DICM"), PICTURE("a DICOM file")},
    {0, BYTES("\0\0\0\x0cjP  \r\n\x87\n"), PICTURE("a JPEG 2000 picture")},
    {0, BYTES("\xff\x4f\xff\x51"), PICTURE("a JPEG 2000 picture")},
    {0, BYTES("\0\0\0\x0cJXL \r\n\x87\n"), PICTURE("a JPEG XL picture")},
    {0, BYTES("\xff\x0a"), PICTURE("a JPEG XL picture")},
    {4, BYTES("ftypavi"), PICTURE("an AVIF picture")},
    {4, BYTES("ftyphe"), PICTURE("a HEIC picture")},
    {4, BYTES("ftypmif1"), PICTURE("a HEIF picture")},
    {4, BYTES("ftypmsf1"), PICTURE("a HEIF picture")},
    {4, BYTES("ftyp"), OTHER("a video (MP4, QuickTime)")},
    {0, BYTES("GIF87a"), PICTURE("a GIF picture")},
    {0, BYTES("GIF89a"), PICTURE("a GIF picture")},
    {0, BYTES("8BPS"), PICTURE("a Photoshop document")},
    {0, BYTES("%PDF-"), DOCUMENT("a PDF document")},
    {0, BYTES("{\\rtf"), DOCUMENT("a text document (RTF)")},
    {0, BYTES("PK\x03\x04"), DOCUMENT("a ZIP archive or an Office document")},
    {0, BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
     DOCUMENT("an old Office document or Thumbs.db")},
    {0, BYTES("PAR1"), DOCUMENT("a Parquet table")},
    {0, BYTES("SQLite format 3"), DOCUMENT("a database (SQLite)")},
    {0, BYTES("\x1f\x8b"), PACKED("gzip")},
    {0,
     BYTES("\xfd"
           "7zXZ\0"),
     PACKED("xz")},
    {0, BYTES("\x28\xb5\x2f\xfd"), PACKED("zstd")},
    {4, BYTES("1AY&SY"), PACKED("bzip2")},
    {0, BYTES("7z\xbc\xaf\x27\x1c"),
     OTHER("a 7-Zip archive (unpack it first)")},
    {0, BYTES("Rar!\x1a\x07"), OTHER("a RAR archive (unpack it first)")},
    {0, BYTES("\0\x05\x16\x07"),
     OTHER("a Macintosh resource file (AppleDouble)")},
    {0,
     BYTES("\0\0\0\x01"
           "Bud1"),
     OTHER("a Macintosh folder file (.DS_Store)")},
};

/* A JSON object behind its 8-byte length, which fits into the file. */
static bool is_safetensors(const uint8_t *data, size_t size)
{
    dms_bytes bytes = dms_bytes_over(data, size);
    uint64_t header = dms_bytes_u64le(&bytes);

    return !bytes.failed && header > 0 && header <= dms_bytes_left(&bytes) &&
           data[8] == '{';
}

/* Markup behind blanks and a byte order mark, and perhaps a comment or a
 * declaration. */
static const dms_file_kind *find_markup(const uint8_t *data, size_t size)
{
    static const dms_file_kind
        html = {"an HTML page (the download was refused or redirected)",
                DMS_FILE_MARKUP},
        xml = {"an XML document", DMS_FILE_MARKUP},
        svg = PICTURE("an SVG drawing");
    char head[512] = "";
    size_t at = size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (at < size && dms_ascii_is_space((char)data[at]))
        at++;
    memcpy(head, data + at,
           size - at < sizeof head - 1 ? size - at : sizeof head - 1);
    if (head[0] != '<')
        return NULL;
    if (dms_ascii_contains(head, "<!doctype html") ||
        dms_ascii_contains(head, "<html") || dms_ascii_contains(head, "<head"))
        return &html;
    if (dms_ascii_contains(head, "<svg"))
        return &svg;
    return dms_ascii_same_start(head, "<?xml", 5) ? &xml : NULL;
}

const dms_file_kind *dms_file_kind_of(const void *data, size_t size)
{
    static const dms_file_kind
        zeros = OTHER("nothing but zero bytes (the copy was interrupted or the "
                      "disk failed)"),
        bmp = PICTURE("a BMP picture"),
        tensors = OTHER("a file of weights (safetensors)");
    const uint8_t *bytes = data;

    if (size == 0)
        return NULL;
    if (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0)
        return &zeros;
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const signature *s = &signatures[i];

        if (size >= s->at + s->len &&
            memcmp(bytes + s->at, s->bytes, s->len) == 0)
            return &s->kind;
    }
    /* "BM", the file's size or 0, and two zero words */
    if (size >= 26 && memcmp(bytes, "BM", 2) == 0 &&
        memcmp(bytes + 6, "\0\0\0\0", 4) == 0)
        return &bmp;
    if (is_safetensors(bytes, size))
        return &tensors;
    return find_markup(bytes, size);
}
