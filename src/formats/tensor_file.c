/* One interface to both formats: the first bytes choose the reader, and each
 * call goes to it. Relies on safetensors.h and torch_pth.h to check the
 * file. */
#include "formats/tensor_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "formats/foreign.h"
#include "formats/safetensors.h"
#include "formats/torch_pth.h"

/* Once opened, exactly one of safetensors and torch is set; the other is
 * NULL. */
struct dms_tensor_file {
    char *path;
    dms_safetensors *safetensors;
    dms_torch_file *torch;
    const dms_tensor_view **sorted; /* by name */
};

/* A safetensors header is a JSON object after its 8-byte length, which is less
 * than 4 GiB: in a text these bytes are letters. */
static bool may_be_safetensors(const void *data, size_t size)
{
    return size > 8 && ((const char *)data)[8] == '{' &&
           memcmp((const char *)data + 4, "\0\0\0", 4) == 0;
}

static dms_status recognise(bool *torch, const char *path,
                            const dms_tensor_file_wanted *wanted,
                            dms_error *err)
{
    dms_file_map map;
    dms_status st = dms_file_map_open(&map, path, err);
    const char *foreign = NULL;

    if (st != DMS_OK)
        return st;
    *torch = dms_torch_recognise(map.data, map.size);
    if (!*torch && !may_be_safetensors(map.data, map.size))
        foreign = dms_foreign_kind(map.data, map.size);
    dms_file_map_close(&map);
    if (foreign)
        return dms_fail(err, DMS_EFORMAT, "%s: is %s, expected %s", path,
                        foreign, wanted->what);
    return DMS_OK;
}

/* Open the PyTorch file, or if the caller does not read these refuse it: it may
 * be another zip or pickle, for which the advice would be wrong. */
static dms_status open_torch(dms_tensor_file *file,
                             const dms_tensor_file_wanted *wanted,
                             dms_error *err)
{
    dms_error cause = {0};
    dms_status st;

    if (!wanted->of_torch)
        return dms_torch_open(&file->torch, file->path, err);
    st = dms_torch_open(&file->torch, file->path, &cause);
    if (st == DMS_OK)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: is a PyTorch file, expected %s; %s", file->path,
                        wanted->what, wanted->of_torch);
    return dms_fail(err, st, "%.400s; expected %s", cause.message,
                    wanted->what);
}

static int by_name(const void *a, const void *b)
{
    const dms_tensor_view *const *x = a;
    const dms_tensor_view *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static dms_status sort_views(dms_tensor_file *file, dms_error *err)
{
    size_t count = dms_tensor_file_count(file);

    file->sorted = dms_calloc(count + 1, sizeof *file->sorted);
    if (!file->sorted)
        return dms_fail_memory(err, file->path);
    for (size_t i = 0; i < count; i++)
        file->sorted[i] = dms_tensor_file_at(file, i);
    qsort(file->sorted, count, sizeof *file->sorted, by_name);
    return DMS_OK;
}

dms_status dms_tensor_file_open(dms_tensor_file **out, const char *path,
                                const dms_tensor_file_wanted *wanted,
                                dms_error *err)
{
    dms_status st;
    bool torch;
    dms_tensor_file *file = dms_calloc(1, sizeof *file);

    if (!file || !(file->path = dms_strdup(path))) {
        st = dms_fail_memory(err, path);
        goto done;
    }
    TRY(recognise(&torch, path, wanted, err));
    if (torch)
        TRY(open_torch(file, wanted, err));
    else
        TRY(dms_safetensors_open(&file->safetensors, path, err));
    TRY(sort_views(file, err));
    *out = file, file = NULL;
done:
    dms_tensor_file_close(file);
    return st;
}

void dms_tensor_file_close(dms_tensor_file *file)
{
    if (!file)
        return;
    dms_safetensors_close(file->safetensors);
    dms_torch_close(file->torch);
    dms_free(file->sorted);
    dms_free(file->path);
    dms_free(file);
}

const char *dms_tensor_file_path(const dms_tensor_file *file)
{
    return file->path;
}

bool dms_tensor_file_is_torch(const dms_tensor_file *file)
{
    return file->torch != NULL;
}

size_t dms_tensor_file_count(const dms_tensor_file *file)
{
    return file->torch ? dms_torch_count(file->torch)
                       : dms_safetensors_count(file->safetensors);
}

const dms_tensor_view *dms_tensor_file_at(const dms_tensor_file *file,
                                          size_t index)
{
    return file->torch ? dms_torch_at(file->torch, index)
                       : dms_safetensors_at(file->safetensors, index);
}

static int compare_key(const void *key, const void *element)
{
    const dms_tensor_view *const *view = element;

    return strcmp(key, (*view)->name);
}

const dms_tensor_view *dms_tensor_file_find(const dms_tensor_file *file,
                                            const char *prefix,
                                            const char *name)
{
    char key[512];
    int len = snprintf(key, sizeof key, "%s%s", prefix, name);
    const dms_tensor_view *const *found;

    if (len < 0 || (size_t)len >= sizeof key)
        return NULL;
    found = bsearch(key, file->sorted, dms_tensor_file_count(file),
                    sizeof *file->sorted, compare_key);
    return found ? *found : NULL;
}

const char *dms_tensor_file_metadata(const dms_tensor_file *file,
                                     const char *key)
{
    return file->safetensors ? dms_safetensors_metadata(file->safetensors, key)
                             : NULL;
}
