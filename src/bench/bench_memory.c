/* What lies where in the memory of a net's values, and when. */
#include <stdio.h>

#include "bench/bench.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/strbuf.h"
#include "formats/json.h"

static const char *type_name(dms_type type)
{
    static const char *const names[] = {[DMS_TYPE_F32] = "fp32",
                                        [DMS_TYPE_BF16] = "bf16",
                                        [DMS_TYPE_U8] = "u8",
                                        [DMS_TYPE_S8] = "s8"};

    return names[type];
}

static const char *layout_name(dms_layout layout)
{
    static const char *const names[] = {[DMS_LAYOUT_NCHW] = "nchw",
                                        [DMS_LAYOUT_NHWC] = "nhwc",
                                        [DMS_LAYOUT_BLOCKED] = "blocked"};

    return names[layout];
}

static bool is_at_peak(const dms_run_map *map, const dms_buffer *plan)
{
    return plan->first <= map->peak_step && map->peak_step <= plan->last;
}

static double megabytes(size_t bytes)
{
    return (double)bytes / 1e6;
}

static size_t sum_of(const dms_run_map *map)
{
    return map->arena_size + map->scratch_size + map->kept_size +
           map->spare_size;
}

static void print_sums(dms_strbuf *text, const dms_run_map *map,
                       const dms_bench *b)
{
    dms_bench_node peak;

    dms_bench_name_node(&peak, map->peak_node, b->weights);
    dms_strbuf_printf(text,
                      "memory    %.1f MB: arena %.1f, scratch %.1f, kept %.1f, "
                      "gradients to be added %.1f\n",
                      megabytes(sum_of(map)), megabytes(map->arena_size),
                      megabytes(map->scratch_size), megabytes(map->kept_size),
                      megabytes(map->spare_size));
    dms_strbuf_printf(
        text,
        "peak      %.1f MB of the arena are in use at step %zu: %s of "
        "%zu %s, %s\n",
        megabytes(map->peak_live), map->peak_step, map->peak_phase,
        map->peak_node->index, peak.name, peak.op);
    dms_strbuf_printf(text, "steps     %zu forward", map->forward_steps);
    if (map->again_steps > 0)
        dms_strbuf_printf(text, ", %zu forward again", map->again_steps);
    if (map->steps > map->forward_steps)
        dms_strbuf_printf(text, ", %zu backward",
                          map->steps - map->forward_steps - map->again_steps);
    dms_strbuf_puts(text, "; * stands at the peak\n\n");
}

static void print_buffer(dms_strbuf *text, const dms_run_map *map,
                         const dms_run_buffer *buffer, const dms_bench *b)
{
    const dms_node *node = buffer->node;
    const dms_shape *s = &node->shape;
    dms_bench_node named;
    char shape[64];

    dms_bench_name_node(&named, node, b->weights);
    snprintf(shape, sizeof shape, "%lldx%lldx%lldx%lld", (long long)s->n,
             (long long)s->c, (long long)s->h, (long long)s->w);
    dms_strbuf_printf(
        text, "%5zu %-33s%-16s%-18s%-18s%-5s%-8s%6zu%6zu%12zu%12zu%s\n",
        node->index, named.name, named.op, buffer->what,
        buffer->is_value ? shape : "",
        buffer->is_value ? type_name(node->type) : "",
        buffer->is_value ? layout_name(node->layout) : "", buffer->plan.first,
        buffer->plan.last, buffer->plan.offset, buffer->plan.size,
        is_at_peak(map, &buffer->plan) ? " *" : "");
}

static char *print_text(const dms_run_map *map, const dms_bench *b)
{
    dms_strbuf text;
    char *result;

    dms_strbuf_init(&text);
    print_sums(&text, map, b);
    dms_strbuf_printf(&text, "%5s %-33s%-16s%-18s%-18s%-5s%-8s%6s%6s%12s%12s\n",
                      "node", "name", "op", "what", "shape", "type", "layout",
                      "first", "last", "offset", "bytes");
    for (size_t i = 0; i < map->count; i++)
        print_buffer(&text, map, &map->buffers[i], b);
    result = dms_strbuf_detach(&text);
    dms_strbuf_release(&text);
    return result;
}

static json_t *buffer_json(const dms_run_map *map, const dms_run_buffer *buffer,
                           const dms_bench *b)
{
    const dms_node *node = buffer->node;
    const dms_buffer *plan = &buffer->plan;
    const dms_shape *s = &node->shape;
    dms_bench_node named;
    json_t *object;

    dms_bench_name_node(&named, node, b->weights);
    object = json_pack(
        "{s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b}", "node",
        (json_int_t)node->index, "name", named.name, "op", named.op, "part",
        named.part, "what", buffer->what, "first", (json_int_t)plan->first,
        "last", (json_int_t)plan->last, "offset", (json_int_t)plan->offset,
        "size", (json_int_t)plan->size, "at_peak", is_at_peak(map, plan));
    if (buffer->is_value) {
        dms_json_set(&object, "shape",
                     json_pack("[I,I,I,I]", (json_int_t)s->n, (json_int_t)s->c,
                               (json_int_t)s->h, (json_int_t)s->w));
        dms_json_set(&object, "type", json_string(type_name(node->type)));
        dms_json_set(&object, "layout", json_string(layout_name(node->layout)));
    }
    return object;
}

static char *print_json(const dms_run_map *map, const dms_bench *b)
{
    json_t *buffers = json_array(), *root;
    char *text;

    for (size_t i = 0; i < map->count; i++)
        dms_json_append(&buffers, buffer_json(map, &map->buffers[i], b));
    root = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:s}, s:{s:I, s:I, s:I}, "
        "s:o}",
        "memory_bytes", (json_int_t)sum_of(map), "arena_bytes",
        (json_int_t)map->arena_size, "scratch_bytes",
        (json_int_t)map->scratch_size, "kept_bytes", (json_int_t)map->kept_size,
        "added_gradient_bytes", (json_int_t)map->spare_size, "peak", "bytes",
        (json_int_t)map->peak_live, "step", (json_int_t)map->peak_step, "node",
        (json_int_t)map->peak_node->index, "phase", map->peak_phase, "steps",
        "all", (json_int_t)map->steps, "forward",
        (json_int_t)map->forward_steps, "forward_again",
        (json_int_t)map->again_steps, "buffers", buffers);
    text = dms_json_dump(root, (dms_json_style){.indent = 2});
    json_decref(root);
    return text;
}

dms_status dms_bench_print_memory(char **text, const dms_bench *bench,
                                  bool json, dms_error *err)
{
    dms_run_map map = {0};
    dms_status st = dms_net_memory_map(&map, bench->net, err);

    if (st != DMS_OK)
        return st;
    *text = json ? print_json(&map, bench) : print_text(&map, bench);
    dms_run_map_release(&map);
    return *text ? DMS_OK : dms_fail_memory(err, "memory map");
}
