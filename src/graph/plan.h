/* The memory plan: buffers that never live at the same time share bytes. */
#ifndef DMS_GRAPH_PLAN_H
#define DMS_GRAPH_PLAN_H

#include <stddef.h>

#include "dms/status.h"

typedef struct dms_buffer {
    size_t size;   /* bytes; 0: none */
    size_t first;  /* the step that writes it first */
    size_t last;   /* the last step that reads it, >= first */
    size_t offset; /* out: multiple of 64 */
} dms_buffer;

/* Give each buffer an offset, so that buffers whose [first, last] intersect do
 * not overlap; greedy, largest first. *total: bytes of the arena. */
dms_status dms_plan_buffers(dms_buffer *buffers, size_t count, size_t *total,
                            dms_error *err);

#endif
