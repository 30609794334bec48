/* Reads safetensors:
 *
 *   8 bytes   N, the header's length, little-endian
 *   N bytes   {"__metadata__":{KEY:VALUE,...},
 *              NAME:{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},...}
 *   the rest  the tensors, without holes or overlaps
 *
 * Relies on json.h to parse the header. No claim of the file is trusted.
 *
 * https://github.com/huggingface/safetensors#format */
#include "formats/json.h"
#include "formats/safetensors.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/file.h"

enum {
    NAME_MAX_BYTES = 1024,
    DEPTH_MAX = 3, /* header, tensor, shape */
    /* 24 per tensor; this bounds the JSON tree's memory before it is built */
    JSON_VALUES_MAX = 24 * DMS_SAFETENSORS_COUNT_MAX
};

struct dms_safetensors {
    json_t *header;         /* owns the names and the metadata */
    const json_t *metadata; /* in header; NULL if missing */
    dms_tensor_view *views; /* sorted by name */
    size_t count;
    dms_file_map map; /* empty if parsed from memory */
};

/* What parsing the header's entries needs: the file's name and its data. */
typedef struct place {
    const char *file;    /* for messages */
    const uint8_t *data; /* the bytes after the header */
    size_t size;
} place;

/* Scan the text without building anything: check its depth and count its
 * values. */
static dms_status check_json_size(const char *text, size_t len,
                                  const char *file, dms_error *err)
{
    size_t values = 0;
    int depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
            continue;
        }
        quoted = c == '"';
        values += c == ',' || c == ':' || c == '{' || c == '[';
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        if (depth > DEPTH_MAX)
            return dms_fail(err, DMS_EFORMAT,
                            "%s: the safetensors header nests deeper than %d",
                            file, DEPTH_MAX);
        if (values > JSON_VALUES_MAX)
            return dms_fail(err, DMS_ELIMIT,
                            "%s: the safetensors header holds more than %d "
                            "values",
                            file, JSON_VALUES_MAX);
    }
    return DMS_OK;
}

static dms_status parse_header(json_t **header, const char *text, size_t len,
                               const char *file, dms_error *err)
{
    dms_status st = check_json_size(text, len, file, err);
    json_error_t json_err;

    if (st != DMS_OK)
        return st;
    *header = dms_json_read(text, len, JSON_REJECT_DUPLICATES, &json_err);
    if (!*header && json_error_code(&json_err) == json_error_out_of_memory)
        return dms_fail_memory(err, file);
    if (!*header) {
        /* jansson quotes the invalid text */
        for (char *c = json_err.text; *c; c++)
            if (dms_ascii_is_control(*c))
                *c = ' ';
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the safetensors header is not valid JSON: %s",
                        file, json_err.text);
    }
    if (!json_is_object(*header))
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the safetensors header is not a JSON object",
                        file);
    return DMS_OK;
}

static dms_status check_metadata(const json_t *metadata, const char *file,
                                 dms_error *err)
{
    const char *key;
    json_t *value;

    if (metadata && !json_is_object(metadata))
        return dms_fail(err, DMS_EFORMAT,
                        "%s: __metadata__ is not a JSON object", file);
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value)
    {
        if (!json_is_string(value))
            return dms_fail(err, DMS_EFORMAT,
                            "%s: a __metadata__ value is not text", file);
    }
    return DMS_OK;
}

static dms_status check_name(const char *name, const char *file, dms_error *err)
{
    size_t len = strlen(name);

    if (len > NAME_MAX_BYTES)
        return dms_fail(err, DMS_ELIMIT,
                        "%s: a tensor's name has %zu bytes, at most %d are "
                        "read",
                        file, len, NAME_MAX_BYTES);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return dms_fail(err, DMS_EFORMAT,
                            "%s: a tensor's name holds the control character "
                            "0x%02x",
                            file, (unsigned)(unsigned char)name[i]);
    return DMS_OK;
}

static dms_status read_dtype(dms_tensor_view *view, const json_t *entry,
                             const char *file, dms_error *err)
{
    const char *text = json_string_value(json_object_get(entry, "dtype"));

    for (int i = DMS_DTYPE_F64; text && i <= DMS_DTYPE_BOOL; i++) {
        if (strcmp(text, dms_dtype_name((dms_dtype)i)) == 0) {
            view->dtype = (dms_dtype)i;
            return DMS_OK;
        }
    }
    return dms_fail(err, DMS_EFORMAT,
                    "%s: tensor '%s': dtype is not one of F64, F32, F16, BF16, "
                    "I64, I32, I16, I8, U8, BOOL",
                    file, view->name);
}

