/* Recognises the form of a torch.save file and opens it. Relies on
 * torch_pth_zip.c or torch_pth_stream.c for the bytes and on torch_pth_walk.c
 * for the tensors. */
#include "formats/torch_pth.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "formats/torch_pth_parts.h"

static bool is_zip(const uint8_t *data, size_t size)
{
    return size >= 4 && memcmp(data, "PK\3\4", 4) == 0;
}

/* PROTO 2 to 5. A safetensors header's length could begin like this, but
 * lengths of 16 MiB or more are refused, so its upper bytes are 0; a pickle has
 * opcodes there. */
static bool is_pickle(const uint8_t *data, size_t size)
{
    static const uint8_t zeros[5] = {0};

    return size >= 8 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5 &&
           memcmp(data + 3, zeros, sizeof zeros) != 0;
}

/* The form before 0.1.10, at the end of 2016. */
static bool is_tar(const uint8_t *data, size_t size)
{
    return size >= 512 && memcmp(data + 257, "ustar", 5) == 0;
}

bool dms_torch_recognise(const void *data, size_t size)
{
    return is_zip(data, size) || is_pickle(data, size) || is_tar(data, size);
}

static dms_status read_form(torch_reader *reader, dms_error *err)
{
    if (is_zip(reader->data, reader->size))
        return dms_torch_read_zip(reader, err);
    if (is_tar(reader->data, reader->size))
        return dms_fail(
            err, DMS_EFORMAT,
            "%s: PyTorch's tar form of 2016 is not supported; load it "
            "in PyTorch and torch.save it again",
            reader->file);
    return dms_torch_read_stream(reader, err);
}

dms_status dms_torch_parse(dms_torch_file **out, const void *data, size_t size,
                           const char *name, dms_error *err)
{
    dms_status st = DMS_OK;
    torch_reader reader = {.file = name,
                           .data = data,
                           .size = size,
                           .globals = dms_torch_rules(name).globals};

    reader.result = dms_calloc(1, sizeof *reader.result);
    if (!reader.result)
        return dms_fail_memory(err, name);
    TRY(read_form(&reader, err));
    TRY(dms_torch_walk(&reader, err));
    *out = reader.result, reader.result = NULL;
done:
    dms_pickle_destroy(reader.pickle);
    dms_free(reader.storages);
    dms_torch_close(reader.result);
    return st;
}

dms_status dms_torch_open(dms_torch_file **out, const char *path,
                          dms_error *err)
{
    dms_status st = DMS_OK;
    dms_file_map map = {0};
    dms_torch_file *file = NULL;

    TRY(dms_file_map_open(&map, path, err));
    TRY(dms_torch_parse(&file, map.data, map.size, path, err));
    file->map = map, map = (dms_file_map){0};
    *out = file;
done:
    dms_file_map_close(&map);
    return st;
}

void dms_torch_close(dms_torch_file *file)
{
    if (!file)
        return;
    dms_textlist_release(&file->names);
    dms_free(file->views);
    dms_file_map_close(&file->map);
    dms_free(file);
}

size_t dms_torch_count(const dms_torch_file *file)
{
    return file->count;
}

const dms_tensor_view *dms_torch_at(const dms_torch_file *file, size_t index)
{
    return index < file->count ? &file->views[index] : NULL;
}
