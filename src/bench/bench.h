/* The bench's model, set up for repeated runs; shared by its files. */
#ifndef DMS_BENCH_BENCH_H
#define DMS_BENCH_BENCH_H

#include "engine/engine.h"
#include "dms/bench.h"
#include "net/dmsnet.h"
#include "train/loss.h"
#include "train/optimizer.h"

enum { DMS_BENCH_WORKERS_MAX = 256 };

struct dms_bench {
    dms_bench_options options; /* without AUTO and 0; its compute is below */
    dms_compute compute;
    const dms_params *weights; /* borrowed: the model's, or params */
    dms_params *params;        /* owned: training's own; else NULL */
    dms_optimizer *optimizer;  /* owned; for training, else NULL */
    float *targets;            /* owned: N x K, then 2N x K */
    dms_loss_options loss;
    dms_engine *engine; /* owned; inference's nets, one per worker */
    dms_net *net;       /* the engine's first; for training its own, owned */
    int threads;        /* of each net */
    uint64_t steps;
};

/* Run the workers' nets in parallel, `count` forwards in total. runs: the time
 * of each; seconds: from the start of the first to the end of the last.
 * Inference only. */
dms_status dms_bench_side_by_side(dms_bench_times *runs, double *seconds,
                                  dms_bench *bench, size_t count,
                                  const dms_monitor *monitor, dms_error *err);

/* Fill in a node's name, op and part, for tables. */
void dms_bench_name_node(dms_bench_node *to, const dms_node *node,
                         const dms_params *params);

#endif
