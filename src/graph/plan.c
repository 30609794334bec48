/* Places buffers in one arena: the largest first, each into the lowest gap that
 * fits between the buffers alive at the same time. */
#include "graph/plan.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"

enum { ALIGNMENT = 64 };

static int larger_first(const void *a, const void *b)
{
    const dms_buffer *x = *(dms_buffer *const *)a;
    const dms_buffer *y = *(dms_buffer *const *)b;

    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    return (x > y) - (x < y); /* the caller's order, for a repeatable plan */
}

/* placed is sorted by offset. Put buffer into the lowest gap that is wide
 * enough between the buffers alive at the same time, and insert it into
 * placed. */
static void place(dms_buffer **placed, size_t count, dms_buffer *buffer)
{
    size_t offset = 0;
    size_t at = count;

    for (size_t i = 0; i < count; i++) {
        const dms_buffer *other = placed[i];

        if (other->last < buffer->first || buffer->last < other->first)
            continue; /* never alive at the same time */
        if (other->offset >= offset + buffer->size)
            break;
        if (other->offset + other->size > offset)
            offset = other->offset + other->size;
    }
    buffer->offset = offset;
    while (at > 0 && placed[at - 1]->offset > offset) {
        placed[at] = placed[at - 1];
        at--;
    }
    placed[at] = buffer;
}

dms_status dms_plan_buffers(dms_buffer *buffers, size_t count, size_t *total,
                            dms_error *err)
{
    dms_buffer **order = dms_calloc(count, sizeof *order);
    dms_buffer **placed = dms_calloc(count, sizeof *placed);
    size_t used = 0;

    *total = 0;
    if (!order || !placed) {
        dms_free(order);
        dms_free(placed);
        return dms_fail_memory(err, "memory plan");
    }
    for (size_t i = 0; i < count; i++) {
        assert(buffers[i].size == 0 || buffers[i].first <= buffers[i].last);
        buffers[i].size =
            (buffers[i].size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        order[i] = &buffers[i];
    }
    qsort(order, count, sizeof *order, larger_first);
    for (size_t i = 0; i < count && order[i]->size > 0; i++) {
        place(placed, used++, order[i]);
        if (order[i]->offset + order[i]->size > *total)
            *total = order[i]->offset + order[i]->size;
    }
    dms_free(order);
    dms_free(placed);
    return DMS_OK;
}
