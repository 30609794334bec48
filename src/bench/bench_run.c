/* `dmsnet bench`: measures the machine's peaks and the model's times. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/bench.h"
#include "net/model.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "graph/op.h"
#include "machine/machine.h"

enum {
    REPEATS_MIN = 3,
    REPEATS_MAX = 10000,
    PROFILED = 5 /* profiled runs; each node's median is reported */
};

/* A report and the options that it points to; a caller sees only the report. */
typedef struct report {
    dms_bench_report public;
    dms_bench_options options;
    dms_compute compute;
} report;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts values. */
static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void keep_greater(double *kept, double value)
{
    if (value > *kept)
        *kept = value;
}

/* Called before and after the model's runs; the best counts, since the machine
 * may be disturbed at either time. */
static void measure_peaks(dms_bench_report *r)
{
    double seconds = r->options->seconds < 5 ? r->options->seconds / 20 : 0.25;

    for (int kind = 0; kind < DMS_PEAK_KINDS; kind++)
        keep_greater(
            &r->peak_gflops[kind],
            dms_peak_measure((dms_peak_kind)kind, r->threads, seconds));
    keep_greater(&r->memory_gb_s, dms_bandwidth_measure(r->threads, seconds));
}

static void describe_machine(dms_bench_report *r)
{
    dms_machine_cpu(r->cpu, sizeof r->cpu);
    dms_machine_isa(r->isa, sizeof r->isa);
    dms_backend_text(r->backend, sizeof r->backend);
    r->cores = dms_machine_cores();
    for (int kind = 0; kind < DMS_PEAK_KINDS; kind++)
        r->peak_instruction[kind] = dms_peak_instruction((dms_peak_kind)kind);
}

/* "context.fuse.conv" of "context.fuse.conv.weight". */
void dms_bench_name_node(dms_bench_node *to, const dms_node *node,
                         const dms_params *params)
{
    const char *name =
        node->param_count ? params->items[node->param[0]].name : node->op->name;
    const char *dot = node->param_count ? strrchr(name, '.') : NULL;
    int len = (int)(dot ? (size_t)(dot - name) : strlen(name));

    snprintf(to->name, sizeof to->name, "%.*s", len, name);
    if (node->attr.kernel > 0)
        snprintf(to->op, sizeof to->op, "%.18s %ux%u", node->op->name,
                 (unsigned)node->attr.kernel % 100,
                 (unsigned)node->attr.kernel % 100);
    else
        snprintf(to->op, sizeof to->op, "%.31s", node->op->name);
    to->part = node->part ? node->part : "";
}

static dms_status describe_nodes(dms_bench_report *r, const dms_bench *bench,
                                 dms_error *err)
{
    const dms_graph *graph = dms_net_graph(bench->net);

    r->nodes = dms_calloc(graph->count, sizeof *r->nodes);
    if (!r->nodes)
        return dms_fail_memory(err, "profile");
    r->node_count = graph->count;
    for (size_t i = 0; i < graph->count; i++) {
        const dms_node *node = graph->nodes[i];
        dms_bench_node *to = &r->nodes[i];

        dms_bench_name_node(to, node, graph->params);
        if (node->op->flops)
            to->forward_gflop = node->op->flops(node, graph->params) / 1e9;
        /* The gradients by the input, if wanted, and by the weight cost as much
         * as the forward, each. */
        if (dms_node_goes_back(graph, node))
            to->backward_gflop =
                to->forward_gflop *
                (node->param_count == 0 || node->in[0]->needs_grad ? 2 : 1);
        r->gflop += to->forward_gflop + to->backward_gflop;
    }
    return DMS_OK;
}

/* seconds: PROFILED rows of forwards, then as many of backwards. */
static void take_medians(dms_bench_report *r, const double *seconds)
{
    size_t n = r->node_count;

    for (size_t i = 0; i < n; i++) {
        double forward[PROFILED], backward[PROFILED];

        for (size_t k = 0; k < PROFILED; k++) {
            forward[k] = seconds[k * n + i];
            backward[k] = seconds[(PROFILED + k) * n + i];
        }
        r->nodes[i].forward_s = median(forward, PROFILED);
        r->nodes[i].backward_s = median(backward, PROFILED);
    }
}

