/* Finding the table in a folder and the photographs near a table. Relies on the
 * folder names of the data sets as they are distributed. */
#include <dirent.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "data/name_twin.h"
#include "data/odir_columns.h"
#include "data/picture_name.h"

enum { PROBES = 64 };

/* The highest rank wins; 0: not a table. Two tables of equal rank are
 * ambiguous. */
static int table_rank(const char *name)
{
    const char *dot = strrchr(name, '.');

    if (!dot || name[0] == '.' || name[0] == '~')
        return 0;
    if (dms_ascii_same(name, "annotations.csv"))
        return 5;
    if (dms_ascii_same(name, "full_df.csv"))
        return 4;
    if (dms_ascii_same(dot, ".csv"))
        return 3;
    if (!dms_ascii_same(dot, ".xlsx"))
        return 0;
    /* OIA-ODIR also has tables in Chinese */
    return dms_ascii_contains(name, "english") ? 2 : 1;
}

typedef struct candidates {
    int rank;          /* the highest so far */
    char *best;        /* the first name of that rank; owned */
    dms_strbuf listed; /* "a.csv, b.csv": all names of that rank */
    size_t count;      /* of names in listed */
} candidates;

static void consider(candidates *c, const char *name)
{
    int rank = table_rank(name);

    if (rank == 0 || rank < c->rank)
        return;
    if (rank > c->rank) {
        dms_strbuf_release(&c->listed);
        c->rank = rank;
        c->count = 0;
    }
    if (c->count++ == 0) {
        dms_free(c->best);
        c->best = dms_strdup(name);
    }
    dms_strbuf_printf(&c->listed, "%s%s", c->count > 1 ? ", " : "", name);
}

/* *table stays NULL if the folder has no table or is not a folder. */
static dms_status find_in_folder(char **table, const char *folder,
                                 dms_error *err)
{
    candidates c = {0};
    dms_status st = DMS_OK;
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    if (!dir)
        return DMS_OK;
    dms_strbuf_init(&c.listed);
    while ((entry = readdir(dir)) != NULL)
        consider(&c, entry->d_name);
    closedir(dir);
    if (c.count > 1)
        st = dms_fail(
            err, DMS_EINVAL,
            "%s: the folder has several tables: %s; give the path of one",
            folder, c.listed.data);
    else if (c.count == 1 &&
             (!c.best || !(*table = dms_path_join(folder, c.best))))
        st = dms_fail_memory(err, folder);
    dms_free(c.best);
    dms_strbuf_release(&c.listed);
    return st;
}

static dms_status find_below(char **table, const char *folder, dms_error *err)
{
    static const char *const below[] = {"Annotation", "Annotations",
                                        "annotation", "annotations",
                                        "ODIR-5K",    "ODIR-5K/ODIR-5K"};
    dms_status st = find_in_folder(table, folder, err);

    for (size_t i = 0;
         st == DMS_OK && !*table && i < sizeof below / sizeof below[0]; i++) {
        char *path = dms_path_join(folder, below[i]);

        if (!path)
            return dms_fail_memory(err, folder);
        st = find_in_folder(table, path, err);
        dms_free(path);
    }
    return st;
}

dms_status dms_odir_table_find(char **table, const char *path, dms_error *err)
{
    dms_status st = DMS_OK;

    *table = NULL;
    if (!dms_path_is_folder(path)) {
        if (access(path, R_OK) != 0)
            return dms_fail_errno(err, "%s: cannot read", path);
        *table = dms_strdup(path);
        return *table ? DMS_OK : dms_fail_memory(err, path);
    }
    TRY(find_below(table, path, err));
    if (!*table)
        st = dms_fail(err, DMS_EINVAL,
                      "%s: the folder has no table (.csv or .xlsx)", path);
done:
    return st;
}

/* Turn Windows' separators into slashes, unless a file has exactly that name.
 */
static void turn_slashes(char *path, const char *name)
{
    if (!strchr(name, '\\') || access(path, F_OK) == 0)
        return;
    for (char *c = path + strlen(path) - strlen(name); *c; c++)
        if (*c == '\\')
            *c = '/';
}

/* Is there a file `path` with that ending, in the case that `letter` gives? Its
 * path is appended to full. */
static bool is_there_with(dms_strbuf *full, const char *path,
                          const char *ending, char (*letter)(char))
{
    dms_strbuf_printf(full, "%s.", path);
    for (const char *c = ending; *c; c++) {
        char turned = letter(*c);

        dms_strbuf_add(full, &turned, 1);
    }
    return full->failed || access(full->data, R_OK) == 0;
}

/* The path with the first picture ending for which a file exists, else the path
 * itself. Takes ownership of path. NULL: out of memory. */
static char *with_ending(char *path)
{
    static char (*const letters[])(char) = {dms_ascii_lower, dms_ascii_upper};

    for (size_t l = 0; l < 2; l++) {
        for (int i = 0; dms_picture_endings[i] && access(path, R_OK) != 0;
             i++) {
            dms_strbuf full;

            dms_strbuf_init(&full);
            if (is_there_with(&full, path, dms_picture_endings[i],
                              letters[l])) {
                dms_free(path);
                return dms_strbuf_detach(&full); /* NULL: out of memory */
            }
            dms_strbuf_release(&full);
        }
    }
    return path;
}

/* The path of the picture. A name without an ending, as in EyePACS' and APTOS'
 * tables, gets that of the existing file. NULL: out of memory. */
