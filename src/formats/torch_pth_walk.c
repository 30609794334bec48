/* Turns nested dicts, lists and tuples into names: "optimizer.state.0.exp_avg".
 * Uses an explicit stack of bounded depth; nothing here recurses. Relies on the
 * pickle's tree, which may contain itself. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/strbuf.h"
#include "formats/text_plain.h"
#include "formats/torch_pth_parts.h"

enum { NAME_MAX_BYTES = 256, TENSORS_MAX = 65536, KEYS_LISTED = 6 };

/* A container that is being walked. */
typedef struct level {
    dms_pickle_ref container;
    uint32_t cell; /* the next cell; 0 at the end */
    uint32_t index;
    size_t name_len; /* length of the container's own name */
} level;

typedef struct walk {
    torch_reader *reader;
    level levels[TORCH_DEPTH_MAX];
    int depth;    /* levels in use */
    size_t steps; /* visited; limit TORCH_STEPS_MAX */
    char name[NAME_MAX_BYTES + 1];
    size_t name_len; /* may exceed what name can hold */
} walk;

static const dms_pickle_value *at(const walk *w, dms_pickle_ref ref)
{
    return dms_pickle_at(w->reader->pickle, ref);
}

static bool is_container(const dms_pickle_value *value)
{
    return value->kind == DMS_PICKLE_DICT || value->kind == DMS_PICKLE_LIST ||
           value->kind == DMS_PICKLE_TUPLE;
}

/* By kind, then by value. Kinds that cannot be part of a name compare equal. */
static int by_key(const void *a, const void *b)
{
    const dms_pickle_value *x = *(const dms_pickle_value *const *)a;
    const dms_pickle_value *y = *(const dms_pickle_value *const *)b;
    size_t len;
    int order;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->kind == DMS_PICKLE_INT)
        return (x->integer > y->integer) - (x->integer < y->integer);
    if (x->kind != DMS_PICKLE_TEXT)
        return 0;
    len = x->text.len < y->text.len ? x->text.len : y->text.len;
    order = memcmp(x->text.data, y->text.data, len);
    return order ? order
                 : (x->text.len > y->text.len) - (x->text.len < y->text.len);
}

/* In Python the last of two values under one key would win; here duplicate keys
 * are refused. */
static dms_status check_keys(const walk *w, const dms_pickle_value *dict,
                             dms_error *err)
{
    const dms_pickle *pickle = w->reader->pickle;
    size_t count = dict->items.count / 2, filled = 0;
    const dms_pickle_value **keys = dms_calloc(count, sizeof *keys);
    char shown[DMS_TEXT_SHOWN + 4];
    dms_status st = DMS_OK;

    if (!keys)
        return dms_fail_memory(err, w->reader->file);
    for (uint32_t cell = dict->items.first; cell;
         cell =
             dms_pickle_cell_next(pickle, dms_pickle_cell_next(pickle, cell)))
        keys[filled++] = at(w, dms_pickle_cell_value(pickle, cell));
    qsort(keys, filled, sizeof *keys, by_key);
    for (size_t i = 1; i < filled && st == DMS_OK; i++)
        if ((keys[i]->kind == DMS_PICKLE_INT ||
             keys[i]->kind == DMS_PICKLE_TEXT) &&
            by_key(&keys[i - 1], &keys[i]) == 0)
            st = dms_fail(err, DMS_EFORMAT, "%s: a dict has the key '%s' twice",
                          w->reader->file,
                          keys[i]->kind == DMS_PICKLE_INT
                              ? "(a number)"
                              : dms_text_show(shown, keys[i]->text.data,
                                              keys[i]->text.len));
    dms_free(keys);
    return st;
}

static dms_status enter(walk *w, dms_pickle_ref ref, dms_error *err)
{
    const dms_pickle_value *value = at(w, ref);

    for (int i = 0; i < w->depth; i++)
        if (w->levels[i].container == ref)
            return dms_fail(err, DMS_EFORMAT,
                            "%s: a dict or list contains itself",
                            w->reader->file);
    if (w->depth == TORCH_DEPTH_MAX)
        return dms_fail(err, DMS_ELIMIT,
                        "%s: dicts and lists nest deeper than %d",
                        w->reader->file, TORCH_DEPTH_MAX);
    w->steps += value->items.count;
    if (w->steps > TORCH_STEPS_MAX)
        return dms_fail(err, DMS_ELIMIT,
                        "%s: its dicts and lists have more than %d elements",
                        w->reader->file, TORCH_STEPS_MAX);
    w->levels[w->depth++] = (level){
        .container = ref, .cell = value->items.first, .name_len = w->name_len};
    if (value->kind == DMS_PICKLE_DICT)
        return check_keys(w, value, err);
    return DMS_OK;
}

