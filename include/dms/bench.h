/* How quick a model is on this machine, and how much quicker it could be: the
 * machine's own peaks, measured, and the time of each part of a forward or of a
 * training step beside them (docs/performance.md). The images are synthetic.
 *
 * Threads: a bench is one thread's. Every other function here may be called
 * from any thread, but runs at the same time disturb each other's times. */
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
                                   winograd auto: in fp32. workers 0: one;
                                   more: inference side by side, patients times
                                   workers are at most 256 */
    int patients;               /* of each worker, 1 to 256; training needs 2 */
    int size;                   /* S in pixels, 32 to 2048; 0: the model's */
    bool train; /* steps: forward, loss, backward, update by AdamW */
    bool checkpoint_activations; /* as in dms_train_options */
    int repeats;    /* 1 to 10000; 0: as many as `seconds` hold, at least 3 */
    double seconds; /* of timing; each peak takes a tenth, at most half one */
} dms_bench_options;

/* One patient, the model's size, inference, 5 seconds.
 * struct_size: sizeof *options. */
void dms_bench_options_init(dms_bench_options *options, size_t struct_size);

/* A model at the ready: memory taken, kernels made, images in. One thread's. */
typedef struct dms_bench dms_bench;

/* model is borrowed and is not changed, and must outlive the bench. options:
 * NULL for the defaults. DMS_EINVAL for what the options or this CPU cannot. */
dms_status dms_bench_create(dms_bench **out, const dms_model *model,
                            const dms_bench_options *options, dms_error *err);
void dms_bench_destroy(dms_bench *bench); /* accepts NULL */

/* Seconds of one forward or step; the last three are 0 in inference. */
typedef struct dms_bench_times {
    double total, forward, loss, backward, update;
} dms_bench_times;

/* What lies where in the memory of values, and when: each buffer of the plan as
 * a table for a person, by time, or as JSON. Free with dms_text_free. */
dms_status dms_bench_print_memory(char **text, const dms_bench *bench,
                                  bool json, dms_error *err);

/* Run once; of several workers, the first alone. The first run also brings the
 * weights into their kernels' order. */
dms_status dms_bench_step(dms_bench *bench, dms_bench_times *times,
                          dms_error *err);

/* One node of the graph. */
typedef struct dms_bench_node {
    char name[128];   /* of its first tensor without the suffix, or its op */
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
    const dms_bench_options *options; /* what became of them: no AUTO, no 0,
                                         compute is not NULL; the report's */
    double ready_s;                   /* making all, and the first run */
    dms_bench_times median, minimum;  /* of one run, beside the others' */
    double patients_per_s;            /* of all workers together */
    double gflop;                     /* of one run, 2 per multiply-add */
    size_t memory_bytes;              /* activations, gradients, scratch */
    size_t weight_bytes;              /* parameters, gradients, moments */
    size_t prepared_bytes;            /* weights in the order of the kernels,
                                         which the workers share */
    size_t peak_rss_bytes;            /* of the process so far */
    dms_bench_node *nodes;            /* read through dms_bench_report_node */
    size_t node_count;
} dms_bench_report;

/* Node i in the order in which they run, borrowed from the report; NULL from
 * node_count on. */
const dms_bench_node *dms_bench_report_node(const dms_bench_report *report,
                                            size_t i);

/* 1e9 operations a second of all workers together; and the peak of the
 * precision, 0 where there is none. */
double dms_bench_gflops(const dms_bench_report *report);
double dms_bench_peak(const dms_bench_report *report);

/* Measure peaks and model. out: the report, the caller's to destroy; unchanged
 * on failure. options: NULL for the defaults. DMS_EINVAL, DMS_ENOMEM;
 * DMS_ESTOPPED when the monitor asks. */
dms_status dms_bench_run(dms_bench_report **out, const dms_model *model,
                         const dms_bench_options *options,
                         const dms_monitor *monitor, dms_error *err);
void dms_bench_report_destroy(dms_bench_report *report); /* accepts NULL */

/* The report as tables for a person, or as JSON; per_op: each node too. Free
 * with dms_text_free. */
dms_status dms_bench_print(char **text, const dms_bench_report *report,
                           bool json, bool per_op, dms_error *err);

#include "dms/public_end.h"

#endif
