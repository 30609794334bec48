/* Opcodes that name globals and call them. Here they only create values. Relies
 * on rules->globals, the allow-list. */
#include <string.h>

#include "base/fail.h"
#include "formats/pickle_machine.h"
#include "formats/text_plain.h"

typedef struct text {
    const char *data;
    size_t len;
} text;

static bool text_is(text a, const char *b)
{
    return strlen(b) == a.len && memcmp(a.data, b, a.len) == 0;
}

static dms_status push_global(pickle_machine *m, text module, text name)
{
    const dms_pickle_rules *rules = m->rules;
    char shown_module[DMS_TEXT_SHOWN + 4], shown_name[DMS_TEXT_SHOWN + 4];
    const dms_pickle_refusal refusal = {
        module.data, module.len, m->bytes.data, m->bytes.size,
        m->height == 0 || m->stack[0] == PICKLE_MARK};
    dms_pickle_value *value;
    dms_status st;

    for (size_t i = 0; i < rules->count; i++) {
        if (!text_is(name, rules->globals[i].name) ||
            !text_is(module, rules->globals[i].module))
            continue;
        value = dms_pickle_push_new(m, DMS_PICKLE_GLOBAL, &st);
        if (value)
            value->link.global = (uint32_t)i;
        return st;
    }
    return dms_fail(m->err, DMS_EFORMAT,
                    "%s: refused: global %s.%s at byte %zu%s", rules->file,
                    dms_text_show(shown_module, module.data, module.len),
                    dms_text_show(shown_name, name.data, name.len), m->at,
                    rules->hint ? rules->hint(&refusal) : "");
}

/* Read to a line feed, which is taken but not returned. */
static text take_line(dms_bytes *b)
{
    size_t left = dms_bytes_left(b);
    const uint8_t *start = b->data + b->at;
    const uint8_t *end = left ? memchr(start, '\n', left) : NULL;
    text line = {"", 0};

    if (!end) {
        b->failed = true;
        return line;
    }
    line.len = (size_t)(end - start);
    line.data = (const char *)dms_bytes_take(b, line.len);
    dms_bytes_u8(b);
    return line;
}

/* c MODULE \n NAME \n */
dms_status dms_pickle_play_global(pickle_machine *m)
{
    text module = take_line(&m->bytes);
    text name = take_line(&m->bytes);

    return m->bytes.failed ? DMS_OK : push_global(m, module, name);
}

static dms_status pop_text(text *out, pickle_machine *m)
{
    dms_pickle_ref ref;
    dms_status st = dms_pickle_pop(m, &ref);
    const dms_pickle_value *value;

    if (st != DMS_OK)
        return st;
    value = dms_pickle_at(m->pickle, ref);
    if (value->kind != DMS_PICKLE_TEXT)
        return dms_pickle_refuse(m, DMS_EFORMAT, "a name that is not text");
    *out = (text){value->text.data, value->text.len};
    return DMS_OK;
}

dms_status dms_pickle_play_stack_global(pickle_machine *m)
{
    dms_status st;
    text module = {"", 0}, name = {"", 0};

    TRY(pop_text(&name, m));
    TRY(pop_text(&module, m));
    TRY(push_global(m, module, name));
done:
    return st;
}

/* OrderedDict([(key, value), ...]). Python 2 wrote the pairs as lists. */
static dms_status add_pairs(pickle_machine *m, dms_pickle_ref dict,
                            dms_pickle_ref pairs)
{
    const dms_pickle *p = m->pickle;

    if (dms_pickle_at(p, pairs)->kind != DMS_PICKLE_LIST)
        return dms_pickle_refuse(
            m, DMS_EFORMAT,
            "an OrderedDict of something other than a list of pairs");
    for (uint32_t cell = dms_pickle_at(p, pairs)->items.first; cell;
         cell = dms_pickle_cell_next(p, cell)) {
        const dms_pickle_value *pair =
            dms_pickle_at(p, dms_pickle_cell_value(p, cell));
        dms_pickle_ref key, value;
        dms_status st;

        if ((pair->kind != DMS_PICKLE_LIST && pair->kind != DMS_PICKLE_TUPLE) ||
            pair->items.count != 2)
            return dms_pickle_refuse(
                m, DMS_EFORMAT,
                "an OrderedDict of something other than a list of pairs");
        key = dms_pickle_cell_value(p, pair->items.first);
        value = dms_pickle_cell_value(p, pair->items.last);
        if ((st = dms_pickle_append(m, dict, key)) != DMS_OK ||
            (st = dms_pickle_append(m, dict, value)) != DMS_OK)
            return st;
    }
    return DMS_OK;
}

