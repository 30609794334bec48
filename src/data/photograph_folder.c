/* Listing a folder of photographs. Every file is used or reported, in an order
 * that does not depend on the file system. Relies on side_name.c for what a
 * name says and on picture_name.c for formats. */
#include "data/photograph_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/picture_name.h"
#include "data/side_name.h"
#include "dms/data.h"

enum { NAMED_MAX = 5 };

static const struct {
    dms_log_level level;
    const char *one, *many;
} words[DMS_FOLDER_REASONS] = {
    [DMS_FOLDER_NO_SIDE] =
        {DMS_LOG_WARNING,
         "photograph is left out: its name neither begins nor ends with a word "
         "for an eye, as 7_left or OD-7 does",
         "photographs are left out: their names neither begin nor end with a "
         "word for an eye, as 7_left or OD-7 does"},
    [DMS_FOLDER_UNREAD_FORMAT] = {DMS_LOG_WARNING,
                                  "picture is left out: its format is not "
                                  "supported",
                                  "pictures are left out: their formats are "
                                  "not supported"},
    [DMS_FOLDER_NO_PICTURE] = {DMS_LOG_INFO, "file is not a photograph",
                               "files are not photographs"},
    [DMS_FOLDER_FOLDER] = {DMS_LOG_INFO, "folder is not searched",
                           "folders are not searched"},
    [DMS_FOLDER_ODD] = {DMS_LOG_INFO, "eye without a fellow is used for both",
                        "eyes without a fellow are used for both"},
};

/* Count the name; keep the first few, with control characters as '?' so that a
 * message stays one line. */
static void count_name(dms_folder_tally *tally, const char *name)
{
    if (tally->count > 0 && tally->count < NAMED_MAX)
        dms_strbuf_puts(&tally->names, ", ");
    if (tally->count < NAMED_MAX)
        for (; *name; name++)
            dms_strbuf_add(&tally->names,
                           dms_ascii_is_control(*name) ? "?" : name, 1);
    else if (tally->count == NAMED_MAX)
        dms_strbuf_puts(&tally->names, ", ...");
    tally->count++;
}

static dms_status add_eye(dms_photograph_folder *f, const char *file,
                          const dms_side_name *name, dms_error *err)
{
    dms_folder_eye *eye;

    if (f->count == f->capacity) {
        size_t capacity = f->capacity ? 2 * f->capacity : 64;
        dms_folder_eye *eyes = dms_resize(f->eyes, capacity, sizeof *eyes);

        if (!eyes)
            return dms_fail_memory(err, file);
        f->eyes = eyes;
        f->capacity = capacity;
    }
    eye = &f->eyes[f->count++];
    *eye = (dms_folder_eye){.name = dms_strdup(file),
                            .id = dms_strndup(name->id, name->id_len),
                            .side = name->side};
    return eye->name && eye->id ? DMS_OK : dms_fail_memory(err, file);
}

/* folder: an open descriptor */
static bool is_folder(int folder, const char *name)
{
    struct stat info;

    return fstatat(folder, name, &info, 0) == 0 && S_ISDIR(info.st_mode);
}

static dms_status add_file(dms_photograph_folder *f, int folder,
                           const char *file, dms_error *err)
{
    static const dms_folder_reason reasons[] = {
        [DMS_NAME_NO_SIDE] = DMS_FOLDER_NO_SIDE,
        [DMS_NAME_BARE] = DMS_FOLDER_BARE,
        [DMS_NAME_TWO_SIDES] = DMS_FOLDER_TWO_SIDES,
    };
    size_t len = strlen(file);
    dms_side_name name;

    if (is_folder(folder, file)) {
        count_name(&f->tallies[DMS_FOLDER_FOLDER], file);
    } else if (dms_picture_stem(file, len) == len) {
        count_name(
            &f->tallies[dms_picture_is_unread(file) ? DMS_FOLDER_UNREAD_FORMAT
                                                    : DMS_FOLDER_NO_PICTURE],
            file);
    } else {
        name = dms_side_name_of_file(file, len);
        if (name.kind == DMS_NAME_ONE_SIDE)
            return add_eye(f, file, &name, err);
        count_name(&f->tallies[reasons[name.kind]], file);
    }
    return DMS_OK;
}

