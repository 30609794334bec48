/* Listing a folder of photographs. Every file is used or reported, in an order
 * that does not depend on the file system. Relies on side_name.c for what a
 * name says, and on picture_name.c and image/codec.h for formats. */
#include "data/photograph_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/patient_id.h"
#include "data/picture_name.h"
#include "data/side_name.h"
#include "dms/data.h"
#include "image/codec.h"

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
    [DMS_FOLDER_OTHER_ENDING] =
        {DMS_LOG_WARNING,
         "photograph is left out: its name has the ending of another kind of "
         "file",
         "photographs are left out: their names have the endings of other "
         "kinds "
         "of files"},
    [DMS_FOLDER_NO_PICTURE] = {DMS_LOG_INFO, "file is not a photograph",
                               "files are not photographs"},
    [DMS_FOLDER_NO_ENDING] =
        {DMS_LOG_WARNING,
         "file is left out: its name is that of a photograph, but it has no "
         "ending and its content is not JPEG, PNG, TIFF or WebP",
         "files are left out: their names are those of photographs, but they "
         "have no ending and their content is not JPEG, PNG, TIFF or WebP"},
    [DMS_FOLDER_FOLDER] = {DMS_LOG_INFO, "folder is not searched",
                           "folders are not searched"},
    [DMS_FOLDER_ODD] = {DMS_LOG_INFO, "eye without a fellow is used for both",
                        "eyes without a fellow are used for both"},
};

/* Count the name; keep the first few. Names stay bytes: whoever shows a message
 * escapes it. */
static void count_name(dms_folder_tally *tally, const char *name)
{
    if (tally->count > 0 && tally->count < NAMED_MAX)
        dms_strbuf_puts(&tally->names, ", ");
    if (tally->count < NAMED_MAX)
        dms_strbuf_puts(&tally->names, name);
    else if (tally->count == NAMED_MAX)
        dms_strbuf_puts(&tally->names, ", ...");
    tally->count++;
}

static dms_status add_eye(dms_photograph_folder *f, const char *file,
                          const dms_side_name *name, dms_error *err)
{
    dms_folder_eye *eye;

    if (name->id_len > DMS_PATIENT_ID_MAX)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the id in the name has %zu bytes, "
                        "expected " DMS_PATIENT_ID_EXPECTED,
                        file, name->id_len);
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
static bool has_mode(int folder, const char *name, mode_t mode)
{
    struct stat info;

    return fstatat(folder, name, &info, 0) == 0 &&
           (info.st_mode & S_IFMT) == mode;
}

/* Is the file a photograph by its content? */
static bool has_picture(int folder, const char *name)
{
    uint8_t head[DMS_PICTURE_HEAD];
    ssize_t size = 0;
    int file;

    if (!has_mode(folder, name, S_IFREG)) /* opening a pipe would wait */
        return false;
    file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        size = read(file, head, sizeof head);
        close(file);
    }
    return size > 0 && dms_picture_is_readable(head, (size_t)size);
}

/* Why a file without a picture's ending is left out, if it is. */
static dms_folder_reason judge_other(int folder, const char *file,
                                     const dms_side_name *name)
{
    if (dms_picture_is_unread(file))
        return DMS_FOLDER_UNREAD_FORMAT;
    if (has_picture(folder, file))
        return dms_picture_has_ending(file) ? DMS_FOLDER_OTHER_ENDING
                                            : DMS_FOLDER_REASONS;
    return name->kind == DMS_NAME_ONE_SIDE ? DMS_FOLDER_NO_ENDING
                                           : DMS_FOLDER_NO_PICTURE;
}

static dms_status add_file(dms_photograph_folder *f, int folder,
                           const char *file, dms_error *err)
{
    static const dms_folder_reason reasons[] = {
        [DMS_NAME_NO_SIDE] = DMS_FOLDER_NO_SIDE,
        [DMS_NAME_ONE_SIDE] = DMS_FOLDER_REASONS, /* none */
        [DMS_NAME_BARE] = DMS_FOLDER_BARE,
        [DMS_NAME_TWO_SIDES] = DMS_FOLDER_TWO_SIDES,
    };
    size_t len = strlen(file);
    dms_side_name name = dms_side_name_of_file(file, len);
    dms_folder_reason reason = DMS_FOLDER_REASONS;

    if (has_mode(folder, file, S_IFDIR))
        reason = DMS_FOLDER_FOLDER;
    else if (dms_picture_stem(file, len) == len)
        reason = judge_other(folder, file, &name);
    if (reason == DMS_FOLDER_REASONS)
        reason = reasons[name.kind];
    if (reason == DMS_FOLDER_REASONS)
        return add_eye(f, file, &name, err);
    count_name(&f->tallies[reason], file);
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

/* An id in two Unicode forms would be two patients. */
static dms_status refuse_twins(const dms_photograph_folder *f, const char *path,
                               dms_error *err)
{
    dms_status st;
    const char **ids = dms_calloc(f->count + 1, sizeof *ids);
    size_t first, second;

    if (!ids)
        return dms_fail_memory(err, path);
    for (size_t i = 0; i < f->count; i++)
        ids[i] = f->eyes[i].id;
    TRY(dms_patient_id_twins(&first, &second, ids, f->count, err));
    if (first < f->count)
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: %s and %s have the same id in two Unicode forms "
                      "(composed and decomposed); rename one",
                      path, f->eyes[first].name, f->eyes[second].name);
done:
    dms_free(ids);
    return st;
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
    TRY(refuse_twins(out, path, err));
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
