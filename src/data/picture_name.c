/* The endings of photographs' names, in any case. */
#include "data/picture_name.h"

#include <string.h>

#include "base/ascii.h"

const char *const dms_picture_endings[] = {"jpeg", "jpg",  "png", "tif",
                                           "tiff", "webp", NULL};

size_t dms_picture_stem(const char *name, size_t len)
{
    for (int i = 0; dms_picture_endings[i]; i++) {
        size_t ending = strlen(dms_picture_endings[i]);

        if (len > ending + 1 && name[len - ending - 1] == '.' &&
            dms_ascii_same_start(name + len - ending, dms_picture_endings[i],
                                 ending))
            return len - ending - 1;
    }
    return len;
}
