/* Listing the pairs to predict, from a folder of photographs with patient and
 * side in their names or from any table that names photographs. Relies on
 * data/photograph_folder.c and data/odir.c to read these. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/file_kind.h"
#include "base/growing.h"
#include "data/patient_id.h"
#include "data/photograph_folder.h"
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

/* The pair of the eye's patient: the last one, or a new one. NULL: out of
 * memory. */
static dms_pair *pair_of(dms_pair_list *list, const char *id)
{
    dms_pair *last = list->count > 0 ? &list->pairs[list->count - 1] : NULL;

    if (last && strcmp(last->id, id) == 0)
        return last;
    list->pairs[list->count].id = dms_strdup(id);
    return list->pairs[list->count].id ? &list->pairs[list->count++] : NULL;
}

/* Relies on the folder's eyes being sorted by id. */
static dms_status pair_eyes(dms_pair_list *list,
                            const dms_photograph_folder *folder,
                            const char *path, dms_error *err)
{
    list->pairs = dms_calloc(folder->count, sizeof *list->pairs);
    if (!list->pairs)
        return dms_fail_memory(err, path);
    for (size_t i = 0; i < folder->count; i++) {
        const dms_folder_eye *eye = &folder->eyes[i];
        dms_pair *pair = pair_of(list, eye->id);

        if (!pair || !(pair->path[eye->side] = dms_path_join(path, eye->name)))
            return dms_fail_memory(err, path);
    }
    return DMS_OK;
}

static int by_id(const void *a, const void *b)
{
    return dms_patient_id_compare(((const dms_pair *)a)->id,
                                  ((const dms_pair *)b)->id);
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

/* A photograph is easily given as a list. */
static dms_status refuse_picture(const char *path, dms_error *err)
{
    dms_file_map map = {0};
    dms_status st = dms_file_map_open(&map, path, err);
    const dms_file_kind *kind =
        st == DMS_OK ? dms_file_kind_of(map.data, map.size) : NULL;

    dms_file_map_close(&map);
    if (kind && kind->group == DMS_FILE_PICTURE)
        st = dms_fail(err, DMS_EFORMAT,
                      "%s: is %s, expected a list of patients (CSV or .xlsx) "
                      "or a folder of photographs; one patient's photographs "
                      "are given as left and right (--left, --right)",
                      path, kind->what);
    return st;
}

static dms_status read_table(dms_pair_list *list, const char *path,
                             const dms_dataset_options *options, dms_error *err)
{
    dms_status st;
    dms_dataset *dataset = NULL;

    TRY(dms_dataset_open_with(&dataset, path, options, err));
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

/* A folder without named photographs may contain a table. */
static dms_status read_folder(dms_pair_list *list, const char *path,
                              const dms_dataset_options *options,
                              dms_error *err)
{
    dms_status st;
    dms_photograph_folder folder = {0};
    dms_error table_err = {0};

    TRY(dms_photograph_folder_read(&folder, path, err));
    if (folder.count > 0) {
        dms_photograph_folder_tell(&folder, path, options->monitor);
        TRY(pair_eyes(list, &folder, path, err));
        qsort(list->pairs, list->count, sizeof *list->pairs, by_id);
        goto done;
    }
    st = read_table(list, path, options, &table_err);
    if (st != DMS_OK) {
        dms_photograph_folder_tell(&folder, path, options->monitor);
        dms_fail(err, st,
                 "%s; and there is no photograph with a name such as "
                 "7_left.jpg",
                 table_err.message);
    }
done:
    dms_photograph_folder_release(&folder);
    return st;
}

dms_status dms_pair_list_read_with(dms_pair_list *out, const char *path,
                                   const dms_dataset_options *given,
                                   dms_error *err)
{
    dms_status st;
    dms_dataset_options options;
    dms_pair_list list = {0};
    struct stat info;

    dms_dataset_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given, "dms_dataset_options",
                         err));
    options.wanted = DMS_LABELS_UNWANTED;
    options.split_ignored = true;
    if (stat(path, &info) != 0) {
        st = dms_fail_errno(err, "%s: cannot open", path);
        goto done;
    }
    if (S_ISDIR(info.st_mode)) {
        TRY(read_folder(&list, path, &options, err));
    } else {
        TRY(refuse_picture(path, err));
        TRY(read_table(&list, path, &options, err));
    }
    *out = list, list = (dms_pair_list){0};
done:
    dms_pair_list_release(&list);
    return st;
}

dms_status dms_pair_list_read(dms_pair_list *out, const char *path,
                              dms_error *err)
{
    return dms_pair_list_read_with(out, path, NULL, err);
}