static dms_status profile_nodes(dms_bench_report *r, dms_bench *bench,
                                dms_error *err)
{
    dms_status st = DMS_OK;
    size_t n = r->node_count;
    double *seconds = dms_calloc(2 * PROFILED * n, sizeof *seconds);
    dms_bench_times times;

    if (!seconds)
        return dms_fail_memory(err, "profile");
    for (size_t k = 0; k < PROFILED; k++) {
        dms_net_profile(bench->net, seconds + k * n,
                        seconds + (PROFILED + k) * n);
        TRY(dms_bench_step(bench, &times, err));
    }
    take_medians(r, seconds);
done:
    dms_net_profile(bench->net, NULL, NULL);
    dms_free(seconds);
    return st;
}

enum { TIMES = 5 }; /* members of dms_bench_times */

static double *member(dms_bench_times *t, int i)
{
    double *const members[TIMES] = {&t->total, &t->forward, &t->loss,
                                    &t->backward, &t->update};

    return members[i];
}

/* Median and minimum of each member over all runs; room: one value per run. */
static void summarize(dms_bench_report *r, dms_bench_times *runs, double *room)
{
    size_t count = (size_t)r->options->repeats;

    for (int m = 0; m < TIMES; m++) {
        for (size_t i = 0; i < count; i++)
            room[i] = *member(&runs[i], m);
        *member(&r->median, m) = median(room, count);
        *member(&r->minimum, m) = room[0];
    }
}

/* The number of runs, at most `room`. A single worker stops when the time is
 * up. Several workers do not synchronise before the end, so their number of
 * runs is estimated beforehand from the time of one. */
static size_t runs_to_time(const dms_bench_options *o, size_t room,
                           double first)
{
    size_t workers = (size_t)o->compute->workers, count = REPEATS_MIN;

    if (o->repeats || workers == 1)
        return room;
    if (o->seconds / first > REPEATS_MIN)
        count = (size_t)fmin(o->seconds / first, REPEATS_MAX);
    return count * workers < room ? count * workers : room;
}

/* Run one after the other. */
static dms_status time_alone(dms_bench_times *runs, size_t *count,
                             const dms_bench_options *o, dms_bench *bench,
                             const dms_monitor *monitor, dms_error *err)
{
    size_t limit = *count;
    double began = dms_clock_now();
    dms_status st = DMS_OK;

    for (*count = 0; *count < limit; ++*count) {
        if (!o->repeats && *count >= REPEATS_MIN &&
            dms_clock_now() - began >= o->seconds)
            break;
        if (dms_should_stop(monitor))
            return dms_fail(err, DMS_ESTOPPED, "stopped");
        TRY(dms_bench_step(bench, &runs[*count], err));
    }
done:
    return st;
}

static dms_status time_runs(report *own, double first, dms_bench *bench,
                            const dms_monitor *monitor, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_bench_report *r = &own->public;
    dms_bench_options *o = &own->options;
    size_t limit = o->repeats ? (size_t)o->repeats : REPEATS_MAX;
    size_t count = runs_to_time(o, limit, first);
    dms_bench_times *runs = dms_calloc(limit, sizeof *runs);
    double *room = dms_calloc(limit, sizeof *room);
    double seconds = 0;

    if (!runs || !room) {
        st = dms_fail_memory(err, "times");
        goto done;
    }
    if (o->compute->workers > 1)
        TRY(dms_bench_side_by_side(runs, &seconds, bench, count, monitor, err));
    else
        TRY(time_alone(runs, &count, o, bench, monitor, err));
    o->repeats = (int)count;
    summarize(r, runs, room);
    r->patients_per_s = o->compute->workers > 1
                            ? (double)count * o->patients / seconds
                            : o->patients / r->median.total;
done:
    dms_free(room);
    dms_free(runs);
    return st;
}

