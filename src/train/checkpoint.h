/* Everything that a broken run needs to go on as if it had not been broken:
 * one safetensors file of all tensors that a step changes, in row-major order,
 * and the run's state as JSON in its metadata, both under one checksum.
 *
 *     model.<name>        weights and running statistics
 *     moment1.<name>      optimiser
 *     moment2.<name>      optimiser
 *     average.<name>      of weights and running statistics
 *     accumulated.<name>  gradients of a partial step, within one only
 *
 * Frozen rows are in none of them: the state has their digest (frozen.h). */
#ifndef DMS_TRAIN_CHECKPOINT_H
#define DMS_TRAIN_CHECKPOINT_H

#include <stdint.h>

#include "dms/labels.h"
#include "dms/monitor.h"
#include "data/trained_on.h"
#include "train/metrics_log.h"
#include "train/optimizer.h"

/* Where a run is. The optimiser's step and pending are kept beside it. */
typedef struct dms_train_state {
    int64_t epoch;          /* being trained, from 0 */
    int64_t batch;          /* batches of it already done */
    double loss_sum;        /* of those batches, times their patients */
    int64_t patients_seen;  /* in those batches */
    double epoch_seconds;   /* spent on those batches */
    double elapsed;         /* seconds of the whole run so far */
    double best_metric;     /* NaN while there is none */
    int64_t best_epoch;     /* from 1; 0: none */
    int64_t stale_epochs;   /* since the best one */
    int64_t skipped_steps;  /* with a gradient that was not finite */
    uint64_t data_digest;   /* of split, labels and pictures' identity */
    uint64_t frozen_digest; /* of the frozen rows; 0: there are none, or the
                               checkpoint is of dmsnet 0.1 and holds them */
    char options[16384];    /* the resolved options as YAML */
    /* dms_run_folder_labels; "": ODIR's, of a run of 0.1.0 */
    char labels[DMS_LABEL_TEXT_MAX + 16];
    dms_metrics_log log;   /* one record for each finished epoch */
    dms_trained_on before; /* by the model that the run began with */
} dms_train_state;

/* What a state owns. */
void dms_train_state_release(dms_train_state *state);

/* Write path; the file that lay there becomes path's previous one (see
 * dms_checkpoint_previous), so that one whole file exists at any moment.
 * DMS_EIO (full disk, no permission) leaves the old files as they are. */
dms_status dms_checkpoint_write(const char *path, const dms_train_state *state,
                                const dms_optimizer *optimizer, dms_error *err);

/* Read the state alone, the checksum verified. A damaged or missing file is
 * replaced by the previous one, with a warning; without that either, the
 * first failure is returned. state: initialised with zeros; released by the
 * caller. */
dms_status dms_checkpoint_read_state(dms_train_state *state, const char *path,
                                     const dms_monitor *monitor,
                                     dms_error *err);

/* Bytes of tensors that are written now; writing takes as much memory. */
size_t dms_checkpoint_bytes(const dms_optimizer *optimizer);

/* Read the tensors into the optimiser and its params, and step and pending;
 * frozen rows only where the state has no digest of them. DMS_EFORMAT names a
 * tensor whose values no run can go on from, DMS_EMISMATCH a
 * tensor that is missing or of another shape. */
dms_status dms_checkpoint_read_tensors(dms_optimizer *optimizer,
                                       const char *path, dms_error *err);

/* "run/checkpoint.safetensors.previous" (dms_free), NULL without memory. */
char *dms_checkpoint_previous(const char *path);

#endif
