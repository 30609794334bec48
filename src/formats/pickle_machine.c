/* The machine's memory: values, cells, stack and memo. Each has a limit. Relies
 * on refs and cells that only this file creates, so they are always valid. */
#include "formats/pickle_machine.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* Ensure capacity for needed items of size bytes each, at most max items. items
 * is the address of the array's pointer, of any type. */
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
                                 "a memo index beyond the limit");
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
        return dms_pickle_refuse(m, DMS_EFORMAT, "that memo index is not set");
    return dms_pickle_push(m, m->memo[index] - 1);
}
