/* What the api's bench files share: a net at the ready. */
#ifndef DMS_API_BENCH_H
#define DMS_API_BENCH_H

#include "dms/bench.h"
#include "net/dmsnet.h"
#include "train/loss.h"
#include "train/optimizer.h"

struct dms_bench {
    dms_bench_options options; /* without AUTO and 0 */
    const dms_params *weights; /* borrowed: the model's, or params */
    dms_params *params;        /* owned: training's own; else NULL */
    dms_optimizer *optimizer;  /* owned; training's */
    float *targets;            /* owned: N x K, then 2N x K */
    dms_loss_options loss;
    dms_net *net;
    uint64_t steps;
};

/* Name, op and part of a node, for tables. */
void dms_bench_name_node(dms_bench_node *to, const dms_node *node,
                         const dms_params *params);

#endif
