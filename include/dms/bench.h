/* How fast a model is on this machine, and how much faster it could be: the
 * machine's measured peaks, and the time of each part of a forward or training
 * step compared with them (docs/performance.md). The images are synthetic.
 *
 * Threads: a bench belongs to one thread. Every other function here may be
 * called from any thread, but simultaneous runs disturb each other's times. */
#ifndef DMS_BENCH_H
#define DMS_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/architecture.h"
#include "dms/compute.h"
#include "dms/model.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* Filled by dms_bench_options_init. */
typedef struct dms_bench_options {
    size_t struct_size;
    const dms_compute *compute; /* borrowed for the call; NULL: the default.
                                   winograd auto: used in fp32. workers 0: one;
                                   more: parallel inference, patients times
                                   workers at most 256 */
    int patients;               /* per worker, 1 to 256; training needs 2 */
    int size;                   /* S in pixels, 32 to 2048; 0: the model's */
    bool train; /* training steps: forward, loss, backward, AdamW update */
    bool checkpoint_activations; /* as in dms_train_options */
    int repeats;    /* 1 to 10000; 0: as many as fit in `seconds`, at least 3 */
    double seconds; /* of timing; each peak takes a tenth of it, at most 0.5 */
} dms_bench_options;

/* One patient, the model's size, inference, 5 seconds.
 * struct_size: sizeof *options. */
void dms_bench_options_init(dms_bench_options *options, size_t struct_size);

/* A model set up to run: memory allocated, kernels created, images filled in.
 * Belongs to one thread. */
typedef struct dms_bench dms_bench;

/* model is borrowed, must outlive the bench, and is not changed. options: NULL
 * for the defaults. DMS_EINVAL if an option is invalid or the CPU does not
 * support it. */
dms_status dms_bench_create(dms_bench **out, const dms_model *model,
                            const dms_bench_options *options, dms_error *err);
void dms_bench_destroy(dms_bench *bench); /* accepts NULL */

/* Seconds of one forward or step; the last three are 0 in inference. */
typedef struct dms_bench_times {
    double total, forward, loss, backward, update;
} dms_bench_times;

/* The memory plan: each buffer with its offset and lifetime, as a table sorted
 * by time or as JSON. Free with dms_text_free. */
dms_status dms_bench_print_memory(char **text, const dms_bench *bench,
                                  bool json, dms_error *err);

/* Run once; with several workers, only the first. The first run also prepares
 * the weights for the kernels. */
dms_status dms_bench_step(dms_bench *bench, dms_bench_times *times,
                          dms_error *err);

/* One node of the graph. */
typedef struct dms_bench_node {
    char name[128];   /* its first tensor's, without the suffix, or its op */
    char op[32];      /* "conv_fused 3x3" */
    const char *part; /* "stem", "stage 1" ... "MSCAM", "DMFF", "heads" */
    double forward_s, backward_s; /* medians */
    double forward_gflop, backward_gflop;
} dms_bench_node;

enum { DMS_BENCH_PEAKS = 3 };
const char *dms_bench_peak_name(int peak); /* "fp32", "bf16", "int8" */

/* Made by dms_bench_run. */
typedef struct dms_bench_report {
    char cpu[64], isa[96], backend[96];
    int cores, threads;
    double peak_gflops[DMS_BENCH_PEAKS]; /* measured; 0: the CPU has none */
    const char *peak_instruction[DMS_BENCH_PEAKS]; /* NULL: none */
    double memory_gb_s;
    dms_architecture architecture;
    const dms_bench_options *options; /* as used: no AUTO, no 0, compute not
                                         NULL; owned by the report */
    double ready_s;                   /* set-up and the first run */
    dms_bench_times median, minimum;  /* of one run, all workers running */
    double patients_per_s;            /* of all workers together */
    double gflop;                     /* of one run, 2 per multiply-add */
    size_t memory_bytes;              /* activations, gradients, scratch */
    size_t weight_bytes;              /* parameters, gradients, moments */
    size_t prepared_bytes;            /* weights prepared for the kernels;
                                         shared by the workers */
    size_t peak_rss_bytes;            /* of the process so far */
    dms_bench_node *nodes;            /* read through dms_bench_report_node */
    size_t node_count;
} dms_bench_report;

/* Node i in running order, borrowed from the report; NULL if i >= node_count.
 */
const dms_bench_node *dms_bench_report_node(const dms_bench_report *report,
                                            size_t i);

/* 1e9 operations per second of all workers together; and the peak for the
 * report's precision, 0 if there is none. */
double dms_bench_gflops(const dms_bench_report *report);
double dms_bench_peak(const dms_bench_report *report);

/* Measure peaks and model. out: the report, which the caller destroys;
 * unchanged on failure. options: NULL for the defaults. DMS_EINVAL, DMS_ENOMEM;
 * DMS_ESTOPPED if the monitor asks to stop. */
dms_status dms_bench_run(dms_bench_report **out, const dms_model *model,
                         const dms_bench_options *options,
                         const dms_monitor *monitor, dms_error *err);
void dms_bench_report_destroy(dms_bench_report *report); /* accepts NULL */

/* The report as text tables or as JSON; per_op: with each node. Free with
 * dms_text_free. */
dms_status dms_bench_print(char **text, const dms_bench_report *report,
                           bool json, bool per_op, dms_error *err);

#include "dms/public_end.h"

#endif
