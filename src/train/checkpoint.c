/* Writes and reads checkpoints: tensors and state in one safetensors file, with
 * the previous file kept beside it. Relies on checkpoint_state.c for the JSON
 * of the state and on an atomic rename. */
#include "train/checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "formats/safetensors.h"
#include "net/model_file.h"
#include "net/weights_file.h"
#include "train/checkpoint_state.h"

/* One kind of tensors in a checkpoint: for each buffer, every row that a step
 * may change. */
typedef struct buffer {
    const char *prefix;
    float *data; /* NULL: this run does not have it, or it is all zero */
    bool stats;  /* also contains running statistics */
} buffer;

enum { BUFFERS = 5, TENSOR_NAME_MAX = DMS_PARAM_NAME_MAX + 16 };

static void buffers_of(buffer out[BUFFERS], const dms_optimizer *o)
{
    const buffer list[BUFFERS] = {
        {"model", o->params->value, true},
        {"moment1", o->moment1, false},
        {"moment2", o->moment2, false},
        {"accumulated", o->pending > 0 ? o->accumulated : NULL, false},
        {"average", o->average, true},
    };

    memcpy(out, list, sizeof list);
}

static bool in_buffer(const buffer *b, const dms_param *param)
{
    return b->data && !param->frozen && (b->stats || dms_param_trained(param));
}

static uint64_t view_checksum(const dms_tensor_view *view)
{
    uint64_t hash =
        dms_hash_words(DMS_HASH_START, view->name, strlen(view->name));

    hash =
        dms_hash_words(hash, view->shape, (size_t)view->axes * sizeof(int64_t));
    return dms_hash_words(hash, view->data, view->size);
}

/* What is written: views of row-major copies, all owned here. */
typedef struct content {
    dms_tensor_view *views;
    char (*names)[TENSOR_NAME_MAX];
    float *plain;
    size_t count;
} content;

static void content_fill(content *c, const buffer *buffers,
                         const dms_params *params)
{
    float *plain = c->plain;

    for (int b = 0; b < BUFFERS; b++)
        for (size_t i = 0; i < params->count; i++) {
            const dms_param *param = &params->items[i];
            dms_tensor_view *view = &c->views[c->count];

            if (!in_buffer(&buffers[b], param))
                continue;
            snprintf(c->names[c->count], TENSOR_NAME_MAX, "%s.%s",
                     buffers[b].prefix, param->name);
            dms_param_unpack(param, plain, buffers[b].data + param->offset);
            *view = (dms_tensor_view){.name = c->names[c->count],
                                      .dtype = DMS_DTYPE_F32,
                                      .axes = param->axes,
                                      .data = plain,
                                      .size = param->len * sizeof *plain};
            memcpy(view->shape, param->shape,
                   (size_t)param->axes * sizeof *view->shape);
            plain += param->len;
            c->count++;
        }
}

static size_t count_floats(const buffer *buffers, const dms_params *params)
{
    size_t floats = 0;

    for (int b = 0; b < BUFFERS; b++)
        for (size_t i = 0; i < params->count; i++)
            if (in_buffer(&buffers[b], &params->items[i]))
                floats += params->items[i].len;
    return floats;
}

size_t dms_checkpoint_bytes(const dms_optimizer *optimizer)
{
    buffer buffers[BUFFERS];

    buffers_of(buffers, optimizer);
    return count_floats(buffers, optimizer->params) * sizeof(float);
}

static dms_status content_init(content *c, const dms_optimizer *optimizer,
                               dms_error *err)
{
    const dms_params *params = optimizer->params;
    buffer buffers[BUFFERS];
    size_t floats;

    *c = (content){0};
    buffers_of(buffers, optimizer);
    floats = count_floats(buffers, params);
    c->views = dms_calloc(params->count * BUFFERS, sizeof *c->views);
    c->names = dms_calloc(params->count * BUFFERS, sizeof *c->names);
    c->plain = dms_alloc_aligned(floats * sizeof *c->plain);
    if (!c->views || !c->names || !c->plain)
        return dms_fail(err, DMS_ENOMEM,
                        "out of memory (%zu MB to write a checkpoint)",
                        floats * sizeof *c->plain >> 20);
    content_fill(c, buffers, params);
    return DMS_OK;
}

