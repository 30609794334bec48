/* Lists of pairs to predict: a folder of ID_left.*, ID_right.* pictures, or
 * any table that names photographs. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/growing.h"
#include "data/patient_id.h"
#include "dms/session.h"

void dms_pair_list_release(dms_pair_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        dms_free((char *)(uintptr_t)list->pairs[i].id);
        dms_free((char *)(uintptr_t)list->pairs[i].path[DMS_LEFT]);
        dms_free((char *)(uintptr_t)list->pairs[i].path[DMS_RIGHT]);
    }
    dms_free(list->pairs);
    *list = (dms_pair_list){0};
}

/* "12_left.jpg": eye and length of the id; false for other names. */
static bool parse_name(const char *name, int *eye, size_t *id_len)
{
    static const char *const sides[] = {"_left.", "_right."};
    static const char *const endings[] = {"jpg", "jpeg", "png",
                                          "tif", "tiff", "webp"};

    for (*eye = 0; *eye < 2; ++*eye) {
        const char *at = strstr(name, sides[*eye]);
        const char *ending = at ? at + strlen(sides[*eye]) : "";

        if (!at || at == name)
            continue;
        *id_len = (size_t)(at - name);
        for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
            if (dms_ascii_same(ending, endings[i]))
                return true;
    }
    return false;
}

static dms_pair *find_pair(dms_pair_list *list, const char *id, size_t len)
{
    dms_pair *pairs;

    for (size_t i = 0; i < list->count; i++)
        if (strncmp(list->pairs[i].id, id, len) == 0 &&
            list->pairs[i].id[len] == '\0')
            return &list->pairs[i];
    pairs = dms_resize(list->pairs, list->count + 1, sizeof *pairs);
    if (!pairs)
        return NULL;
    list->pairs = pairs;
    pairs[list->count] = (dms_pair){.id = dms_strndup(id, len)};
    return pairs[list->count].id ? &pairs[list->count++] : NULL;
}

static dms_status add_picture(dms_pair_list *list, const char *folder,
                              const char *name, dms_error *err)
{
    int eye;
    size_t id_len;
    dms_pair *pair;

    if (!parse_name(name, &eye, &id_len))
        return DMS_OK;
    pair = find_pair(list, name, id_len);
    if (!pair)
        return dms_fail_memory(err, folder);
    if (pair->path[eye])
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: patient %s has two %s photographs, %s and %s",
                        folder, pair->id, eye ? "right" : "left",
                        pair->path[eye], name);
    pair->path[eye] = dms_path_join(folder, name);
    return pair->path[eye] ? DMS_OK : dms_fail_memory(err, folder);
}

static int by_id(const void *a, const void *b)
{
    return dms_patient_id_compare(((const dms_pair *)a)->id,
                                  ((const dms_pair *)b)->id);
}

static dms_status read_folder(dms_pair_list *list, const char *path,
                              dms_error *err)
{
    dms_status st = DMS_OK;
    DIR *folder = opendir(path);
    struct dirent *entry;

    if (!folder)
        return dms_fail_errno(err, "%s: cannot open", path);
    while (st == DMS_OK && (entry = readdir(folder)) != NULL)
        st = add_picture(list, path, entry->d_name, err);
    closedir(folder);
    if (list->count > 0)
        qsort(list->pairs, list->count, sizeof *list->pairs, by_id);
    return st;
}

static dms_status add_patient(dms_pair_list *list, const dms_patient *patient,
                              dms_error *err)
{
    dms_pair *pair = &list->pairs[list->count++];

    pair->id = dms_strdup(patient->id);
    if (!pair->id)
        return dms_fail_memory(err, "pairs");
    pair->side_unknown = patient->side_unknown;
    for (int eye = 0; eye < 2; eye++)
        if (patient->eye[eye].path &&
            !(pair->path[eye] = dms_strdup(patient->eye[eye].path)))
            return dms_fail_memory(err, "pairs");
    return DMS_OK;
}

static dms_status read_table(dms_pair_list *list, const char *path,
                             const dms_dataset_options *given, dms_error *err)
{
    dms_status st;
    dms_dataset *dataset = NULL;
    dms_dataset_options options;

    dms_dataset_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given, "dms_dataset_options",
                         err));
    options.wanted = DMS_LABELS_UNWANTED;
    options.split_ignored = true;
    TRY(dms_dataset_open_with(&dataset, path, &options, err));
    TRY(dms_dataset_need_photographs(dataset, err));
    list->pairs = dms_calloc(dataset->count, sizeof *list->pairs);
    if (!list->pairs) {
        st = dms_fail_memory(err, "pairs");
        goto done;
    }
    for (size_t i = 0; i < dataset->count; i++)
        TRY(add_patient(list, &dataset->patients[i], err));
done:
    dms_dataset_close(dataset);
    return st;
}

dms_status dms_pair_list_read(dms_pair_list *out, const char *path,
                              dms_error *err)
{
    return dms_pair_list_read_with(out, path, NULL, err);
}

dms_status dms_pair_list_read_with(dms_pair_list *out, const char *path,
                                   const dms_dataset_options *options,
                                   dms_error *err)
{
    dms_status st = DMS_OK;
    dms_pair_list list = {0};
    struct stat info;

    if (stat(path, &info) != 0)
        return dms_fail_errno(err, "%s: cannot open", path);
    if (S_ISDIR(info.st_mode))
        TRY(read_folder(&list, path, err));
    if (list.count == 0)
        TRY(read_table(&list, path, options, err));
    if (list.count == 0) {
        st =
            dms_fail(err, DMS_EINVAL, "%s: names no pair of photographs", path);
        goto done;
    }
    *out = list, list = (dms_pair_list){0};
done:
    dms_pair_list_release(&list);
    return st;
}