static char *picture_path(const char *folder, const char *name)
{
    char *path =
        name[0] == '/' ? dms_strdup(name) : dms_path_join(folder, name);

    if (!path)
        return NULL;
    turn_slashes(path, name);
    return dms_picture_stem(name, strlen(name)) < strlen(name)
               ? path
               : with_ending(path);
}

/* found, out: how many pictures of up to PROBES patients are in the folder.
 * false: out of memory. */
static bool count_pictures(size_t *found, const dms_dataset *dataset,
                           const char *folder)
{
    size_t step = dataset->count / PROBES + 1;

    *found = 0;
    for (size_t i = 0; i < dataset->count; i += step) {
        for (int e = DMS_LEFT; e <= DMS_RIGHT; e++) {
            const char *name = dataset->patients[i].eye[e].path;
            char *path = name ? picture_path(folder, name) : NULL;

            if (name && !path)
                return false;
            *found += path && access(path, R_OK) == 0;
            dms_free(path);
        }
    }
    return true;
}

/* The first picture's name in the table; NULL: the table names none. */
static const char *first_picture(const dms_dataset *dataset)
{
    for (size_t i = 0; i < 2 * dataset->count; i++)
        if (dataset->patients[i / 2].eye[i % 2].path)
            return dataset->patients[i / 2].eye[i % 2].path;
    return NULL;
}

/* Where pictures are searched for, relative to the table's folder. */
static const char *const places[] = {
    "images",
    "Images",
    "../Images",
    "../images",
    "Training Images",
    "../Training Images",
    "ODIR-5K/ODIR-5K/Training Images",
    "ODIR-5K/Training Images",
    "ODIR-5K_Training_Dataset",
    "../ODIR-5K_Training_Dataset",
    "preprocessed_images",
    "../preprocessed_images",
    "train",
    "train_images",
};

enum { PLACES = sizeof places / sizeof places[0] };

/* Is the first picture in the folder under a similar name? twin, out: what
 * dms_name_twin_text says. false: out of memory. */
static bool look_for_twin(char *twin, size_t capacity,
                          const dms_dataset *dataset, const char *folder)
{
    char *path;
    bool looked;

    if (!dms_path_is_folder(folder))
        return true;
    path = picture_path(folder, first_picture(dataset));
    looked = path && dms_name_twin_text(twin, capacity, path);
    dms_free(path);
    return looked;
}

/* If no picture is in `best`: the folder that has the first one under a similar
 * name, else best. Takes ownership of best, returns an owned path. NULL: out of
 * memory. */
static char *find_twins(char *best, const dms_dataset *dataset,
                        const char *beside, const dms_monitor *monitor)
{
    char twin[256] = "";
    bool looked = look_for_twin(twin, sizeof twin, dataset, best);

    for (size_t i = 0; looked && !twin[0] && i < PLACES; i++) {
        char *folder = dms_path_join(beside, places[i]);

        looked = folder && look_for_twin(twin, sizeof twin, dataset, folder);
        if (looked && twin[0]) {
            char *worse = best;

            best = folder, folder = worse;
        }
        dms_free(folder);
    }
    if (!looked) {
        dms_free(best);
        return NULL;
    }
    if (twin[0])
        dms_log(monitor, DMS_LOG_WARNING,
                "%s: none of its photographs was found in %s: '%s' is "
                "missing%s",
                dataset->table, best, first_picture(dataset), twin);
    else
        dms_log(monitor, DMS_LOG_WARNING,
                "%s: none of its photographs was found near it; give their "
                "folder",
                dataset->table);
    return best;
}

/* The folder near the table that has the most pictures; the table's own folder
 * if none has any. NULL: out of memory. */
static char *find_pictures(const dms_dataset *dataset, const char *beside,
                           const dms_monitor *monitor)
{
    char *best = dms_strdup(beside);
    size_t best_count = 0;
    bool looked = best && count_pictures(&best_count, dataset, best);

    for (size_t i = 0; looked && i < PLACES; i++) {
        char *folder = dms_path_join(beside, places[i]);
        size_t count = 0;

        looked = folder && count_pictures(&count, dataset, folder);
        if (looked && count > best_count) {
            char *worse = best;

            best = folder, folder = worse;
            best_count = count;
        }
        dms_free(folder);
    }
    if (!looked) {
        dms_free(best);
        return NULL;
    }
    if (best_count == 0 && first_picture(dataset))
        best = find_twins(best, dataset, beside, monitor);
    return best;
}

static dms_status prefix_paths(dms_dataset *dataset, dms_error *err)
{
    for (size_t i = 0; i < 2 * dataset->count; i++) {
        dms_eye *eye = &dataset->patients[i / 2].eye[i % 2];
        char *path;

        if (!eye->path)
            continue;
        path = picture_path(dataset->folder, eye->path);
        if (!path)
            return dms_fail_memory(err, dataset->table);
        dms_free(eye->path);
        eye->path = path;
    }
    return DMS_OK;
}

dms_status dms_odir_pictures_resolve(dms_dataset *dataset, const char *images,
                                     const dms_monitor *monitor, dms_error *err)
{
    char *table;

    if (images && !dms_path_is_folder(images))
        return dms_fail(err, DMS_EIO, "%s: is not a folder of photographs",
                        images);
    if (images) {
        dataset->folder = dms_strdup(images);
    } else if ((table = dms_strdup(dataset->table)) != NULL) {
        dataset->folder = find_pictures(dataset, dirname(table), monitor);
        dms_free(table);
    }
    if (!dataset->folder)
        return dms_fail_memory(err, dataset->table);
    return prefix_paths(dataset, err);
}
