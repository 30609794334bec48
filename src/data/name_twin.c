/* Finding the file that was probably meant. Relies on unicode_form.h for
 * Unicode forms and case. A similar file is only named in the message and never
 * read instead: it may be another photograph. */
#include "data/name_twin.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/number.h"
#include "base/utf8.h"
#include "data/picture_name.h"
#include "data/unicode_form.h"

/* How similar two names are, the most similar first. */
typedef enum likeness { SAME_NAME, SAME_STEM, NOT_TWINS } likeness;

/* Bytes of the name before a picture's ending, of a supported format or not. */
static size_t stem_of(const char *name, size_t len)
{
    size_t stem = dms_picture_stem(name, len);

    if (stem == len && dms_picture_is_unread(name))
        while (stem > 0 && name[--stem] != '.')
            ;
    return stem;
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    dms_utf8_trim(&a, &a_len);
    dms_utf8_trim(&b, &b_len);
    return a_len == b_len && dms_ascii_same_start(a, b, a_len);
}

static likeness compare(const char *wanted, const char *there)
{
    size_t wanted_len = strlen(wanted);
    size_t there_len = strlen(there);

    if (same(wanted, wanted_len, there, there_len))
        return SAME_NAME;
    return same(wanted, stem_of(wanted, wanted_len), there,
                stem_of(there, there_len))
               ? SAME_STEM
               : NOT_TWINS;
}

/* The file that was meant. */
typedef struct twin {
    char *name; /* owned; NULL: there is none */
    likeness like;
} twin;

/* Keep the more similar name; of two equally similar ones, the first by bytes.
 * false: out of memory. */
static bool consider(twin *nearest, const char *folded, const char *name)
{
    char *there = dms_unicode_compose(name, true);
    likeness like = there ? compare(folded, there) : NOT_TWINS;
    bool lacking = !there;

    free(there);
    if (like < nearest->like || (like == nearest->like && nearest->name &&
                                 strcmp(name, nearest->name) < 0)) {
        nearest->like = like;
        dms_free(nearest->name);
        nearest->name = dms_strdup(name);
        lacking = !nearest->name;
    }
    return !lacking;
}

/* The wanted name itself may be there, as a broken link: it is not a twin.
 * false: out of memory. */
static bool find_twin(twin *nearest, DIR *folder, const char *wanted)
{
    const struct dirent *entry;
    char *folded = dms_unicode_compose(wanted, true);
    bool looked = folded != NULL;

    while (looked && (entry = readdir(folder)) != NULL)
        looked = strcmp(entry->d_name, wanted) == 0 ||
                 consider(nearest, folded, entry->d_name);
    free(folded);
    return looked;
}

/* Do the names look the same on a screen? Then the message has to say how they
 * differ. */
static bool looks_same(const char *a, const char *b)
{
    return !dms_ascii_is_all(a, strlen(a)) && !same(a, strlen(a), b, strlen(b));
}

/* The folder that contains the path's last name; dms_free. */
static char *folder_above(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');

    *name = slash ? slash + 1 : path;
    return slash == path ? dms_strdup("/")
           : slash       ? dms_strndup(path, (size_t)(slash - path))
                         : dms_strdup(".");
}

bool dms_name_twin_text(char *text, size_t capacity, const char *path)
{
    const char *name;
    char *above = folder_above(path, &name);
    DIR *folder = above ? opendir(above) : NULL;
    bool folder_is_missing = above && !folder && errno == ENOENT;
    twin nearest = {NULL, NOT_TWINS};
    bool looked = above && (!folder || find_twin(&nearest, folder, name));

    text[0] = '\0';
    if (nearest.name)
        dms_format(text, capacity, "; '%s' is there%s", nearest.name,
                   nearest.like == SAME_NAME && looks_same(name, nearest.name)
                       ? ", in another Unicode form"
                       : "");
    else if (folder_is_missing && strlen(above) > 1)
        looked = dms_name_twin_text(text, capacity, above);
    dms_free(nearest.name);
    if (folder)
        closedir(folder);
    dms_free(above);
    return looked;
}

void dms_name_twin_tell(dms_error *err, const char *path)
{
    size_t len;

    if (!err || err->code != DMS_EIO || access(path, F_OK) == 0 ||
        errno != ENOENT)
        return;
    len = strlen(err->message);
    dms_name_twin_text(err->message + len, sizeof err->message - len, path);
}
