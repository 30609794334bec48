/* Comparing the pictures in a data set's folder with those that its table
 * names. Relies on dataset->folder and resolved paths (odir_folder.c). */
#include "data/unlisted.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "data/picture_name.h"

enum { NAMED_MAX = 5 };

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the listed pictures that are directly in the folder, sorted; the
 * texts are borrowed from the data set. NULL: out of memory. */
static const char **list_names(size_t *count, const dms_dataset *dataset)
{
    const char **names = dms_calloc(2 * dataset->count + 1, sizeof *names);
    size_t len = strlen(dataset->folder);

    *count = 0;
    for (size_t i = 0; names && i < 2 * dataset->count; i++) {
        const char *path = dataset->patients[i / 2].eye[i % 2].path;

        if (path && strncmp(path, dataset->folder, len) == 0 &&
            path[len] == '/' && !strchr(path + len + 1, '/'))
            names[(*count)++] = path + len + 1;
    }
    if (names)
        qsort(names, *count, sizeof *names, by_bytes);
    return names;
}

static int is_picture(const struct dirent *entry)
{
    const char *name = entry->d_name;
    size_t len = strlen(name);

    return !dms_picture_is_litter(name) &&
           (dms_picture_stem(name, len) < len || dms_picture_is_unread(name));
}

static int entries_by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

dms_status dms_unlisted_tell(const dms_dataset *dataset,
                             const dms_monitor *monitor, dms_error *err)
{
    size_t listed, unlisted = 0;
    const char **names = list_names(&listed, dataset);
    struct dirent **entries = NULL;
    int count =
        names ? scandir(dataset->folder, &entries, is_picture, entries_by_bytes)
              : 0;
    bool starved = !names;
    dms_strbuf text;

    dms_strbuf_init(&text);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;

        if (!bsearch(&name, names, listed, sizeof *names, by_bytes) &&
            unlisted++ < NAMED_MAX)
            dms_strbuf_printf(&text, "%s%s", unlisted > 1 ? ", " : "", name);
        free(entries[i]);
    }
    free(entries);
    if (count > 0 && unlisted > 0 && unlisted < (size_t)count)
        dms_log(monitor, DMS_LOG_WARNING,
                "%s: %zu of the %d pictures are not named in %s: %s%s",
                dataset->folder, unlisted, count, dataset->table, text.data,
                unlisted > NAMED_MAX ? ", ..." : "");
    starved = starved || text.failed;
    dms_strbuf_release(&text);
    dms_free(names);
    return starved ? dms_fail_memory(err, dataset->folder) : DMS_OK;
}
