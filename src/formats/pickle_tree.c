/* Access to what a pickle contained: values by number, and elements in order.
 * Relies on the tree that pickle_machine.c built. */
#include "formats/pickle.h"

#include <string.h>

#include "base/alloc.h"
#include "formats/pickle_machine.h"

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
