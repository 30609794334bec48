/* The memory plan as a list that a person or a test can read. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/run_parts.h"

static const char *const kinds[BUFFER_KINDS] = {
    [VALUE] = "value",
    [GRADIENT] = "gradient",
    [SAVED] = "saved",
    [VALUE_AGAIN] = "value again",
    [SAVED_AGAIN] = "saved again",
};

static const char *const phases[] = {
    [FORWARD] = "forward", [AGAIN] = "forward again", [BACKWARD] = "backward"};

static void add(dms_run_map *map, const dms_run *run, size_t number,
                const dms_node *node, const char *what, bool is_value)
{
    dms_buffer plan = run->buffers[number];

    if (plan.size == 0)
        return;
    if (plan.last > map->steps) /* the caller reads it, in inference */
        plan.last = map->steps;
    map->buffers[map->count++] = (dms_run_buffer){node, what, is_value, plan};
}

static int by_time(const void *a, const void *b)
{
    const dms_buffer *x = &((const dms_run_buffer *)a)->plan;
    const dms_buffer *y = &((const dms_run_buffer *)b)->plan;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static void add_node(dms_run_map *map, const dms_run *run, size_t index)
{
    const node_run *self = &run->nodes[index];
    const dms_node *node = self->job.node;

    for (size_t kind = 0; kind < BUFFER_KINDS; kind++)
        add(map, run, index * BUFFER_KINDS + kind, node, kinds[kind],
            kind != SAVED && kind != SAVED_AGAIN);
    for (int k = 0; k < node->in_count; k++)
        if (self->add_dx[k])
            add(map, run, self->spare[k], node->in[k], "share of gradient",
                true);
}

static size_t live_at(const dms_run_map *map, size_t step)
{
    size_t bytes = 0;

    for (size_t i = 0; i < map->count; i++)
        if (map->buffers[i].plan.first <= step &&
            step <= map->buffers[i].plan.last)
            bytes += map->buffers[i].plan.size;
    return bytes;
}

dms_status dms_run_map_create(dms_run_map *out, const dms_run *run,
                              dms_error *err)
{
    dms_run_map map = {.forward_steps = run->graph->count,
                       .arena_size = run->arena_size,
                       .scratch_size = run->scratch_size,
                       .kept_size = run->kept_size,
                       .spare_size = run->spare_dw_len * sizeof(float)};

    map.buffers = dms_calloc(run->buffer_count, sizeof *map.buffers);
    if (!map.buffers)
        return dms_fail_memory(err, "memory map");
    map.steps = run->graph->mode.gradients != DMS_GRADIENTS_NONE
                    ? run->step_count
                    : run->graph->count;
    for (size_t i = 0; i < run->graph->count; i++)
        add_node(&map, run, i);
    for (size_t i = map.forward_steps; i < map.steps; i++)
        map.again_steps += run->steps[i].phase == AGAIN;
    qsort(map.buffers, map.count, sizeof *map.buffers, by_time);
    for (size_t step = 0; step < map.steps; step++) {
        size_t live = live_at(&map, step);

        if (live > map.peak_live)
            map.peak_live = live, map.peak_step = step;
    }
    map.peak_node = run->graph->nodes[run->steps[map.peak_step].node];
    map.peak_phase = phases[run->steps[map.peak_step].phase];
    *out = map;
    return DMS_OK;
}

void dms_run_map_release(dms_run_map *map)
{
    dms_free(map->buffers);
    *map = (dms_run_map){0};
}
