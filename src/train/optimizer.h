/* From gradients to new weights: loops over the flat buffers of dms_params.
 *
 * One step, in this order: gradients of `accumulate` batches are averaged,
 * clipped to a global norm, used by AdamW or SGD, and the weights' moving
 * average (running statistics too) follows. Frozen rows are not looked at.
 * Everything is allocated by create; results do not depend on the number of
 * threads. */
#ifndef DMS_TRAIN_OPTIMIZER_H
#define DMS_TRAIN_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/train.h"
#include "graph/params.h"

typedef struct dms_optimizer_options {
    dms_optimizer_kind kind;
    double weight_decay; /* not of biases and norms */
    double momentum;     /* SGD */
    bool nesterov;       /* SGD */
    double beta1, beta2; /* AdamW; epsilon is 1e-8 */
    double backbone_lr;  /* factor for names under "backbone." */
    double stage_decay;  /* and once more for each stage before layer4 */
    double clip_norm;    /* 0: none */
    double ema_decay;    /* 0: no average */
    int accumulate;      /* batches a step, >= 1 */
} dms_optimizer_options;

typedef struct dms_optimizer {
    dms_optimizer_options options;
    dms_params *params; /* borrowed; allocated with gradients */
    float *moment1;     /* trained floats: AdamW's mean, SGD's momentum */
    float *moment2;     /* trained floats, AdamW only, else NULL */
    float *accumulated; /* trained floats; NULL when accumulate is 1 */
    float *average;     /* changing floats; NULL without ema_decay */
    int64_t step;       /* steps made */
    int pending;        /* batches in accumulated */
} dms_optimizer;

/* The average starts as params' values now: fill or load them first. */
dms_status dms_optimizer_create(dms_optimizer **out, dms_params *params,
                                const dms_optimizer_options *options,
                                dms_error *err);
void dms_optimizer_destroy(dms_optimizer *optimizer);

/* Bytes that create will take. */
size_t dms_optimizer_memory(const dms_params *params,
                            const dms_optimizer_options *options);

/* Take params->grad in; true: enough batches are there, call step now. */
bool dms_optimizer_add(dms_optimizer *optimizer);

/* One step at learning rate lr. Returns the gradient's global L2 norm before
 * clipping; when that is not finite nothing is changed but the batches are
 * dropped, and `step` does not grow. */
double dms_optimizer_step(dms_optimizer *optimizer, double lr);

/* What is evaluated and kept of row i, in its physical order: the average
 * where there is one, else the value itself, as of a frozen row. Borrowed. */
const float *dms_optimizer_weights(const dms_optimizer *optimizer, size_t i);

#endif
