/* What `dmsnet bench` says: tables, or JSON. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/strbuf.h"
#include "dms/bench.h"
#include "formats/json.h"

/* Nodes added up: those of one part, of one op, or one alone. */
typedef struct line {
    const char *name;
    size_t nodes;
    double seconds, gflop;
} line;

typedef enum grouping { BY_PART, BY_OP, BY_NODE } grouping;

static line *find_line(line *lines, size_t *count, const char *name,
                       grouping by)
{
    for (size_t i = 0; by != BY_NODE && i < *count; i++)
        if (strcmp(lines[i].name, name) == 0)
            return &lines[i];
    lines[*count].name = name;
    return &lines[(*count)++];
}

/* As many lines as there are groups, in the order of the graph; room for as
 * many as nodes. Returns their number. */
static size_t group(line *lines, const dms_bench_report *r, grouping by)
{
    size_t count = 0;

    memset(lines, 0, r->node_count * sizeof *lines);
    for (size_t i = 0; i < r->node_count; i++) {
        const dms_bench_node *node = &r->nodes[i];
        const char *name = by == BY_PART ? node->part
                           : by == BY_OP ? node->op
                                         : node->name;
        line *l = find_line(lines, &count, name, by);

        l->nodes++;
        l->seconds += node->forward_s + node->backward_s;
        l->gflop += node->forward_gflop + node->backward_gflop;
    }
    return count;
}

static double nodes_seconds(const dms_bench_report *r)
{
    double sum = 0;

    for (size_t i = 0; i < r->node_count; i++)
        sum += r->nodes[i].forward_s + r->nodes[i].backward_s;
    return sum;
}