static dms_status call_dict(pickle_machine *m, dms_pickle_ref arguments,
                            const dms_pickle_global *global)
{
    dms_status st;
    const dms_pickle_value *tuple = dms_pickle_at(m->pickle, arguments);
    uint32_t count = tuple->items.count, first = tuple->items.first;
    dms_pickle_value *dict;

    if (count > 1)
        return dms_pickle_refuse(m, DMS_EFORMAT,
                                 "an OrderedDict of several arguments");
    dict = dms_pickle_push_new(m, DMS_PICKLE_DICT, &st);
    if (!dict)
        return st;
    dict->attributes = global->attributes;
    if (count == 0)
        return DMS_OK;
    return add_pairs(m, m->stack[m->height - 1],
                     dms_pickle_cell_value(m->pickle, first));
}

dms_status dms_pickle_play_reduce(pickle_machine *m)
{
    dms_status st;
    dms_pickle_ref arguments = 0, callee = 0;
    const dms_pickle_value *value;
    const dms_pickle_global *global;
    dms_pickle_value *call;
    uint32_t row;

    TRY(dms_pickle_pop(m, &arguments));
    TRY(dms_pickle_pop(m, &callee));
    value = dms_pickle_at(m->pickle, callee);
    if (value->kind != DMS_PICKLE_GLOBAL)
        return dms_pickle_refuse(m, DMS_EFORMAT,
                                 "a call of something that is not a global");
    if (dms_pickle_at(m->pickle, arguments)->kind != DMS_PICKLE_TUPLE)
        return dms_pickle_refuse(m, DMS_EFORMAT,
                                 "the arguments are not a tuple");
    row = value->link.global;
    global = &m->rules->globals[row];
    if (global->calls == DMS_PICKLE_CALLS_NOT)
        return dms_fail(m->err, DMS_EFORMAT,
                        "%s: refused: a call of %s.%s at byte %zu",
                        m->rules->file, global->module, global->name, m->at);
    if (global->calls == DMS_PICKLE_CALLS_DICT)
        return call_dict(m, arguments, global);
    call = dms_pickle_push_new(m, DMS_PICKLE_CALL, &st);
    if (!call)
        return st;
    call->attributes = global->attributes;
    call->link.global = row;
    call->link.value = arguments;
done:
    return st;
}

/* The state of an OrderedDict is what torch calls _metadata; it is skipped. */
dms_status dms_pickle_play_build(pickle_machine *m)
{
    dms_status st;
    dms_pickle_ref state = 0, object = 0;

    TRY(dms_pickle_pop(m, &state));
    TRY(dms_pickle_pop(m, &object));
    if (!dms_pickle_at(m->pickle, object)->attributes)
        return dms_pickle_refuse(m, DMS_EFORMAT,
                                 "only an OrderedDict or a Parameter may have "
                                 "a state");
    TRY(dms_pickle_push(m, object));
done:
    return st;
}

dms_status dms_pickle_play_persistent(pickle_machine *m)
{
    dms_status st;
    dms_pickle_ref id = 0;
    dms_pickle_value *value;

    TRY(dms_pickle_pop(m, &id));
    value = dms_pickle_push_new(m, DMS_PICKLE_PERSISTENT, &st);
    if (value)
        value->link.value = id;
done:
    return st;
}
