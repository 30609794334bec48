/* What the api's bench files share: a net at the ready. */
#ifndef DMS_BENCH_BENCH_H
#define DMS_BENCH_BENCH_H

#include "engine/engine.h"
#include "dms/bench.h"
#include "net/dmsnet.h"
#include "train/loss.h"
#include "train/optimizer.h"

enum { DMS_BENCH_WORKERS_MAX = 256 };

struct dms_bench {
    dms_bench_options options; /* without AUTO and 0; compute is the next */
    dms_compute compute;
    const dms_params *weights; /* borrowed: the model's, or params */
    dms_params *params;        /* owned: training's own; else NULL */
    dms_optimizer *optimizer;  /* owned; training's */
    float *targets;            /* owned: N x K, then 2N x K */
    dms_loss_options loss;
    dms_engine *engine; /* owned; inference's nets, one a worker */
    dms_net *net;       /* the first of the engine's; training's own, owned */
    int threads;        /* of each net */
    uint64_t steps;
};

/* Run the nets side by side, count forwards in all: what each took, and the
 * seconds from the first's begin to the last's end. Inference only. */
dms_status dms_bench_side_by_side(dms_bench_times *runs, double *seconds,
                                  dms_bench *bench, size_t count,
                                  const dms_monitor *monitor, dms_error *err);

/* Name, op and part of a node, for tables. */
void dms_bench_name_node(dms_bench_node *to, const dms_node *node,
                         const dms_params *params);

#endif