/* Sets view->size to the bytes that the shape needs. */
static dms_status read_shape(dms_tensor_view *view, const json_t *entry,
                             const char *file, dms_error *err)
{
    const json_t *shape = json_object_get(entry, "shape");
    size_t axes = json_array_size(shape);
    size_t size = dms_dtype_size(view->dtype);

    if (!json_is_array(shape) || axes > DMS_TENSOR_AXES_MAX)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: tensor '%s': shape is not a list of at most "
                        "%d sizes",
                        file, view->name, DMS_TENSOR_AXES_MAX);
    for (size_t i = 0; i < axes; i++) {
        const json_t *dim = json_array_get(shape, i);
        json_int_t value = json_integer_value(dim);

        if (!json_is_integer(dim) || value < 0)
            return dms_fail(err, DMS_EFORMAT,
                            "%s: tensor '%s': shape[%zu] is not a size", file,
                            view->name, i);
        view->shape[i] = value;
        if (!dms_mul_size(&size, size, (size_t)value))
            return dms_fail(err, DMS_EFORMAT,
                            "%s: tensor '%s': the shape overflows", file,
                            view->name);
    }
    view->axes = (int)axes;
    view->size = size;
    return DMS_OK;
}

static dms_status read_offsets(dms_tensor_view *view, const json_t *entry,
                               const place *at, dms_error *err)
{
    const json_t *range = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(range, 0);
    const json_t *last = json_array_get(range, 1);
    json_int_t begin = json_integer_value(first);
    json_int_t end = json_integer_value(last);

    if (json_array_size(range) != 2 || !json_is_integer(first) ||
        !json_is_integer(last) || begin < 0 || end < begin)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: tensor '%s': data_offsets are not [begin, end]",
                        at->file, view->name);
    if ((uint64_t)end > at->size)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: tensor '%s' ends at byte %lld, but the file holds "
                        "%zu bytes of data",
                        at->file, view->name, (long long)end, at->size);
    if ((uint64_t)(end - begin) != view->size)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: tensor '%s' has %lld bytes, its shape needs %zu",
                        at->file, view->name, (long long)(end - begin),
                        view->size);
    view->data = at->data + begin;
    return DMS_OK;
}

static dms_status read_view(dms_tensor_view *view, const char *name,
                            const json_t *entry, const place *at,
                            dms_error *err)
{
    dms_status st = DMS_OK;

    TRY(check_name(name, at->file, err));
    view->name = name;
    TRY(read_dtype(view, entry, at->file, err));
    TRY(read_shape(view, entry, at->file, err));
    TRY(read_offsets(view, entry, at, err));
done:
    return st;
}

/* By position; at one position empty tensors come first. */
static int compare_places(const void *a, const void *b)
{
    const dms_tensor_view *x = a;
    const dms_tensor_view *y = b;
    uintptr_t begin_x = (uintptr_t)x->data;
    uintptr_t begin_y = (uintptr_t)y->data;

    if (begin_x != begin_y)
        return begin_x < begin_y ? -1 : 1;
    return (x->size > y->size) - (x->size < y->size);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const dms_tensor_view *)a)->name,
                  ((const dms_tensor_view *)b)->name);
}

/* Check that the tensors are contiguous and fill the data to its end. */
static dms_status check_cover(dms_safetensors *file, const place *at,
                              dms_error *err)
{
    const uint8_t *expected = at->data;

    qsort(file->views, file->count, sizeof *file->views, compare_places);
    for (size_t i = 0; i < file->count; i++) {
        const dms_tensor_view *view = &file->views[i];
        const uint8_t *begin = view->data;

        if (begin != expected)
            return dms_fail(err, DMS_EFORMAT,
                            "%s: tensor '%s' begins at byte %zu of the data, "
                            "expected %zu: %s",
                            at->file, view->name, (size_t)(begin - at->data),
                            (size_t)(expected - at->data),
                            begin < expected ? "an overlap" : "a hole");
        expected = begin + view->size;
    }
    if (expected != at->data + at->size)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: %zu bytes of data belong to no tensor", at->file,
                        (size_t)(at->data + at->size - expected));
    return DMS_OK;
}