static uint64_t content_checksum(const content *c, const char *state)
{
    uint64_t hash = dms_hash_words(DMS_HASH_START, state, strlen(state));

    for (size_t i = 0; i < c->count; i++)
        hash += view_checksum(&c->views[i]); /* in any order */
    return hash;
}

char *dms_checkpoint_previous(const char *path)
{
    dms_strbuf name;

    dms_strbuf_init(&name);
    dms_strbuf_printf(&name, "%s.previous", path);
    return dms_strbuf_detach(&name);
}

/* Give the file at path a second name, so that replacing path keeps it. On a
 * file system without hard links the file is moved instead. */
static dms_status keep_previous(const char *path, dms_error *err)
{
    dms_status st = DMS_OK;
    char *previous = dms_checkpoint_previous(path);
    dms_strbuf link_name;

    dms_strbuf_init(&link_name);
    dms_strbuf_printf(&link_name, "%s.link", path);
    if (!previous || link_name.failed) {
        st = dms_fail_memory(err, path);
        goto done;
    }
    unlink(link_name.data);
    if (link(path, link_name.data) == 0) {
        if (rename(link_name.data, previous) != 0)
            st = dms_fail_errno(err, "%s: cannot rename", link_name.data);
    } else if (errno != ENOENT && errno != ENOTDIR &&
               rename(path, previous) != 0) {
        st = dms_fail_errno(err, "%s: cannot keep as %s", path, previous);
    }
done:
    dms_strbuf_release(&link_name);
    dms_free(previous);
    return st;
}

dms_status dms_checkpoint_write(const char *path, const dms_train_state *state,
                                const dms_optimizer *optimizer, dms_error *err)
{
    dms_status st = DMS_OK;
    content c = {0};
    char *text = NULL;
    char sum[17];
    dms_metadata metadata[2];

    TRY(content_init(&c, optimizer, err));
    TRY(dms_train_state_format(&text, state, optimizer, err));
    snprintf(sum, sizeof sum, "%016llx",
             (unsigned long long)content_checksum(&c, text));
    metadata[0] = (dms_metadata){DMS_CHECKPOINT_METADATA_KEY, text};
    metadata[1] = (dms_metadata){"checksum", sum};
    TRY(keep_previous(path, err));
    TRY(dms_safetensors_write(path, c.views, c.count, metadata, 2, err));
done:
    dms_free(text);
    dms_free(c.views);
    dms_free(c.names);
    dms_free(c.plain);
    return st;
}

static dms_status verify(const dms_safetensors *file, const char *path,
                         const char **text, dms_error *err)
{
    const char *sum = dms_safetensors_metadata(file, "checksum");
    uint64_t hash;
    char want[17];

    *text = dms_safetensors_metadata(file, DMS_CHECKPOINT_METADATA_KEY);
    if (!*text || !sum)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: not a dmsnet checkpoint: its metadata "
                        "lacks " DMS_CHECKPOINT_METADATA_KEY " or checksum",
                        path);
    hash = dms_hash_words(DMS_HASH_START, *text, strlen(*text));
    for (size_t i = 0; i < dms_safetensors_count(file); i++)
        hash += view_checksum(dms_safetensors_at(file, i));
    snprintf(want, sizeof want, "%016llx", (unsigned long long)hash);
    if (strcmp(sum, want) != 0)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: damaged: checksum %s, expected %.20s", path, want,
                        sum);
    return DMS_OK;
}

static dms_status read_state(dms_train_state *state, const char *path,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    dms_safetensors *file = NULL;
    const char *text;

    TRY(dms_safetensors_open(&file, path, err));
    TRY(verify(file, path, &text, err));
    TRY(dms_train_state_parse(state, text, path, err));
done:
    if (st != DMS_OK)
        dms_train_state_release(state);
    dms_safetensors_close(file);
    return st;
}