/* The name of a container's element: append ".part" to w->name. */
static void extend_name(walk *w, size_t len, const char *part, size_t part_len)
{
    size_t dot = len > 0;

    w->name_len = len + dot + part_len;
    if (w->name_len > NAME_MAX_BYTES)
        return;
    if (dot)
        w->name[len] = '.';
    memcpy(w->name + len + dot, part, part_len);
    w->name[w->name_len] = '\0';
}

/* Name the element with that key, or, if key is NULL, with that index. False if
 * the key cannot be part of a name. */
static bool name_element(walk *w, size_t len, const dms_pickle_value *key,
                         uint32_t index)
{
    char number[24];

    if (key && key->kind == DMS_PICKLE_TEXT) {
        extend_name(w, len, key->text.data, key->text.len);
        return true;
    }
    if (key && key->kind != DMS_PICKLE_INT)
        return false;
    snprintf(number, sizeof number, "%" PRId64,
             key ? key->integer : (int64_t)index);
    extend_name(w, len, number, strlen(number));
    return true;
}

static dms_status reserve_view(dms_torch_file *file, const char *name,
                               dms_error *err)
{
    size_t wanted = file->capacity ? 2 * file->capacity : 256;
    dms_tensor_view *grown;

    if (file->count < file->capacity)
        return DMS_OK;
    if (file->count == TENSORS_MAX)
        return dms_fail(err, DMS_ELIMIT, "%s: more than %d tensors", name,
                        TENSORS_MAX);
    grown = dms_resize(file->views, wanted, sizeof *grown);
    if (!grown)
        return dms_fail_memory(err, name);
    file->views = grown;
    file->capacity = wanted;
    return DMS_OK;
}

static dms_status add_tensor(walk *w, const dms_pickle_value *value,
                             dms_error *err)
{
    dms_torch_file *file = w->reader->result;
    char shown[DMS_TEXT_SHOWN + 4];
    dms_tensor_view *view;
    dms_status st = DMS_OK;

    if (w->depth == 0)
        extend_name(w, 0, "tensor", strlen("tensor"));
    if (w->name_len > NAME_MAX_BYTES)
        return dms_fail(err, DMS_ELIMIT,
                        "%s: a tensor's name has %zu bytes, at most %d are "
                        "read",
                        w->reader->file, w->name_len, NAME_MAX_BYTES);
    if (w->name_len == 0 || !dms_text_is_plain(w->name, w->name_len))
        return dms_fail(err, DMS_EFORMAT,
                        "%s: '%s' is not a name for a tensor: it is "
                        "empty, not UTF-8, or has control characters",
                        w->reader->file,
                        dms_text_show(shown, w->name, w->name_len));
    TRY(reserve_view(file, w->reader->file, err));
    view = &file->views[file->count];
    *view = (dms_tensor_view){.name = w->name};
    TRY(dms_torch_read_tensor(view, w->reader, value, err));
    if (dms_textlist_add(&file->names, w->name, w->name_len) != DMS_OK)
        return dms_fail_memory(err, w->reader->file);
    file->count++;
done:
    return st;
}

