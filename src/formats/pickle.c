#include "formats/pickle.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "formats/pickle_machine.h"

/* Room for needed items of size bytes, at most max of them; items is the
 * address of the array's pointer, of whatever type. */
static dms_status grow(void *items, size_t *capacity, size_t needed, size_t max,
                       size_t size, pickle_machine *m)
{
    size_t wanted = *capacity ? *capacity : 256;
    void *array;

    if (needed > max)
        return dms_pickle_refuse(m, DMS_ELIMIT,
                                 "more values than this reader takes");
    if (needed <= *capacity)
        return DMS_OK;
    while (wanted < needed)
        wanted *= 2;
    wanted = wanted < max ? wanted : max;
    memcpy(&array, items, sizeof array);
    array = dms_resize(array, wanted, size);
    if (!array)
        return dms_fail_memory(m->err, m->rules->file);
    memcpy(items, &array, sizeof array);
    *capacity = wanted;
    return DMS_OK;
}

dms_status dms_pickle_push(pickle_machine *m, dms_pickle_ref ref)
{
    dms_status st = grow(&m->stack, &m->stack_capacity, m->height + 1,
                         DMS_PICKLE_STACK_MAX, sizeof *m->stack, m);

    if (st == DMS_OK)
        m->stack[m->height++] = ref;
    return st;
}

dms_pickle_value *dms_pickle_push_new(pickle_machine *m, dms_pickle_kind kind,
                                      dms_status *st)
{
    dms_pickle *p = m->pickle;
    dms_pickle_value *value;

    *st = grow(&p->values, &p->capacity, p->count + 1, DMS_PICKLE_VALUES_MAX,
               sizeof *p->values, m);
    if (*st == DMS_OK)
        *st = dms_pickle_push(m, (dms_pickle_ref)p->count);
    if (*st != DMS_OK)
        return NULL;
    value = &p->values[p->count++];
    *value = (dms_pickle_value){.kind = (uint8_t)kind, .at = (uint32_t)m->at};
    return value;
}

dms_status dms_pickle_pop(pickle_machine *m, dms_pickle_ref *ref)
{
    if (m->height == 0 || m->stack[m->height - 1] == PICKLE_MARK)
        return dms_pickle_refuse(m, DMS_EFORMAT, "the stack is empty");
    *ref = m->stack[--m->height];
    return DMS_OK;
}

dms_status dms_pickle_find_mark(pickle_machine *m, size_t *mark)
{
    for (size_t i = m->height; i-- > 0;)
        if (m->stack[i] == PICKLE_MARK) {
            *mark = i;
            return DMS_OK;
        }
    return dms_pickle_refuse(m, DMS_EFORMAT, "there is no mark");
}

dms_status dms_pickle_append(pickle_machine *m, dms_pickle_ref container,
                             dms_pickle_ref value)
{
    dms_pickle *p = m->pickle;
    dms_pickle_value *into = &p->values[container];
    uint32_t cell = p->cell_count ? (uint32_t)p->cell_count : 1;
    dms_status st = grow(&p->cells, &p->cell_capacity, (size_t)cell + 1,
                         DMS_PICKLE_CELLS_MAX, sizeof *p->cells, m);

    if (st != DMS_OK)
        return st;
    p->cells[cell] = (pickle_cell){.value = value};
    p->cell_count = (size_t)cell + 1;
    if (into->items.last)
        p->cells[into->items.last].next = cell;
    else
        into->items.first = cell;
    into->items.last = cell;
    into->items.count++;
    return DMS_OK;
}

dms_status dms_pickle_memo_put(pickle_machine *m, uint64_t index)
{
    size_t old = m->memo_capacity;
    dms_status st;

    if (m->height == 0 || m->stack[m->height - 1] == PICKLE_MARK)
        return dms_pickle_refuse(m, DMS_EFORMAT, "the stack is empty");
    if (index >= DMS_PICKLE_MEMO_MAX)
        return dms_pickle_refuse(m, DMS_ELIMIT,
                                 "a place in the memo beyond the limit");
    st = grow(&m->memo, &m->memo_capacity, (size_t)index + 1,
              DMS_PICKLE_MEMO_MAX, sizeof *m->memo, m);
    if (st != DMS_OK)
        return st;
    memset(m->memo + old, 0, (m->memo_capacity - old) * sizeof *m->memo);
    m->memo_count += m->memo[index] == 0;
    m->memo[index] = m->stack[m->height - 1] + 1;
    return DMS_OK;
}

