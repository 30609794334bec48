/* Reads files of PyTorch 1.6 and later, a zip of stored entries:
 *
 *     NAME/data.pkl               the object; storages by persistent ids
 *     NAME/data/KEY               a storage's bytes
 *     NAME/byteorder              "little" or "big", since 2.1
 *     NAME/version, NAME/.format_version, NAME/.storage_alignment,
 *     NAME/.data/serialization_id skipped
 *
 * Relies on zip_store.h, which refuses zips that are ambiguous. */
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/fail.h"
#include "formats/text_plain.h"
#include "formats/torch_pth_parts.h"
#include "formats/zip_store.h"

/* The archive and its one folder with data.pkl. */
typedef struct archive {
    dms_zip_store *zip;
    const char *folder;
    size_t folder_len;
} archive;

/* Is entry in folder/, with a path that begins with name? */
static bool is_below(const archive *a, const dms_zip_entry *entry,
                     const char *name)
{
    size_t len = a->folder_len + 1 + strlen(name);

    return entry->name_len >= len &&
           memcmp(entry->name, a->folder, a->folder_len) == 0 &&
           entry->name[a->folder_len] == '/' &&
           memcmp(entry->name + a->folder_len + 1, name, strlen(name)) == 0;
}

/* What else the zip may be, from the ends of its entries' names: a clause or
 * "". */
static const char *other_zip(const dms_zip_store *zip)
{
    static const struct {
        const char *end, *clause;
    } kinds[] = {
        {"model.weights.h5", "; it is a Keras model, which is not supported"},
        {".npy",
         "; it is NumPy's (.npz), which is not supported: save the arrays "
         "as safetensors"},
        {"word/document.xml", "; it is a Word document"},
        {"xl/workbook.xml", "; it is a workbook (.xlsx)"},
        {".pth", "; unpack it: there is a .pth in it"},
        {".pt", "; unpack it: there is a .pt in it"},
        {".safetensors", "; unpack it: there is a safetensors file in it"},
    };

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < dms_zip_store_count(zip); i++) {
            const dms_zip_entry *entry = dms_zip_store_at(zip, i);

            if (dms_ends_with(entry->name, entry->name_len, kinds[k].end))
                return kinds[k].clause;
        }
    return "";
}

/* Find the folder of the only FOLDER/data.pkl. */
static dms_status find_folder(archive *a, const char *file, dms_error *err)
{
    static const char tail[] = "/data.pkl";
    size_t len = strlen(tail);

    for (size_t i = 0; i < dms_zip_store_count(a->zip); i++) {
        const dms_zip_entry *entry = dms_zip_store_at(a->zip, i);

        if (entry->name_len <= len ||
            memchr(entry->name, '/', entry->name_len) !=
                entry->name + entry->name_len - len ||
            memcmp(entry->name + entry->name_len - len, tail, len) != 0)
            continue;
        if (a->folder)
            return dms_fail(err, DMS_EFORMAT,
                            "%s: a zip with two data.pkl is not a file of "
                            "torch.save",
                            file);
        a->folder = entry->name;
        a->folder_len = entry->name_len - len;
    }
    if (!a->folder)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: a zip without data.pkl is not a file of "
                        "torch.save%s",
                        file, other_zip(a->zip));
    return DMS_OK;
}

static dms_status refuse_script(const archive *a, const char *file,
                                dms_error *err)
{
    for (size_t i = 0; i < dms_zip_store_count(a->zip); i++) {
        const dms_zip_entry *entry = dms_zip_store_at(a->zip, i);

        if (is_below(a, entry, "constants.pkl") || is_below(a, entry, "code/"))
            return dms_fail(err, DMS_EFORMAT,
                            "%s: a TorchScript archive (torch.jit.save) is a "
                            "program, not weights; save model.state_dict() "
                            "with torch.save",
                            file);
    }
    return DMS_OK;
}

/* The entry folder/name; NULL if it is missing or the name is too long. */
static const dms_zip_entry *find(const archive *a, const char *name,
                                 size_t name_len)
{
    char path[DMS_ZIP_NAME_MAX];
    size_t len = a->folder_len + 1 + name_len;

    if (name_len > sizeof path || len > sizeof path)
        return NULL;
    memcpy(path, a->folder, a->folder_len);
    path[a->folder_len] = '/';
    memcpy(path + a->folder_len + 1, name, name_len);
    return dms_zip_store_find(a->zip, path, len);
}

static dms_status check_order(const archive *a, const char *file,
                              dms_error *err)
{
    const dms_zip_entry *entry = find(a, "byteorder", strlen("byteorder"));
    char shown[DMS_TEXT_SHOWN + 4];
    dms_status st;

    if (!entry)
        return DMS_OK;
    if ((st = dms_zip_store_check(a->zip, entry, err)) != DMS_OK)
        return st;
    if (entry->size != 6 || memcmp(entry->data, "little", 6) != 0)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: its byte order is '%s', expected 'little': a "
                        "big-endian machine wrote it",
                        file, dms_text_show(shown, entry->data, entry->size));
    return DMS_OK;
}

static dms_status find_data(torch_storage *storage, const archive *a,
                            const char *file, dms_error *err)
{
    static const char place[] = "data/";
    size_t len = strlen(place) + storage->key_len;
    char name[DMS_ZIP_NAME_MAX], shown[DMS_TEXT_SHOWN + 4];
    const dms_zip_entry *entry = NULL;
    dms_status st;

    dms_text_show(shown, storage->key, storage->key_len);
    if (storage->key_len < sizeof name - strlen(place)) {
        memcpy(name, place, strlen(place));
        memcpy(name + strlen(place), storage->key, storage->key_len);
        entry = find(a, name, len);
    }
    if (!entry)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: storage '%s' is missing: there is no entry "
                        "data/%s",
                        file, shown, shown);
    if ((st = dms_zip_store_check(a->zip, entry, err)) != DMS_OK)
        return st;
    if (entry->size != storage->size)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: storage '%s' has %zu bytes, but its %zu elements "
                        "of %s are %zu",
                        file, shown, entry->size, storage->count,
                        dms_dtype_name(storage->dtype), storage->size);
    storage->data = entry->data;
    return DMS_OK;
}

dms_status dms_torch_read_zip(torch_reader *reader, dms_error *err)
{
    static const char pickle[] = "data.pkl";
    dms_pickle_rules rules = dms_torch_rules(reader->file);
    dms_status st = DMS_OK;
    archive a = {0};
    const dms_zip_entry *entry;

    TRY(dms_zip_store_create(&a.zip, reader->data, reader->size, reader->file,
                             err));
    TRY(find_folder(&a, reader->file, err));
    TRY(refuse_script(&a, reader->file, err));
    TRY(check_order(&a, reader->file, err));
    entry = find(&a, pickle, strlen(pickle));
    TRY(dms_zip_store_check(a.zip, entry, err));
    TRY(dms_pickle_create(&reader->pickle, NULL, entry->data, entry->size,
                          &rules, err));
    TRY(dms_torch_collect_storages(reader, err));
    for (size_t i = 0; i < reader->storage_count; i++)
        TRY(find_data(&reader->storages[i], &a, reader->file, err));
done:
    dms_zip_store_destroy(a.zip);
    return st;
}
