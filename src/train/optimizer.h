/* From gradients to new weights, in loops over the flat buffers of dms_params.
 *
 * One step averages the gradients of `accumulate` batches, clips them to a
 * global norm, applies AdamW or SGD, and then updates the moving average of the
 * weights (and of the running statistics). A step never reads frozen rows.
 * create allocates everything; results do not depend on the number of
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
    double weight_decay; /* not applied to biases and norms */
    double momentum;     /* SGD */
    bool nesterov;       /* SGD */
    double beta1, beta2; /* AdamW; epsilon is 1e-8 */
    double backbone_lr;  /* factor on lr for names under "backbone." */
    double stage_decay;  /* applied once more for each stage before layer4 */
    double clip_norm;    /* 0: no clipping */
    double ema_decay;    /* 0: no average */
    int accumulate;      /* batches per step, >= 1 */
} dms_optimizer_options;

typedef struct dms_optimizer {
    dms_optimizer_options options;
    dms_params *params; /* borrowed; allocated with gradients */
    float *moment1;     /* trained floats: AdamW's mean, SGD's momentum */
    float *moment2;     /* trained floats; AdamW only, else NULL */
    float *accumulated; /* trained floats; NULL if accumulate is 1 */
    float *average;     /* changing floats; NULL without ema_decay */
    int64_t *begun;     /* per row: steps done before it was trained */
    int64_t step;       /* steps done */
    int pending;        /* batches in accumulated, 0 to accumulate */
} dms_optimizer;

/* The average starts as the current values of params: initialise or load them
 * first. */
dms_status dms_optimizer_create(dms_optimizer **out, dms_params *params,
                                const dms_optimizer_options *options,
                                dms_error *err);
void dms_optimizer_destroy(dms_optimizer *optimizer);

/* Bytes that create will allocate. */
size_t dms_optimizer_memory(const dms_params *params,
                            const dms_optimizer_options *options);

/* Train the held rows (dms_params_hold) from now on, after `step` steps: their
 * moments are zero, their average starts as their value, and AdamW corrects the
 * bias of their moments as if those steps had not been. */
void dms_optimizer_thaw(dms_optimizer *optimizer, int64_t step);

/* Add params->grad. Returns true if there are enough batches: call step now. */
bool dms_optimizer_add(dms_optimizer *optimizer);

/* Do one step at learning rate lr. Returns the gradient's global L2 norm before
 * clipping. If that is not finite, the batches are dropped, nothing else
 * changes, and `step` does not increase. */
double dms_optimizer_step(dms_optimizer *optimizer, double lr);

/* The values of row i that are evaluated and saved, in its physical order: the
 * average if there is one, else (also for a frozen row) the value itself.
 * Borrowed. */
const float *dms_optimizer_weights(const dms_optimizer *optimizer, size_t i);

#endif