dms_status dms_pickle_memo_get(pickle_machine *m, uint64_t index)
{
    if (index >= m->memo_capacity || m->memo[index] == 0)
        return dms_pickle_refuse(m, DMS_EFORMAT,
                                 "that place in the memo is not set");
    return dms_pickle_push(m, m->memo[index] - 1);
}

static dms_status play(pickle_machine *m)
{
    enum { STOP = '.' };
    dms_status st = DMS_OK;

    for (;;) {
        m->at = m->bytes.at;
        if (m->at == DMS_PICKLE_SIZE_MAX)
            return dms_fail(m->err, DMS_ELIMIT,
                            "%s: a pickle of more than %d bytes is not read",
                            m->rules->file, DMS_PICKLE_SIZE_MAX);
        if (dms_bytes_left(&m->bytes) == 0)
            return dms_fail(m->err, DMS_EFORMAT,
                            "%s: the pickle ends at byte %zu without STOP",
                            m->rules->file, m->at);
        m->opcode = dms_bytes_u8(&m->bytes);
        if (m->opcode == STOP)
            break;
        if ((st = dms_pickle_play(m)) != DMS_OK)
            return st;
        if (m->bytes.failed)
            return dms_pickle_refuse(m, DMS_EFORMAT,
                                     "it reaches beyond the pickle's end");
    }
    if ((st = dms_pickle_pop(m, &m->pickle->root)) != DMS_OK)
        return st;
    if (m->height > 0)
        return dms_pickle_refuse(m, DMS_EFORMAT,
                                 "the stack holds more than one value");
    return DMS_OK;
}

dms_status dms_pickle_create(dms_pickle **out, size_t *used, const void *data,
                             size_t size, const dms_pickle_rules *rules,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    pickle_machine m = {.rules = rules, .err = err};
    size_t taken = size < DMS_PICKLE_SIZE_MAX ? size : DMS_PICKLE_SIZE_MAX;
    dms_pickle *pickle = dms_calloc(1, sizeof *pickle);

    if (!pickle)
        return dms_fail_memory(err, rules->file);
    m.pickle = pickle;
    m.bytes = dms_bytes_over(data, taken);
    st = play(&m);
    if (st == DMS_OK && !used && m.bytes.at != size)
        st = dms_fail(err, DMS_EFORMAT, "%s: %zu bytes follow the pickle's end",
                      rules->file, size - m.bytes.at);
    if (st == DMS_OK && used)
        *used = m.bytes.at;
    dms_free(m.stack);
    dms_free(m.memo);
    if (st != DMS_OK)
        dms_pickle_destroy(pickle);
    else
        *out = pickle;
    return st;
}

void dms_pickle_destroy(dms_pickle *pickle)
{
    if (!pickle)
        return;
    dms_free(pickle->values);
    dms_free(pickle->cells);
    dms_free(pickle);
}

dms_pickle_ref dms_pickle_root(const dms_pickle *pickle)
{
    return pickle->root;
}

size_t dms_pickle_count(const dms_pickle *pickle)
{
    return pickle->count;
}

const dms_pickle_value *dms_pickle_at(const dms_pickle *pickle,
                                      dms_pickle_ref ref)
{
    return &pickle->values[ref];
}

dms_pickle_ref dms_pickle_cell_value(const dms_pickle *pickle, uint32_t cell)
{
    return pickle->cells[cell].value;
}

uint32_t dms_pickle_cell_next(const dms_pickle *pickle, uint32_t cell)
{
    return pickle->cells[cell].next;
}

int dms_pickle_tuple(const dms_pickle_value **values, int max,
                     const dms_pickle *pickle, dms_pickle_ref ref)
{
    const dms_pickle_value *tuple = &pickle->values[ref];
    int count = 0;

    if (tuple->kind != DMS_PICKLE_TUPLE || tuple->items.count > (uint32_t)max)
        return -1;
    for (uint32_t cell = tuple->items.first; cell;
         cell = pickle->cells[cell].next)
        values[count++] = &pickle->values[pickle->cells[cell].value];
    return count;
}

const dms_pickle_value *dms_pickle_get(const dms_pickle *pickle,
                                       dms_pickle_ref ref, const char *key)
{
    const dms_pickle_value *dict = &pickle->values[ref];
    uint32_t cell = dict->kind == DMS_PICKLE_DICT ? dict->items.first : 0;
    size_t len = strlen(key);

    while (cell) {
        const dms_pickle_value *k = &pickle->values[pickle->cells[cell].value];
        uint32_t value = pickle->cells[cell].next;

        if (k->kind == DMS_PICKLE_TEXT && k->text.len == len &&
            memcmp(k->text.data, key, len) == 0)
            return &pickle->values[pickle->cells[value].value];
        cell = pickle->cells[value].next;
    }
    return NULL;
}