dms_status dms_checkpoint_read_state(dms_train_state *state, const char *path,
                                     const dms_monitor *monitor, dms_error *err)
{
    dms_error first = {0};
    char *previous = NULL;
    dms_status st = read_state(state, path, &first);

    if (st == DMS_OK)
        return st;
    previous = dms_checkpoint_previous(path);
    if (!previous || read_state(state, previous, NULL) != DMS_OK) {
        st = dms_fail(err, st, "%s", first.message);
        goto done;
    }
    dms_log(monitor, DMS_LOG_WARNING,
            "%s; the checkpoint before it is used instead", first.message);
    /* Otherwise the next write would keep the damaged file as the previous
     * one. */
    st = rename(previous, path) == 0
             ? DMS_OK
             : dms_fail_errno(err, "%s: cannot rename", previous);
done:
    dms_free(previous);
    return st;
}

static dms_status read_tensor(float *physical, float *plain,
                              const dms_param *param, const char *name,
                              const dms_safetensors *file, dms_error *err)
{
    const dms_tensor_view *view = dms_safetensors_find(file, name);
    dms_status st;

    if (!view)
        return dms_fail(err, DMS_EMISMATCH,
                        "checkpoint: tensor %s is missing: it was written "
                        "with other options",
                        name);
    if (view->axes != param->axes ||
        memcmp(view->shape, param->shape,
               (size_t)param->axes * sizeof *view->shape) != 0)
        return dms_fail(err, DMS_EMISMATCH,
                        "checkpoint: tensor %s has %zu bytes along %d axes, "
                        "expected %zu bytes along %d axes",
                        name, view->size, view->axes,
                        param->len * sizeof(float), param->axes);
    TRY(dms_tensor_to_f32(plain, view, err));
    TRY(dms_weights_check_values(param, plain, name, "checkpoint", err));
    dms_param_pack(param, physical, plain);
done:
    return st;
}

/* A mean of squares, whose root the step takes: no value may be negative. */
static dms_status check_second_moment(const float *plain, size_t len,
                                      const char *name, dms_error *err)
{
    for (size_t i = 0; i < len; i++)
        if (plain[i] < 0)
            return dms_fail(err, DMS_EFORMAT,
                            "checkpoint: tensor %s holds a value that is "
                            "negative, which no second moment can be, %g",
                            name, (double)plain[i]);
    return DMS_OK;
}

static dms_status read_buffers(dms_optimizer *optimizer,
                               const dms_safetensors *file, bool frozen_too,
                               float *plain, dms_error *err)
{
    const dms_params *params = optimizer->params;
    buffer buffers[BUFFERS];

    buffers_of(buffers, optimizer);
    for (int b = 0; b < BUFFERS; b++)
        for (size_t i = 0; i < params->count; i++) {
            const dms_param *param = &params->items[i];
            char name[TENSOR_NAME_MAX];
            dms_status st;

            /* dmsnet 0.1 also wrote the frozen rows */
            if (!in_buffer(&buffers[b], param) &&
                !(param->frozen && frozen_too && b == 0))
                continue;
            snprintf(name, sizeof name, "%s.%s", buffers[b].prefix,
                     param->name);
            st = read_tensor(buffers[b].data + param->offset, plain, param,
                             name, file, err);
            if (st == DMS_OK && buffers[b].data == optimizer->moment2)
                st = check_second_moment(plain, param->len, name, err);
            if (st != DMS_OK)
                return st;
        }
    return DMS_OK;
}

dms_status dms_checkpoint_read_tensors(dms_optimizer *optimizer,
                                       const char *path, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_safetensors *file = NULL;
    float *plain = NULL;
    const char *text;
    uint64_t frozen_digest;

    TRY(dms_safetensors_open(&file, path, err));
    TRY(verify(file, path, &text, err));
    plain = dms_calloc(dms_params_longest(optimizer->params), sizeof *plain);
    if (!plain) {
        st = dms_fail_memory(err, path);
        goto done;
    }
    TRY(dms_train_state_parse_optimizer(optimizer, &frozen_digest, text, path,
                                        err));
    if (optimizer->accumulated)
        memset(optimizer->accumulated, 0,
               optimizer->params->trained * sizeof(float));
    TRY(read_buffers(optimizer, file, frozen_digest == 0, plain, err));
done:
    dms_free(plain);
    dms_safetensors_close(file);
    return st;
}