static dms_status read_views(dms_safetensors *file, const place *at,
                             dms_error *err)
{
    size_t entries = json_object_size(file->header);
    const char *name;
    json_t *entry;

    if (entries > DMS_SAFETENSORS_COUNT_MAX)
        return dms_fail(err, DMS_ELIMIT, "%s: %zu tensors, at most %d are read",
                        at->file, entries, DMS_SAFETENSORS_COUNT_MAX);
    file->views = dms_calloc(entries, sizeof *file->views);
    if (!file->views)
        return dms_fail_memory(err, at->file);
    json_object_foreach(file->header, name, entry)
    {
        dms_status st;

        if (strcmp(name, "__metadata__") == 0)
            continue;
        st = read_view(&file->views[file->count], name, entry, at, err);
        if (st != DMS_OK)
            return st;
        file->count++;
    }
    return DMS_OK;
}

/* Find the header's text; at is set to the data after it. */
static dms_status split_file(const char **text, size_t *len, place *at,
                             const void *data, size_t size, dms_error *err)
{
    dms_bytes bytes = dms_bytes_over(data, size);
    uint64_t claimed = dms_bytes_u64le(&bytes);

    if (bytes.failed)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: %zu bytes are too few for a safetensors file",
                        at->file, size);
    if (claimed > dms_bytes_left(&bytes))
        return dms_fail(err, DMS_EFORMAT,
                        "%s: a safetensors header of %llu bytes is claimed, "
                        "the file has %zu more",
                        at->file, (unsigned long long)claimed,
                        dms_bytes_left(&bytes));
    if (claimed > DMS_SAFETENSORS_HEADER_MAX)
        return dms_fail(err, DMS_ELIMIT,
                        "%s: a safetensors header of %llu bytes, at most %d "
                        "are read",
                        at->file, (unsigned long long)claimed,
                        DMS_SAFETENSORS_HEADER_MAX);
    *len = (size_t)claimed;
    *text = (const char *)dms_bytes_take(&bytes, *len);
    at->data = bytes.data + bytes.at;
    at->size = dms_bytes_left(&bytes);
    return DMS_OK;
}

dms_status dms_safetensors_parse(dms_safetensors **out, const void *data,
                                 size_t size, const char *name, dms_error *err)
{
    dms_status st = DMS_OK;
    place at = {.file = name};
    const char *text = NULL;
    size_t len = 0;
    dms_safetensors *file = dms_calloc(1, sizeof *file);

    if (!file)
        return dms_fail_memory(err, name);
    TRY(split_file(&text, &len, &at, data, size, err));
    TRY(parse_header(&file->header, text, len, name, err));
    file->metadata = json_object_get(file->header, "__metadata__");
    TRY(check_metadata(file->metadata, name, err));
    TRY(read_views(file, &at, err));
    TRY(check_cover(file, &at, err));
    qsort(file->views, file->count, sizeof *file->views, compare_names);
    *out = file, file = NULL;
done:
    dms_safetensors_close(file);
    return st;
}

dms_status dms_safetensors_open(dms_safetensors **out, const char *path,
                                dms_error *err)
{
    dms_status st = DMS_OK;
    dms_file_map map = {0};
    dms_safetensors *file = NULL;

    TRY(dms_file_map_open(&map, path, err));
    TRY(dms_safetensors_parse(&file, map.data, map.size, path, err));
    file->map = map, map = (dms_file_map){0};
    *out = file;
done:
    dms_file_map_close(&map);
    return st;
}

void dms_safetensors_close(dms_safetensors *file)
{
    if (!file)
        return;
    json_decref(file->header);
    dms_free(file->views);
    dms_file_map_close(&file->map);
    dms_free(file);
}

size_t dms_safetensors_count(const dms_safetensors *file)
{
    return file->count;
}

const dms_tensor_view *dms_safetensors_at(const dms_safetensors *file,
                                          size_t index)
{
    return index < file->count ? &file->views[index] : NULL;
}

const dms_tensor_view *dms_safetensors_find(const dms_safetensors *file,
                                            const char *name)
{
    dms_tensor_view key = {.name = name};

    return bsearch(&key, file->views, file->count, sizeof key, compare_names);
}

const char *dms_safetensors_metadata(const dms_safetensors *file,
                                     const char *key)
{
    return json_string_value(json_object_get(file->metadata, key));
}
