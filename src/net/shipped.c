/* Finds the shipped models from the place of the program or library that
 * contains this code, so that a copied or moved installation finds its own.
 * The working directory and the environment have no say. */
#include "net/shipped.h"

#include <dirent.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "dms/model.h"

#define BEFORE "dmsnet-"
#define BEHIND ".safetensors"

/* Folders that may hold models, in the order in which they are searched. DIR
 * holds the program or library.
 *
 *   DIR/../models                  if DIR is a build folder of the source tree,
 *   DIR/../../share/dmsnet/models  else if it is PREFIX/lib/x86_64-linux-gnu,
 *   DIR/../share/dmsnet/models     else: it is PREFIX/bin or PREFIX/lib
 *   DMS_MODELS_DIR                 as it was configured */
enum { PLACES = 2 };
typedef struct places {
    char *paths[PLACES]; /* owned */
    size_t count;
} places;

/* Searches the loaded objects for the one with this code. */
typedef struct search {
    char *path; /* out: PATH_MAX bytes */
    bool found;
} search;

/* Is address in one of the object's segments? */
static bool contains(const struct dl_phdr_info *object, uintptr_t address)
{
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_LOAD && address >= begin &&
            address - begin < segment->p_memsz)
            return true;
    }
    return false;
}

/* The program itself has no name in the list. */
static int visit(struct dl_phdr_info *object, size_t size, void *user)
{
    search *s = user;
    const char *name =
        *object->dlpi_name ? object->dlpi_name : "/proc/self/exe";

    (void)size;
    if (!contains(object, (uintptr_t)visit))
        return 0;
    s->found = realpath(name, s->path) != NULL;
    return 1;
}

static dms_status add_place(places *p, const char *folder, const char *tail,
                            dms_error *err)
{
    char *path = folder ? dms_path_join(folder, tail) : dms_strdup(tail);

    if (!path)
        return dms_fail_memory(err, "models");
    p->paths[p->count++] = path;
    return DMS_OK;
}

static dms_status is_build_folder(bool *is, const char *folder, dms_error *err)
{
    char *cache = dms_path_join(folder, "CMakeCache.txt");

    if (!cache)
        return dms_fail_memory(err, "models");
    *is = dms_path_exists(cache);
    dms_free(cache);
    return DMS_OK;
}

/* Is folder one in lib, as a Debian multiarch folder is? */
static bool in_library_folder(const char *folder)
{
    static const char *const libraries[] = {"lib", "lib64"};
    const char *last = strrchr(folder, '/'), *before = last;

    while (before && before > folder && before[-1] != '/')
        before--;
    for (size_t i = 0; last && i < sizeof libraries / sizeof *libraries; i++)
        if ((size_t)(last - before) == strlen(libraries[i]) &&
            strncmp(before, libraries[i], (size_t)(last - before)) == 0)
            return true;
    return false;
}

static dms_status list_places(places *p, dms_error *err)
{
    char *own = dms_calloc(PATH_MAX, 1);
    search s = {.path = own};
    bool built = false;
    dms_status st = DMS_OK;

    if (!own)
        return dms_fail_memory(err, "models");
    dl_iterate_phdr(visit, &s);
    if (s.found) {
        char *slash = strrchr(own, '/'); /* realpath's result has one */

        /* "/" stays: "" would be the working directory */
        slash[slash == own] = '\0';
        TRY(is_build_folder(&built, own, err));
        TRY(add_place(p, own,
                      built                    ? "../models"
                      : in_library_folder(own) ? "../../share/dmsnet/models"
                                               : "../share/dmsnet/models",
                      err));
    }
    TRY(add_place(p, NULL, DMS_MODELS_DIR, err));
done:
    dms_free(own);
    return st;
}

static void release_places(places *p)
{
    for (size_t i = 0; i < p->count; i++)
        dms_free(p->paths[i]);
}

/* The length of NAME in "dmsnet-NAME.safetensors"; 0: no such file. */
static size_t name_length(const char *file)
{
    size_t len = strlen(file), frame = strlen(BEFORE) + strlen(BEHIND);

    if (len <= frame || strncmp(file, BEFORE, strlen(BEFORE)) != 0 ||
        strcmp(file + len - strlen(BEHIND), BEHIND) != 0)
        return 0;
    return len - frame;
}