/* Visit one element of the innermost container. */
static dms_status step(walk *w, dms_error *err)
{
    const dms_pickle *pickle = w->reader->pickle;
    level *l = &w->levels[w->depth - 1];
    const dms_pickle_value *key = NULL, *value;
    uint32_t cell = l->cell, index;
    dms_pickle_ref ref;

    if (at(w, l->container)->kind == DMS_PICKLE_DICT) {
        key = at(w, dms_pickle_cell_value(pickle, cell));
        cell = dms_pickle_cell_next(pickle, cell);
    }
    ref = dms_pickle_cell_value(pickle, cell);
    value = at(w, ref);
    l->cell = dms_pickle_cell_next(pickle, cell);
    index = l->index++;
    if (!is_container(value) && !dms_torch_is_tensor(w->reader, value))
        return DMS_OK;
    if (!name_element(w, l->name_len, key, index))
        return DMS_OK;
    return is_container(value) ? enter(w, ref, err) : add_tensor(w, value, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Give the views their names, which must be unique: {"a.b": x} and
 * {"a": {"b": y}} would give the same name. */
static dms_status settle_names(const torch_reader *reader, dms_error *err)
{
    dms_torch_file *file = reader->result;
    const char **names = dms_calloc(file->count, sizeof *names);
    dms_status st = DMS_OK;

    if (!names)
        return dms_fail_memory(err, reader->file);
    for (size_t i = 0; i < file->count; i++) {
        file->views[i].name = dms_textlist_get(&file->names, i);
        names[i] = file->views[i].name;
    }
    qsort(names, file->count, sizeof *names, by_name);
    for (size_t i = 1; i < file->count && st == DMS_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            st = dms_fail(err, DMS_EFORMAT, "%s: two tensors are named '%s'",
                          reader->file, names[i]);
    dms_free(names);
    return st;
}

/* Append the dict's first keys: "'epoch', 'args', 7 and 2 more". */
static void list_keys(dms_strbuf *text, const torch_reader *reader,
                      const dms_pickle_value *dict)
{
    const dms_pickle *pickle = reader->pickle;
    size_t count = dict->items.count / 2, listed = 0;
    uint32_t cell = dict->items.first;

    for (; cell && listed < KEYS_LISTED; listed++) {
        const dms_pickle_value *key =
            dms_pickle_at(pickle, dms_pickle_cell_value(pickle, cell));
        char shown[DMS_TEXT_SHOWN + 4];

        dms_strbuf_puts(text, listed ? ", " : "");
        if (key->kind == DMS_PICKLE_TEXT)
            dms_strbuf_printf(
                text, "'%s'",
                dms_text_show(shown, key->text.data, key->text.len));
        else if (key->kind == DMS_PICKLE_INT)
            dms_strbuf_printf(text, "%" PRId64, key->integer);
        else
            dms_strbuf_puts(text, "?");
        cell = dms_pickle_cell_next(pickle, dms_pickle_cell_next(pickle, cell));
    }
    if (count > listed)
        dms_strbuf_printf(text, " and %zu more", count - listed);
}

/* Say what a file without a tensor holds. */
static dms_status refuse_empty(const torch_reader *reader, dms_error *err)
{
    static const char *const kinds[] = {
        [DMS_PICKLE_NONE] = "None",      [DMS_PICKLE_BOOL] = "a truth value",
        [DMS_PICKLE_INT] = "a number",   [DMS_PICKLE_BIGINT] = "a number",
        [DMS_PICKLE_FLOAT] = "a number", [DMS_PICKLE_TEXT] = "a text",
        [DMS_PICKLE_BYTES] = "bytes",    [DMS_PICKLE_TUPLE] = "a tuple",
        [DMS_PICKLE_LIST] = "a list",    [DMS_PICKLE_DICT] = "a dict",
    };
    const dms_pickle_value *root =
        dms_pickle_at(reader->pickle, dms_pickle_root(reader->pickle));
    const char *kind =
        root->kind < sizeof kinds / sizeof *kinds ? kinds[root->kind] : NULL;
    dms_strbuf keys;
    dms_status st;

    dms_strbuf_init(&keys);
    if (root->kind == DMS_PICKLE_DICT && root->items.count == 0) {
        kind = "an empty dict";
    } else if (root->kind == DMS_PICKLE_DICT) {
        dms_strbuf_puts(&keys, " with the keys ");
        list_keys(&keys, reader, root);
    }
    st = keys.failed ? dms_fail_memory(err, reader->file)
                     : dms_fail(err, DMS_EFORMAT,
                                "%s: there are no tensors in the file: it "
                                "holds %s%s; expected a state_dict, alone or "
                                "in a dict",
                                reader->file, kind ? kind : "an object",
                                keys.len ? keys.data : "");
    dms_strbuf_release(&keys);
    return st;
}

dms_status dms_torch_walk(torch_reader *reader, dms_error *err)
{
    dms_status st = DMS_OK;
    walk w = {.reader = reader};
    dms_pickle_ref root = dms_pickle_root(reader->pickle);

    if (is_container(at(&w, root)))
        TRY(enter(&w, root, err));
    else if (dms_torch_is_tensor(reader, at(&w, root)))
        TRY(add_tensor(&w, at(&w, root), err));
    while (w.depth > 0)
        if (w.levels[w.depth - 1].cell == 0)
            w.depth--;
        else
            TRY(step(&w, err));
    if (reader->result->count == 0)
        TRY(refuse_empty(reader, err));
    TRY(settle_names(reader, err));
done:
    return st;
}
