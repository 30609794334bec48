/* Writes safetensors: the same arguments give the same bytes. The header is
 * compact JSON, __metadata__ first, padded with spaces so that the data begin
 * at a multiple of 8. Relies on json.h for the header. */
#include "formats/json.h"
#include "formats/safetensors.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/utf8.h"

enum { ALIGNMENT = 8 };

static json_t *json_of_shape(const dms_tensor_view *view)
{
    json_t *shape = json_array();

    for (int i = 0; i < view->axes; i++)
        dms_json_append(&shape, json_integer(view->shape[i]));
    return shape;
}

static dms_status check_view(const dms_tensor_view *view, const char *path,
                             dms_error *err)
{
    size_t size = dms_dtype_size(view->dtype);

    if (view->axes < 0 || view->axes > DMS_TENSOR_AXES_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "%s: tensor '%s': %d axes, not 0 to %d", path,
                        view->name, view->axes, DMS_TENSOR_AXES_MAX);
    for (int i = 0; i < view->axes; i++)
        if (view->shape[i] < 0 ||
            !dms_mul_size(&size, size, (size_t)view->shape[i]))
            return dms_fail(err, DMS_EINVAL, "%s: tensor '%s': bad shape", path,
                            view->name);
    if (size != view->size)
        return dms_fail(err, DMS_EINVAL,
                        "%s: tensor '%s' has %zu bytes, its shape needs %zu",
                        path, view->name, view->size, size);
    return DMS_OK;
}

/* Add view, whose data begin at *offset; advance *offset past them. */
static dms_status add_view(json_t *header, size_t *offset,
                           const dms_tensor_view *view, const char *path,
                           dms_error *err)
{
    dms_status st = check_view(view, path, err);
    size_t begin = *offset;
    json_t *entry;

    if (st != DMS_OK)
        return st;
    if (!dms_utf8_is_valid(view->name))
        return dms_fail(err, DMS_EINVAL,
                        "%s: the tensor name '%s' is not valid UTF-8", path,
                        view->name);
    if (json_object_get(header, view->name) ||
        strcmp(view->name, "__metadata__") == 0)
        return dms_fail(err, DMS_EINVAL, "%s: two tensors are named '%s'", path,
                        view->name);
    if (!dms_add_size(offset, begin, view->size) || *offset > INT64_MAX)
        return dms_fail(err, DMS_ELIMIT, "%s: the tensors overflow", path);
    entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype",
                      dms_dtype_name(view->dtype), "shape", json_of_shape(view),
                      "data_offsets", (json_int_t)begin, (json_int_t)*offset);
    if (!entry)
        return dms_fail_memory(err, path);
    return json_object_set_new(header, view->name, entry) == 0
               ? DMS_OK
               : dms_fail_memory(err, path);
}

static dms_status add_metadata(json_t *header, const dms_metadata *metadata,
                               size_t count, const char *path, dms_error *err)
{
    json_t *object = json_object();

    if (json_object_set_new(header, "__metadata__", object) != 0)
        return dms_fail_memory(err, path);
    for (size_t i = 0; i < count; i++) {
        const dms_metadata *m = &metadata[i];

        if (!dms_utf8_is_valid(m->key) || !dms_utf8_is_valid(m->value))
            return dms_fail(err, DMS_EINVAL,
                            "%s: the metadata '%s' are not valid UTF-8", path,
                            m->key);
        if (json_object_set_new(object, m->key, json_string(m->value)) != 0)
            return dms_fail_memory(err, path);
    }
    return DMS_OK;
}

/* The 8-byte length and the padded header; *size counts both. */
static dms_status encode_header(uint8_t **out, size_t *size, json_t *header,
                                const char *path, dms_error *err)
{
    char *text = dms_json_dump(header, (dms_json_style){.compact = true});
    size_t len = text ? strlen(text) : 0;
    size_t padded = (len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    dms_status st = DMS_OK;

    *out = text ? dms_calloc(8 + padded, 1) : NULL;
    if (!*out) {
        st = dms_fail_memory(err, path);
    } else if (padded > DMS_SAFETENSORS_HEADER_MAX) {
        st = dms_fail(err, DMS_ELIMIT,
                      "%s: the header would have %zu bytes, at most %d can be "
                      "read again",
                      path, padded, DMS_SAFETENSORS_HEADER_MAX);
    } else {
        for (int i = 0; i < 8; i++)
            (*out)[i] = (uint8_t)((uint64_t)padded >> 8 * i);
        memcpy(*out + 8, text, len);
        memset(*out + 8 + len, ' ', padded - len);
        *size = 8 + padded;
    }
    dms_free(text);
    return st;
}

static dms_status write_file(const char *path, const uint8_t *head,
                             size_t head_size,
                             const dms_safetensors_content *content,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    dms_file_writer *writer = NULL;

    TRY(dms_file_writer_open(&writer, path, err));
    TRY(dms_file_writer_write(writer, head, head_size, err));
    for (size_t i = 0; i < content->count; i++) {
        const dms_tensor_view *tensor = &content->tensors[i];
        const void *data = tensor->data;

        if (content->supply)
            TRY(content->supply(&data, content->user, i, err));
        TRY(dms_file_writer_write(writer, data, tensor->size, err));
    }
    TRY(dms_file_writer_commit(writer, err));
done:
    dms_file_writer_close(writer);
    return st;
}

dms_status dms_safetensors_write_content(const char *path,
                                         const dms_safetensors_content *content,
                                         dms_error *err)
{
    dms_status st = DMS_OK;
    json_t *header = json_object();
    uint8_t *head = NULL;
    size_t head_size = 0;
    size_t offset = 0;

    if (!header)
        return dms_fail_memory(err, path);
    if (content->count >= DMS_SAFETENSORS_COUNT_MAX) {
        st = dms_fail(err, DMS_ELIMIT, "%s: %zu tensors are too many", path,
                      content->count);
        goto done;
    }
    if (content->metadata_count > 0)
        TRY(add_metadata(header, content->metadata, content->metadata_count,
                         path, err));
    for (size_t i = 0; i < content->count; i++)
        TRY(add_view(header, &offset, &content->tensors[i], path, err));
    TRY(encode_header(&head, &head_size, header, path, err));
    TRY(write_file(path, head, head_size, content, err));
done:
    dms_free(head);
    json_decref(header);
    return st;
}

dms_status dms_safetensors_write(const char *path,
                                 const dms_tensor_view *tensors, size_t count,
                                 const dms_metadata *metadata,
                                 size_t metadata_count, dms_error *err)
{
    return dms_safetensors_write_content(
        path,
        &(dms_safetensors_content){.tensors = tensors,
                                   .count = count,
                                   .metadata = metadata,
                                   .metadata_count = metadata_count},
        err);
}