/* The peak that one worker's threads can reach. */
static double peak_each(const dms_bench_report *r)
{
    return dms_bench_peak(r) / r->options->compute->workers;
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static const char *unit(const char *precision)
{
    return strcmp(precision, "int8") == 0 ? "GOP/s" : "GFLOP/s";
}

static void print_machine(dms_strbuf *text, const dms_bench_report *r)
{
    dms_strbuf_printf(text, "machine   %s, %d core%s; %s\n",
                      r->cpu[0] ? r->cpu : "unknown CPU", r->cores,
                      r->cores == 1 ? "" : "s", r->isa);
    dms_strbuf_printf(text, "threads   %d", r->threads);
    if (r->options->compute->workers > 1)
        dms_strbuf_printf(text, " for %d workers side by side",
                          r->options->compute->workers);
    dms_strbuf_printf(text, "; dmsnet %s, %s\n", dms_version(), r->backend);
    for (int i = 0; i < DMS_BENCH_PEAKS; i++) {
        dms_strbuf_printf(text, "%-10s%s peak ", i ? "" : "peaks",
                          dms_bench_peak_name(i));
        if (r->peak_instruction[i])
            dms_strbuf_printf(text, "%8.1f %s by %s\n", r->peak_gflops[i],
                              unit(dms_bench_peak_name(i)),
                              r->peak_instruction[i]);
        else
            dms_strbuf_puts(text, "not there: the CPU has no instruction\n");
    }
    dms_strbuf_printf(text, "          memory    %8.1f GB/s\n", r->memory_gb_s);
}

static void print_model(dms_strbuf *text, const dms_bench_report *r)
{
    const dms_bench_options *o = r->options;
    const dms_architecture *a = &r->architecture;

    dms_strbuf_printf(text, "model     %s, %s, %s, width %d, %d px\n",
                      dms_backbone_name(a->backbone),
                      dms_context_name(a->context), dms_fusion_name(a->fusion),
                      a->width, o->size);
    dms_strbuf_printf(
        text, "work      %s of %d patient%s (%d images) in %s%s\n",
        !o->train                   ? "forward"
        : o->checkpoint_activations ? "training step, activations made again,"
                                    : "training step",
        o->patients, o->patients == 1 ? "" : "s", 2 * o->patients,
        dms_precision_name(o->compute->precision),
        o->compute->winograd == DMS_WINOGRAD_YES ? ", Winograd allowed" : "");
    dms_strbuf_printf(text,
                      "time      %.2f ms median, %.2f ms minimum of %d runs; "
                      "%.2f patients a second; ready after %.2f s\n",
                      1e3 * r->median.total, 1e3 * r->minimum.total, o->repeats,
                      r->patients_per_s, r->ready_s);
    if (o->train)
        dms_strbuf_printf(text,
                          "          forward %.2f, loss %.2f, backward %.2f, "
                          "update %.2f ms\n",
                          1e3 * r->median.forward, 1e3 * r->median.loss,
                          1e3 * r->median.backward, 1e3 * r->median.update);
    dms_strbuf_printf(text,
                      "speed     %.1f %s of %.1f GFLOP: %.1f %% of the "
                      "measured peak\n",
                      dms_bench_gflops(r),
                      unit(dms_precision_name(o->compute->precision)), r->gflop,
                      100 * ratio(dms_bench_gflops(r), dms_bench_peak(r)));
    dms_strbuf_printf(
        text,
        "memory    %.1f MB of values, %.1f MB of weights%s, "
        "%.1f MB of them in the order of the kernels, peak "
        "resident %.1f MB\n",
        (double)r->memory_bytes / 1e6, (double)r->weight_bytes / 1e6,
        o->train ? ", gradients and moments" : "",
        (double)r->prepared_bytes / 1e6, (double)r->peak_rss_bytes / 1e6);
}

static void print_table(dms_strbuf *text, line *lines,
                        const dms_bench_report *r, grouping by,
                        const char *title)
{
    size_t count = group(lines, r, by);
    double all = nodes_seconds(r), peak = peak_each(r);

    dms_strbuf_printf(text, "\n%-38s%5s%10s%8s%9s%10s\n", title, "nodes", "ms",
                      "share", "GFLOP/s", "of peak");
    for (size_t i = 0; i < count; i++) {
        const line *l = &lines[i];
        double rate = ratio(l->gflop, l->seconds);

        dms_strbuf_printf(text, "%-38s%5zu%10.3f%7.1f%%", l->name, l->nodes,
                          1e3 * l->seconds, 100 * ratio(l->seconds, all));
        if (l->gflop > 0)
            dms_strbuf_printf(text, "%9.1f%9.1f%%", rate,
                              100 * ratio(rate, peak));
        dms_strbuf_puts(text, "\n");
    }
}

static char *print_text(const dms_bench_report *r, line *lines, bool per_op)
{
    dms_strbuf text;
    char *result;

    dms_strbuf_init(&text);
    print_machine(&text, r);
    print_model(&text, r);
    print_table(&text, lines, r, BY_PART, "part");
    print_table(&text, lines, r, BY_OP, "op");
    if (per_op)
        print_table(&text, lines, r, BY_NODE, "node");
    result = dms_strbuf_detach(&text);
    dms_strbuf_release(&text);
    return result;
}

static json_t *times_json(const dms_bench_times *t, bool train)
{
    return train ? json_pack("{s:f, s:f, s:f, s:f, s:f}", "total",
                             1e3 * t->total, "forward", 1e3 * t->forward,
                             "loss", 1e3 * t->loss, "backward",
                             1e3 * t->backward, "update", 1e3 * t->update)
                 : json_pack("{s:f}", "total", 1e3 * t->total);
}

static json_t *lines_json(line *lines, const dms_bench_report *r, grouping by)
{
    size_t count = group(lines, r, by);
    double all = nodes_seconds(r);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        const line *l = &lines[i];
        double rate = ratio(l->gflop, l->seconds);

        dms_json_append(
            &list, json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f}", "name",
                             l->name, "nodes", (json_int_t)l->nodes, "ms",
                             1e3 * l->seconds, "share", ratio(l->seconds, all),
                             "gflop", l->gflop, "gflops", rate,
                             "fraction_of_peak", ratio(rate, peak_each(r))));
    }
    return list;
}