static dms_status refuse_ambiguous(const dms_photograph_folder *f,
                                   const char *path, dms_error *err)
{
    const dms_folder_tally *two = &f->tallies[DMS_FOLDER_TWO_SIDES];
    const dms_folder_tally *bare = &f->tallies[DMS_FOLDER_BARE];

    if (two->count > 0)
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: two sides in the name of %s, expected one; rename "
                        "the file, or list the photographs in a table "
                        "id,left,right",
                        path, two->names.data);
    if (bare->count > 0)
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: no patient in the name of %s; rename the file, or "
                        "give --left and --right",
                        path, bare->names.data);
    return DMS_OK;
}

static int by_id_and_side(const void *a, const void *b)
{
    const dms_folder_eye *x = a;
    const dms_folder_eye *y = b;
    int order = strcmp(x->id, y->id);

    if (order == 0)
        order = x->side - y->side;
    return order != 0 ? order : strcmp(x->name, y->name);
}

/* Eyes are sorted, so duplicates are neighbours. */
static dms_status check_eyes(dms_photograph_folder *f, const char *path,
                             dms_error *err)
{
    for (size_t i = 0; i < f->count; i++) {
        const dms_folder_eye *eye = &f->eyes[i];
        bool before = i > 0 && strcmp(eye[-1].id, eye->id) == 0;
        bool behind = i + 1 < f->count && strcmp(eye[1].id, eye->id) == 0;

        if (before && eye[-1].side == eye->side)
            return dms_fail(err, DMS_EMISMATCH,
                            "%s: patient %s has two %s photographs, %s and %s",
                            path, eye->id, eye->side ? "right" : "left",
                            eye[-1].name, eye->name);
        if (!before && !behind)
            count_name(&f->tallies[DMS_FOLDER_ODD], eye->name);
    }
    return DMS_OK;
}

/* For scandir. */
static int is_of_interest(const struct dirent *entry)
{
    return !dms_picture_is_litter(entry->d_name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static dms_status add_files(dms_photograph_folder *f, const char *path,
                            dms_error *err)
{
    dms_status st = DMS_OK;
    struct dirent **entries = NULL;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count =
        folder >= 0 ? scandir(path, &entries, is_of_interest, by_bytes) : -1;

    if (count < 0)
        st = dms_fail_errno(err, "%s: cannot open", path);
    for (int i = 0; i < count; i++) {
        if (st == DMS_OK)
            st = add_file(f, folder, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    if (folder >= 0)
        close(folder);
    return st;
}

dms_status dms_photograph_folder_read(dms_photograph_folder *out,
                                      const char *path, dms_error *err)
{
    dms_status st;

    *out = (dms_photograph_folder){0};
    for (int i = 0; i < DMS_FOLDER_REASONS; i++)
        dms_strbuf_init(&out->tallies[i].names);
    TRY(add_files(out, path, err));
    TRY(refuse_ambiguous(out, path, err));
    if (out->count > 0)
        qsort(out->eyes, out->count, sizeof *out->eyes, by_id_and_side);
    TRY(check_eyes(out, path, err));
    for (int i = 0; i < DMS_FOLDER_REASONS; i++)
        if (out->tallies[i].names.failed)
            st = dms_fail_memory(err, path);
done:
    return st;
}

void dms_photograph_folder_release(dms_photograph_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        dms_free(folder->eyes[i].name);
        dms_free(folder->eyes[i].id);
    }
    dms_free(folder->eyes);
    for (int i = 0; i < DMS_FOLDER_REASONS; i++)
        dms_strbuf_release(&folder->tallies[i].names);
    *folder = (dms_photograph_folder){0};
}

void dms_photograph_folder_tell(const dms_photograph_folder *folder,
                                const char *path, const dms_monitor *monitor)
{
    for (int i = 0; i < DMS_FOLDER_REASONS; i++) {
        const dms_folder_tally *tally = &folder->tallies[i];

        if (tally->count > 0 && words[i].one)
            dms_log(monitor, words[i].level, "%s: %zu %s: %s", path,
                    tally->count,
                    tally->count == 1 ? words[i].one : words[i].many,
                    tally->names.data);
    }
}
