/* Everything that an interrupted run needs to continue as if it had not been
 * interrupted: one safetensors file with all tensors that a step changes, in
 * row-major order, and the run's state as JSON in its metadata. One checksum
 * covers both.
 *
 *     model.<name>        weights and running statistics
 *     moment1.<name>      optimiser
 *     moment2.<name>      optimiser
 *     average.<name>      of weights and running statistics
 *     accumulated.<name>  gradients of a partial step, only within one
 *
 * None of them contains frozen rows: the state has their digest (frozen.h). */
#ifndef DMS_TRAIN_CHECKPOINT_H
#define DMS_TRAIN_CHECKPOINT_H

#include <stdint.h>

#include "dms/labels.h"
#include "dms/monitor.h"
#include "base/sha256.h"
#include "data/trained_on.h"
#include "train/metrics_log.h"
#include "train/optimizer.h"

/* How far a run has come. The optimiser keeps its own step and pending. */
typedef struct dms_train_state {
    int64_t epoch;         /* the epoch in training, from 0 */
    int64_t batch;         /* batches of this epoch already done */
    double loss_sum;       /* over those batches: loss times patients */
    int64_t patients_seen; /* in those batches */
    double epoch_seconds;  /* spent on those batches */
    double elapsed;        /* seconds of the whole run so far */
    double best_metric;    /* NaN if there is none yet */
    int64_t best_epoch;    /* from 1; 0: none */
    int64_t stale_epochs;  /* epochs since the best one */
    int64_t skipped_steps; /* steps skipped because a gradient was not finite */
    double limit_reached;  /* --time-limit that ended the run; 0: none has */
    int64_t unfrozen_step; /* steps done when --unfreeze-after took effect; 0:
                              it has not */
    uint64_t data_digest;  /* of split, labels and the photographs' identity */
    uint64_t frozen_digest; /* of the frozen rows; 0: there are none, or the
                               checkpoint is from dmsnet 0.1 and has them */
    char teacher[DMS_SHA256_TEXT]; /* of the teacher's model file; "": none */
    char options[16384];           /* the resolved options as YAML */
    /* dms_run_folder_labels; "": ODIR's, from a run of 0.1.0 */
    char labels[DMS_LABEL_TEXT_MAX + 16];
    dms_metrics_log log;   /* one record per finished epoch */
    dms_trained_on before; /* by the model that the run started from */
} dms_train_state;

/* Free what the state owns. */
void dms_train_state_release(dms_train_state *state);

/* Write path. The file that was there becomes path's previous one (see
 * dms_checkpoint_previous), so that at any moment one complete file exists.
 * DMS_EIO (full disk, no permission) leaves the old files unchanged. */
dms_status dms_checkpoint_write(const char *path, const dms_train_state *state,
                                const dms_optimizer *optimizer, dms_error *err);

/* Read only the state, after verifying the checksum. If the file is damaged or
 * missing, the previous one is used instead, with a warning; if that fails too,
 * the first failure is returned. state: zeroed before; the caller releases
 * it. */
dms_status dms_checkpoint_read_state(dms_train_state *state, const char *path,
                                     const dms_monitor *monitor,
                                     dms_error *err);

/* Bytes of tensors that a write now would store; it needs as much memory. */
size_t dms_checkpoint_bytes(const dms_optimizer *optimizer);

/* Read the tensors into the optimiser and its params, and step and pending;
 * frozen rows only if the state has no digest of them. DMS_EFORMAT names a
 * tensor with values that no run can continue from, DMS_EMISMATCH a tensor that
 * is missing or has another shape. */
dms_status dms_checkpoint_read_tensors(dms_optimizer *optimizer,
                                       const char *path, dms_error *err);

/* "run/checkpoint.safetensors.previous" (dms_free); NULL if out of memory. */
char *dms_checkpoint_previous(const char *path);

#endif