/* One run per worker; the first also prepares the weights. */
static dms_status warm_up(dms_bench_times *one, dms_bench *bench,
                          dms_error *err)
{
    dms_bench_times runs[DMS_BENCH_WORKERS_MAX];
    size_t workers = (size_t)bench->compute.workers;
    double seconds;
    dms_status st;

    if (workers == 1)
        return dms_bench_step(bench, one, err);
    TRY(dms_bench_side_by_side(runs, &seconds, bench, workers, NULL, err));
    *one = runs[0];
done:
    return st;
}

static void account_memory(dms_bench_report *r, const dms_bench *bench)
{
    const dms_params *params = bench->weights;
    struct rusage usage = {0};

    r->weight_bytes = dms_params_bytes(params);
    if (bench->params) /* the gradient and two moments */
        r->weight_bytes += 3 * params->trained * sizeof(float);
    r->prepared_bytes = dms_kept_size(dms_net_kept(bench->net));
    r->memory_bytes =
        dms_net_memory(bench->net) * (size_t)bench->compute.workers;
    getrusage(RUSAGE_SELF, &usage);
    r->peak_rss_bytes = (size_t)usage.ru_maxrss * 1024;
}

/* Fill in own's report. */
static dms_status measure(report *own, dms_bench *bench, double began,
                          const dms_monitor *monitor, dms_error *err)
{
    dms_bench_report *r = &own->public;
    dms_bench_times first;
    dms_status st;

    TRY(warm_up(&first, bench, err));
    r->ready_s = dms_clock_now() - began;
    own->options = bench->options;
    own->compute = bench->compute;
    own->options.compute = &own->compute;
    r->options = &own->options;
    r->threads = own->compute.threads;
    TRY(describe_nodes(r, bench, err));
    TRY(warm_up(&first, bench, err));
    account_memory(r, bench); /* before measuring peaks allocates memory */
    describe_machine(r);
    measure_peaks(r);
    TRY(time_runs(own, first.total, bench, monitor, err));
    measure_peaks(r);
    TRY(profile_nodes(r, bench, err));
done:
    return st;
}

dms_status dms_bench_run(dms_bench_report **out, const dms_model *model,
                         const dms_bench_options *options,
                         const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_bench *bench = NULL;
    report *own = dms_calloc(1, sizeof *own);
    double began = dms_clock_now();

    if (!own)
        return dms_fail_memory(err, "bench report");
    own->public.architecture = model->config.architecture;
    TRY(dms_bench_create(&bench, model, options, err));
    if (bench->options.repeats < 0 || bench->options.repeats > REPEATS_MAX) {
        st = dms_fail(err, DMS_EINVAL, "%d repeats, expected 1 to %d",
                      bench->options.repeats, REPEATS_MAX);
        goto done;
    }
    TRY(measure(own, bench, began, monitor, err));
    *out = &own->public, own = NULL;
done:
    dms_bench_destroy(bench);
    if (own)
        dms_bench_report_destroy(&own->public);
    return st;
}

void dms_bench_report_destroy(dms_bench_report *r)
{
    if (!r)
        return;
    dms_free(r->nodes);
    dms_free(r); /* the first member of its report */
}

const dms_bench_node *dms_bench_report_node(const dms_bench_report *r, size_t i)
{
    return i < r->node_count ? &r->nodes[i] : NULL;
}

double dms_bench_gflops(const dms_bench_report *r)
{
    return r->options->patients > 0
               ? r->gflop * r->patients_per_s / r->options->patients
               : 0;
}

double dms_bench_peak(const dms_bench_report *r)
{
    const char *precision = dms_precision_name(r->options->compute->precision);

    for (int kind = 0; precision && kind < DMS_BENCH_PEAKS; kind++)
        if (strcmp(precision, dms_bench_peak_name(kind)) == 0)
            return r->peak_gflops[kind];
    return 0;
}

const char *dms_bench_peak_name(int peak)
{
    static const char *const names[DMS_BENCH_PEAKS] = {"fp32", "bf16", "int8"};

    return peak >= 0 && peak < DMS_BENCH_PEAKS ? names[peak] : NULL;
}