static dms_status add_name(dms_shipped *s, const char *file, dms_error *err)
{
    char **names = dms_resize(s->names, s->count + 1, sizeof *names);

    if (!names)
        return dms_fail_memory(err, "models");
    s->names = names;
    names[s->count] = dms_strndup(file + strlen(BEFORE), name_length(file));
    if (!names[s->count])
        return dms_fail_memory(err, "models");
    s->count++;
    return DMS_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A folder that cannot be read holds no model. */
static dms_status read_folder(dms_shipped *s, const char *path, dms_error *err)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    dms_status st = DMS_OK;

    while (st == DMS_OK && folder && (entry = readdir(folder)))
        if (name_length(entry->d_name) > 0)
            st = add_name(s, entry->d_name, err);
    if (folder)
        closedir(folder);
    if (s->count > 0)
        qsort(s->names, s->count, sizeof *s->names, compare);
    return st;
}

dms_status dms_shipped_read(dms_shipped *shipped, dms_error *err)
{
    places p = {.count = 0};
    dms_status st;

    TRY(list_places(&p, err));
    for (size_t i = 0; i < p.count && shipped->count == 0; i++) {
        TRY(read_folder(shipped, p.paths[i], err));
        if (shipped->count > 0)
            shipped->folder = p.paths[i], p.paths[i] = NULL;
    }
done:
    release_places(&p);
    return st;
}

void dms_shipped_release(dms_shipped *shipped)
{
    for (size_t i = 0; i < shipped->count; i++)
        dms_free(shipped->names[i]);
    dms_free(shipped->names);
    dms_free(shipped->folder);
    *shipped = (dms_shipped){.folder = NULL};
}

char *dms_shipped_path(const dms_shipped *shipped, const char *name,
                       const char *ending)
{
    dms_strbuf path;
    char *result;

    dms_strbuf_init(&path);
    dms_strbuf_printf(&path, "%s/" BEFORE "%s%s", shipped->folder, name,
                      ending);
    result = dms_strbuf_detach(&path);
    dms_strbuf_release(&path);
    return result;
}

void dms_shipped_searched(dms_strbuf *text)
{
    places p = {.count = 0};

    text->failed |= list_places(&p, NULL) != DMS_OK;
    for (size_t i = 0; i < p.count; i++)
        dms_strbuf_printf(text, "  %s\n", p.paths[i]);
    release_places(&p);
}

static bool has(const dms_shipped *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->names[i], name) == 0)
            return true;
    return false;
}

/* "NAME: <what>; the models that ship with dmsnet are A, B" */
static dms_status unknown(const dms_shipped *s, const char *name,
                          const char *what, dms_error *err)
{
    dms_strbuf list;
    dms_status st;

    dms_strbuf_init(&list);
    for (size_t i = 0; i < s->count; i++)
        dms_strbuf_printf(&list, "%s%s", i ? ", " : "", s->names[i]);
    st = dms_fail(err, DMS_EIO, "%.100s: %s; %s%.200s", name, what,
                  s->count ? "those that ship with dmsnet are "
                           : "none ships with this dmsnet",
                  list.data);
    dms_strbuf_release(&list);
    return st;
}

static dms_status take_path(char **path, const dms_shipped *s, const char *name,
                            dms_error *err)
{
    *path = dms_shipped_path(s, name, BEHIND);
    return *path ? DMS_OK : dms_fail_memory(err, name);
}

dms_status dms_model_find(char **path, const char *name, dms_error *err)
{
    dms_shipped s = {.folder = NULL};
    dms_status st;

    TRY(dms_shipped_read(&s, err));
    st = has(&s, name) ? take_path(path, &s, name, err)
                       : unknown(&s, name, "no model of that name", err);
done:
    dms_shipped_release(&s);
    return st;
}

/* A name is a word without '/' and '.': nothing that looks like a path, a file
 * or an option. */
static bool may_be_name(const char *text)
{
    return *text && *text != '-' && !strpbrk(text, "/.");
}

dms_status dms_shipped_resolve(char **path, const char *given, dms_error *err)
{
    dms_shipped s = {.folder = NULL};
    dms_status st = DMS_OK;

    if (may_be_name(given))
        TRY(dms_shipped_read(&s, err));
    if (has(&s, given)) {
        st = take_path(path, &s, given, err);
    } else if (may_be_name(given) && !dms_path_exists(given)) {
        st = unknown(&s, given, "no such file and no model of that name", err);
    } else {
        *path = dms_strdup(given);
        if (!*path)
            st = dms_fail_memory(err, given);
    }
done:
    dms_shipped_release(&s);
    return st;
}
