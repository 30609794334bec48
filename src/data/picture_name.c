/* Recognising pictures and litter by the endings of names. Relies on ASCII
 * endings, in upper or lower case. */
#include "data/picture_name.h"

#include <string.h>

#include "base/ascii.h"
#include "base/utf8.h"
#include "data/side_word.h"

const char *const dms_picture_endings[] = {"jpeg", "jpg", "png",  "tif", "tiff",
                                           "webp", "jpe", "jfif", NULL};

static const char *const unread_endings[] = {
    "bmp", "gif", "heic", "heif", "avif",  "jp2", "j2k", "jxl", "jxr", "dcm",
    "dng", "raw", "cr2",  "nef",  "dicom", "ppm", "pgm", "psd", NULL};

/* Bytes before the dot and one of the endings; len if it has none of them.
 * Blanks behind the ending do not count. */
static size_t stem_of(const char *name, size_t len, const char *const endings[])
{
    const char *text = name;
    size_t trimmed = len;
    const char *end;

    dms_utf8_trim(&text, &trimmed);
    end = text + trimmed;
    for (int i = 0; endings[i]; i++) {
        size_t ending = strlen(endings[i]);

        if (trimmed > ending + 1 && end[-(ptrdiff_t)ending - 1] == '.' &&
            dms_ascii_same_start(end - ending, endings[i], ending))
            return (size_t)(end - ending - 1 - name);
    }
    return len;
}

size_t dms_picture_stem(const char *name, size_t len)
{
    return stem_of(name, len, dms_picture_endings);
}

bool dms_picture_has_ending(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const char *dot = strrchr(name, '.');
    size_t len = dot ? strspn(dot + 1, letters) : 0;

    return len > 0 && len <= 9 && dot[1 + len] == '\0' &&
           !(dot[1] >= '0' && dot[1] <= '9') &&
           !dms_side_word_find(dot + 1, len);
}

bool dms_picture_is_unread(const char *name)
{
    size_t len = strlen(name);

    return stem_of(name, len, unread_endings) < len;
}

bool dms_picture_is_litter(const char *name)
{
    static const char *const names[] = {"Thumbs.db", "ehthumbs.db",
                                        "ehthumbs_vista.db", "desktop.ini",
                                        "Icon\r"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (dms_ascii_same(name, names[i]))
            return true;
    return name[0] == '.';
}