static json_t *machine_json(const dms_bench_report *r)
{
    json_t *peaks = json_object();

    for (int i = 0; i < DMS_BENCH_PEAKS; i++)
        dms_json_set(&peaks, dms_bench_peak_name(i),
                     r->peak_instruction[i] ? json_real(r->peak_gflops[i])
                                            : json_null());
    return json_pack("{s:o, s:i, s:s, s:o, s:f}", "cpu", dms_json_name(r->cpu),
                     "cores", r->cores, "isa", r->isa, "peak_gflops", peaks,
                     "memory_gb_s", r->memory_gb_s);
}

/* What was run and how. */
static void add_work(json_t **root, const dms_bench_report *r)
{
    const dms_bench_options *o = r->options;
    const dms_architecture *a = &r->architecture;
    json_t *rest = json_pack(
        "{s:o, s:o, s:o, s:s, s:b, s:s, s:b, s:i, s:i, s:i, s:i, s:i, s:I, "
        "s:I, s:I, s:I}",
        "machine", machine_json(r), "versions",
        json_pack("{s:s, s:s}", "dmsnet", dms_version(), "backend", r->backend),
        "model",
        json_pack("{s:s, s:s, s:s, s:i}", "backbone",
                  dms_backbone_name(a->backbone), "context",
                  dms_context_name(a->context), "fusion",
                  dms_fusion_name(a->fusion), "width", a->width),
        "task", o->train ? "train" : "infer", "checkpoint_activations",
        o->train && o->checkpoint_activations, "precision",
        dms_precision_name(o->compute->precision), "winograd",
        o->compute->winograd == DMS_WINOGRAD_YES, "batch", o->patients, "size",
        o->size, "threads", r->threads, "workers", o->compute->workers,
        "repeats", o->repeats, "memory_bytes", (json_int_t)r->memory_bytes,
        "weight_bytes", (json_int_t)r->weight_bytes, "prepared_bytes",
        (json_int_t)r->prepared_bytes, "peak_rss_bytes",
        (json_int_t)r->peak_rss_bytes);

    if (json_object_update(*root, rest) != 0) {
        json_decref(*root);
        *root = NULL;
    }
    json_decref(rest);
}

static char *print_json(const dms_bench_report *r, line *lines, bool per_op)
{
    double rate = dms_bench_gflops(r), peak = dms_bench_peak(r);
    json_t *root = json_pack(
        "{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:f}", "latency_ms",
        1e3 * r->median.total, "latency_min_ms", 1e3 * r->minimum.total,
        "patients_per_second", r->patients_per_s, "gflop", r->gflop, "gflops",
        rate, "peak_gflops", peak, "fraction_of_peak", ratio(rate, peak),
        "median_ms", times_json(&r->median, r->options->train), "minimum_ms",
        times_json(&r->minimum, r->options->train), "ready_s", r->ready_s);
    char *text;

    add_work(&root, r);
    dms_json_set(&root, "parts", lines_json(lines, r, BY_PART));
    dms_json_set(&root, "ops", lines_json(lines, r, BY_OP));
    if (per_op)
        dms_json_set(&root, "nodes", lines_json(lines, r, BY_NODE));
    text = dms_json_dump(root, (dms_json_style){.indent = 2, .digits = 6});
    json_decref(root);
    return text;
}

dms_status dms_bench_print(char **text, const dms_bench_report *report,
                           bool json, bool per_op, dms_error *err)
{
    line *lines = dms_calloc(report->node_count, sizeof *lines);

    *text = !lines ? NULL
            : json ? print_json(report, lines, per_op)
                   : print_text(report, lines, per_op);
    dms_free(lines);
    return *text ? DMS_OK : dms_fail_memory(err, "bench report");
}
