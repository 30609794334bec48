/* Reads the persistent id that names a storage:
 *
 *     ("storage", torch.FloatStorage, key, location, count[, view])
 *
 * view, in files before 1.6, is None or (view key, first element, count).
 * Relies on the pickle's values and checks the kind of each. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "formats/text_plain.h"
#include "formats/torch_pth_parts.h"

static bool is_size(const dms_pickle_value *value)
{
    return value->kind == DMS_PICKLE_INT && value->integer >= 0;
}

static dms_status malformed(const torch_reader *reader,
                            const dms_pickle_value *value, const char *why,
                            dms_error *err)
{
    return dms_fail(err, DMS_EFORMAT, "%s: the persistent id at byte %u is %s",
                    reader->file, (unsigned)value->at, why);
}

static dms_status read_dtype(dms_dtype *dtype, const torch_reader *reader,
                             const dms_pickle_value *persistent,
                             const dms_pickle_value *storage_class,
                             dms_error *err)
{
    const dms_pickle_global *global;

    if (storage_class->kind != DMS_PICKLE_GLOBAL)
        return malformed(reader, persistent,
                         "of something other than a storage class", err);
    global = &reader->globals[storage_class->link.global];
    if (global->what < TORCH_STORAGE)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the persistent id at byte %u is of %s.%s, which "
                        "gives no element type",
                        reader->file, (unsigned)persistent->at, global->module,
                        global->name);
    *dtype = (dms_dtype)(global->what - TORCH_STORAGE);
    return DMS_OK;
}

/* Fill storage from the id; *view is the id's sixth part, or NULL. */
static dms_status read_id(torch_storage *storage, const dms_pickle_value **view,
                          const torch_reader *reader,
                          const dms_pickle_value *persistent, dms_error *err)
{
    static const char word[] = "storage";
    const dms_pickle_value *part[6] = {0};
    dms_status st;
    int count =
        dms_pickle_tuple(part, 6, reader->pickle, persistent->link.value);

    *storage = (torch_storage){0};
    if (count < 5 || part[0]->kind != DMS_PICKLE_TEXT ||
        part[0]->text.len != sizeof word - 1 ||
        memcmp(part[0]->text.data, word, sizeof word - 1) != 0)
        return malformed(reader, persistent, "not that of a storage", err);
    st = read_dtype(&storage->dtype, reader, persistent, part[1], err);
    if (st != DMS_OK)
        return st;
    if (part[2]->kind != DMS_PICKLE_TEXT || part[2]->text.len == 0)
        return malformed(reader, persistent, "without a key", err);
    storage->key = part[2]->text.data;
    storage->key_len = part[2]->text.len;
    if (!is_size(part[4]) ||
        !dms_mul_size(&storage->size, (size_t)part[4]->integer,
                      dms_dtype_size(storage->dtype)))
        return malformed(reader, persistent, "of an impossible size", err);
    storage->count = (size_t)part[4]->integer;
    *view = count == 6 && part[5]->kind != DMS_PICKLE_NONE ? part[5] : NULL;
    return DMS_OK;
}

static int by_key(const void *a, const void *b)
{
    const torch_storage *x = a;
    const torch_storage *y = b;
    size_t len = x->key_len < y->key_len ? x->key_len : y->key_len;
    int order = memcmp(x->key, y->key, len);

    return order ? order
                 : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

/* Sort the storages and keep one per key. */
static dms_status merge(torch_reader *reader, dms_error *err)
{
    torch_storage *all = reader->storages;
    size_t kept = 0;
    char shown[DMS_TEXT_SHOWN + 4];

    qsort(all, reader->storage_count, sizeof *all, by_key);
    for (size_t i = 0; i < reader->storage_count; i++) {
        const torch_storage *last = kept ? &all[kept - 1] : NULL;

        if (!last || by_key(last, &all[i]) != 0)
            all[kept++] = all[i];
        else if (last->dtype != all[i].dtype || last->count != all[i].count)
            return dms_fail(err, DMS_EFORMAT,
                            "%s: storage '%s' is named with two sizes or "
                            "element types",
                            reader->file,
                            dms_text_show(shown, last->key, last->key_len));
    }
    reader->storage_count = kept;
    return DMS_OK;
}

dms_status dms_torch_collect_storages(torch_reader *reader, dms_error *err)
{
    const dms_pickle *pickle = reader->pickle;
    size_t count = 0;

    for (size_t i = 0; i < dms_pickle_count(pickle); i++)
        count += dms_pickle_at(pickle, (dms_pickle_ref)i)->kind ==
                 DMS_PICKLE_PERSISTENT;
    if (count > TORCH_STORAGES_MAX)
        return dms_fail(err, DMS_ELIMIT,
                        "%s: %zu persistent ids, at most %d are read",
                        reader->file, count, TORCH_STORAGES_MAX);
    reader->storages = dms_calloc(count, sizeof *reader->storages);
    if (!reader->storages)
        return dms_fail_memory(err, reader->file);
    for (size_t i = 0; i < dms_pickle_count(pickle); i++) {
        const dms_pickle_value *value =
            dms_pickle_at(pickle, (dms_pickle_ref)i);
        const dms_pickle_value *view;
        dms_status st;

        if (value->kind != DMS_PICKLE_PERSISTENT)
            continue;
        st = read_id(&reader->storages[reader->storage_count], &view, reader,
                     value, err);
        if (st != DMS_OK)
            return st;
        reader->storage_count++;
    }
    return merge(reader, err);
}

torch_storage *dms_torch_find_storage(const torch_reader *reader,
                                      const char *key, size_t key_len)
{
    torch_storage wanted = {.key = key, .key_len = key_len};

    return bsearch(&wanted, reader->storages, reader->storage_count,
                   sizeof wanted, by_key);
}

static dms_status narrow(torch_storage *part, const torch_reader *reader,
                         const dms_pickle_value *persistent,
                         const dms_pickle_value *view, dms_error *err)
{
    const dms_pickle_value *piece[3];
    dms_pickle_ref ref =
        (dms_pickle_ref)(view - dms_pickle_at(reader->pickle, 0));
    size_t element = dms_dtype_size(part->dtype);
    size_t first, count;

    if (dms_pickle_tuple(piece, 3, reader->pickle, ref) != 3 ||
        !is_size(piece[1]) || !is_size(piece[2]))
        return malformed(reader, persistent, "of a malformed view", err);
    first = (size_t)piece[1]->integer;
    count = (size_t)piece[2]->integer;
    if (first > part->count || count > part->count - first)
        return malformed(reader, persistent, "of a view beyond its storage",
                         err);
    part->data += first * element;
    part->count = count;
    part->size = count * element;
    return DMS_OK;
}

dms_status dms_torch_resolve(torch_storage *part, const torch_reader *reader,
                             const dms_pickle_value *persistent, dms_error *err)
{
    const dms_pickle_value *view = NULL;
    const torch_storage *storage;
    dms_status st = read_id(part, &view, reader, persistent, err);

    if (st != DMS_OK)
        return st;
    storage = dms_torch_find_storage(reader, part->key, part->key_len);
    if (!storage || !storage->data)
        return malformed(reader, persistent, "of a storage that is missing",
                         err);
    *part = *storage;
    return view ? narrow(part, reader, persistent, view, err) : DMS_OK;
}
