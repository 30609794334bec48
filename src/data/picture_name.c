/* Recognising pictures and litter by the endings of names. Relies on ASCII
 * endings, in upper or lower case. */
#include "data/picture_name.h"

#include <string.h>

#include "base/ascii.h"

const char *const dms_picture_endings[] = {"jpeg", "jpg", "png",  "tif", "tiff",
                                           "webp", "jpe", "jfif", NULL};

static const char *const unread_endings[] = {
    "bmp", "gif", "heic", "heif", "avif",  "jp2", "j2k", "jxl", "jxr", "dcm",
    "dng", "raw", "cr2",  "nef",  "dicom", "ppm", "pgm", "psd", NULL};

/* Bytes before the dot and one of the endings; len if it has none of them. */
static size_t stem_of(const char *name, size_t len, const char *const endings[])
{
    for (int i = 0; endings[i]; i++) {
        size_t ending = strlen(endings[i]);

        if (len > ending + 1 && name[len - ending - 1] == '.' &&
            dms_ascii_same_start(name + len - ending, endings[i], ending))
            return len - ending - 1;
    }
    return len;
}

size_t dms_picture_stem(const char *name, size_t len)
{
    return stem_of(name, len, dms_picture_endings);
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
