/* Reads files before PyTorch 1.6: five consecutive pickles, then the storages.
 *
 *     0x1950a86a20f9469cfc6c    magic number
 *     1001                      version of this form
 *     {"little_endian": True ...}
 *     the object                storages by persistent ids
 *     [key, key ...]            and for each: count as int64, elements
 *
 * Relies on pickle.h to find where each pickle ends. */
#include <string.h>

#include "base/bytes.h"
#include "base/fail.h"
#include "formats/text_plain.h"
#include "formats/torch_pth_parts.h"

/* Read the next pickle of the stream; the caller destroys *pickle. */
static dms_status next_pickle(dms_pickle **pickle, dms_bytes *stream,
                              const torch_reader *reader, dms_error *err)
{
    dms_pickle_rules rules = dms_torch_rules(reader->file);
    size_t used = 0;
    dms_status st = dms_pickle_create(pickle, &used, stream->data + stream->at,
                                      dms_bytes_left(stream), &rules, err);

    if (st == DMS_OK)
        dms_bytes_take(stream, used);
    return st;
}

static bool is_magic(const dms_pickle *pickle)
{
    static const uint8_t magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                      0x20, 0x6a, 0xa8, 0x50, 0x19};
    const dms_pickle_value *value =
        dms_pickle_at(pickle, dms_pickle_root(pickle));

    return value->kind == DMS_PICKLE_BIGINT &&
           value->text.len == sizeof magic &&
           memcmp(value->text.data, magic, sizeof magic) == 0;
}

static bool is_version(const dms_pickle *pickle)
{
    const dms_pickle_value *value =
        dms_pickle_at(pickle, dms_pickle_root(pickle));

    return value->kind == DMS_PICKLE_INT && value->integer == 1001;
}

static bool is_little_endian(const dms_pickle *pickle)
{
    const dms_pickle_value *value =
        dms_pickle_get(pickle, dms_pickle_root(pickle), "little_endian");

    return value && value->kind == DMS_PICKLE_BOOL && value->truth;
}

static dms_status read_head(dms_bytes *stream, const torch_reader *reader,
                            dms_error *err)
{
    static const struct {
        bool (*holds)(const dms_pickle *pickle);
        const char *otherwise;
    } parts[] = {
        {is_magic, "a bare pickle is not a file of torch.save"},
        {is_version, "the stream's version is not 1001"},
        {is_little_endian, "it does not say that it is little-endian; a "
                           "big-endian machine's files are not read"},
    };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        dms_pickle *pickle = NULL;
        dms_status st = next_pickle(&pickle, stream, reader, err);

        if (st == DMS_OK && !parts[i].holds(pickle))
            st = dms_fail(err, DMS_EFORMAT, "%s: %s", reader->file,
                          parts[i].otherwise);
        dms_pickle_destroy(pickle);
        if (st != DMS_OK)
            return st;
    }
    return DMS_OK;
}

static dms_status read_storage(dms_bytes *stream, const torch_reader *reader,
                               const dms_pickle_value *key, dms_error *err)
{
    torch_storage *storage = NULL;
    char shown[DMS_TEXT_SHOWN + 4];
    uint64_t count = dms_bytes_u64le(stream);

    if (key->kind == DMS_PICKLE_TEXT)
        storage = dms_torch_find_storage(reader, key->text.data, key->text.len);
    if (!storage || storage->data)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the list of storages has a key that no tensor "
                        "uses, or a duplicate",
                        reader->file);
    dms_text_show(shown, storage->key, storage->key_len);
    if (!stream->failed && count != storage->count)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: storage '%s' has %llu elements, its tensors' has "
                        "%zu",
                        reader->file, shown, (unsigned long long)count,
                        storage->count);
    storage->data = dms_bytes_take(stream, storage->size);
    if (!storage->data)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the file ends inside storage '%s' of %zu "
                        "bytes",
                        reader->file, shown, storage->size);
    return DMS_OK;
}

static dms_status read_storages(dms_bytes *stream, const torch_reader *reader,
                                const dms_pickle *keys, dms_error *err)
{
    const dms_pickle_value *list = dms_pickle_at(keys, dms_pickle_root(keys));
    dms_status st;

    if (list->kind != DMS_PICKLE_LIST ||
        list->items.count != reader->storage_count)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the list of storages does not have the %zu that "
                        "the tensors use",
                        reader->file, reader->storage_count);
    for (uint32_t cell = list->items.first; cell;
         cell = dms_pickle_cell_next(keys, cell)) {
        dms_pickle_ref key = dms_pickle_cell_value(keys, cell);

        st = read_storage(stream, reader, dms_pickle_at(keys, key), err);
        if (st != DMS_OK)
            return st;
    }
    if (dms_bytes_left(stream) > 0)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: %zu bytes follow the last storage", reader->file,
                        dms_bytes_left(stream));
    return DMS_OK;
}

dms_status dms_torch_read_stream(torch_reader *reader, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_bytes stream = dms_bytes_over(reader->data, reader->size);
    dms_pickle *keys = NULL;

    TRY(read_head(&stream, reader, err));
    TRY(next_pickle(&reader->pickle, &stream, reader, err));
    TRY(dms_torch_collect_storages(reader, err));
    TRY(next_pickle(&keys, &stream, reader, err));
    TRY(read_storages(&stream, reader, keys, err));
done:
    dms_pickle_destroy(keys);
    return st;
}
