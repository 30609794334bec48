/* Names what a file is if it is not a readable picture. Relies on the
 * signatures that the formats' own documents give. */
#include "image/file_kind.h"

#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"

typedef struct signature {
    size_t at;
    const char *bytes;
    size_t len;
    const char *what;
} signature;

#define BYTES(text) (text), sizeof(text) - 1

static const signature signatures[] = {
    {0, BYTES("version https://git-lfs.github.com/spec/"),
     "a Git LFS pointer, not the photograph itself: run 'git lfs pull'"},
    {0, BYTES("/annex/objects/"), "a git-annex pointer: run 'git annex get'"},
    {128, BYTES("DICM"), "a DICOM file; export the photograph as JPEG or PNG"},
    {0, BYTES("\0\0\0\x0cjP  \r\n\x87\n"),
     "a JPEG 2000 picture; convert it to PNG"},
    {0, BYTES("\xff\x4f\xff\x51"), "a JPEG 2000 picture; convert it to PNG"},
    {0, BYTES("\0\0\0\x0cJXL \r\n\x87\n"),
     "a JPEG XL picture; convert it to PNG"},
    {0, BYTES("\xff\x0a"), "a JPEG XL picture; convert it to PNG"},
    {4, BYTES("ftypavi"), "an AVIF picture; convert it to PNG"},
    {4, BYTES("ftyphe"), "a HEIC picture; convert it to JPEG or PNG"},
    {4, BYTES("ftypmif1"), "a HEIF picture; convert it to JPEG or PNG"},
    {4, BYTES("ftypmsf1"), "a HEIF picture; convert it to JPEG or PNG"},
    {4, BYTES("ftyp"), "a video (MP4, QuickTime)"},
    {0, BYTES("GIF87a"), "a GIF picture; convert it to PNG"},
    {0, BYTES("GIF89a"), "a GIF picture; convert it to PNG"},
    {0, BYTES("8BPS"), "a Photoshop document; export it as PNG"},
    {0, BYTES("%PDF-"), "a PDF document"},
    {0, BYTES("PK\x03\x04"), "a ZIP archive or an Office document"},
    {0, BYTES("\x1f\x8b"), "a gzip archive"},
    {0, BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
     "an old Office document or Thumbs.db"},
    {0, BYTES("\0\x05\x16\x07"), "a Macintosh resource file (AppleDouble)"},
    {0,
     BYTES("\0\0\0\x01"
           "Bud1"),
     "a Macintosh folder file (.DS_Store)"},
    {0, BYTES("SQLite format 3"), "a database"},
    {0, BYTES("{\\rtf"), "an RTF document"},
};

/* Markup behind blanks and a byte order mark, and perhaps a comment or a
 * declaration. */
static const char *find_markup(const uint8_t *data, size_t size)
{
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
        return "an HTML page: the download was refused or redirected";
    if (dms_ascii_contains(head, "<svg"))
        return "an SVG drawing";
    return dms_ascii_same_start(head, "<?xml", 5) ? "an XML document" : NULL;
}

static bool is_one_byte(const uint8_t *data, size_t size, uint8_t byte)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != byte)
            return false;
    return true;
}

const char *dms_file_kind(const uint8_t *data, size_t size)
{
    if (is_one_byte(data, size, 0))
        return "nothing but zero bytes: the copy was interrupted or the disk "
               "failed";
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const signature *s = &signatures[i];

        if (size >= s->at + s->len &&
            memcmp(data + s->at, s->bytes, s->len) == 0)
            return s->what;
    }
    /* "BM", the file's size or 0, and two zero words */
    if (size >= 26 && memcmp(data, "BM", 2) == 0 &&
        memcmp(data + 6, "\0\0\0\0", 4) == 0)
        return "a BMP picture; convert it to PNG";
    return find_markup(data, size);
}
