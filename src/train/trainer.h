/* One run's parts, shared by the files that make it go. */
#ifndef DMS_TRAIN_TRAINER_H
#define DMS_TRAIN_TRAINER_H

#include "base/clock.h"
#include "dms/model.h"
#include "engine/engine.h"
#include "net/dmsnet.h"
#include "net/model_file.h"
#include "train/checkpoint.h"
#include "train/loss.h"
#include "train/patients.h"
#include "train/schedule.h"

typedef struct dms_trainer {
    const dms_train_options *options; /* borrowed */
    const dms_monitor *monitor;       /* borrowed */
    dms_model_config config;          /* of the model files */
    dms_metric metric;
    dms_train_patients patients;
    dms_loss_options loss;
    double *pos_weight; /* owned: K of loss; NULL: none */
    dms_schedule schedule;
    bool resumes;  /* there is a checkpoint to go on from */
    bool augments; /* photographs, in training */
    bool has_maps; /* the backbone's are computed once: the nets are FROM_MAP */
    bool last_is_ours; /* last.safetensors holds this run's frozen rows */

    dms_params *params;      /* in the order that training wants */
    dms_params *eval_params; /* row-major; a copy made for each validation, of
                                frozen rows once */
    dms_optimizer *optimizer;
    dms_net *net;          /* whole batches; NULL: too few patients for one */
    dms_net *net_rest;     /* an epoch's last, smaller batch; NULL: none */
    dms_engine *validator; /* NULL without a validation split */
    int rest;              /* patients in the last batch; 0: none or dropped */
    int64_t batches;       /* of an epoch */
    float *targets;        /* batch x K */
    float *eye_targets;    /* 2 batch x K */

    dms_train_state state;
    double clock_start;      /* monotonic seconds when elapsed was 0 */
    double checkpoint_clock; /* when the last one was written */
    double validate_seconds; /* how long the last validation took */
    dms_train_end end;
    char *checkpoint_path, *best_path, *last_path; /* owned */
} dms_trainer;

/* Seconds of the run, those before a resume included. */
double dms_trainer_elapsed(const dms_trainer *trainer);

/* Data, weights, networks, optimiser and schedule, from options and monitor;
 * says how much memory they take. */
dms_status dms_trainer_setup(dms_trainer *trainer, dms_error *err);

/* The frozen backbone's maps, where has_maps, by the weights in eval_params. */
dms_status dms_trainer_open_maps(dms_trainer *trainer, dms_error *err);

/* Write the checkpoint, and last.safetensors before the first one where frozen
 * rows are to be found there. */
dms_status dms_trainer_save(dms_trainer *trainer, dms_error *err);

/* Train the batches of state.epoch from state.batch on. DMS_ESTOPPED after a
 * checkpoint; *time_over when the limit ended the epoch early. */
dms_status dms_trainer_run_epoch(dms_trainer *trainer, bool *time_over,
                                 dms_error *err);

/* Loss and figures of the validation split, on the weights in eval_params.
 * record: val_loss and metrics are set; NaN without such a split. */
dms_status dms_trainer_validate(dms_trainer *trainer, dms_epoch_record *record,
                                dms_error *err);

/* config.yaml and run.json. */
dms_status dms_run_folder_describe(const dms_trainer *trainer, dms_error *err);

/* A label set in a line, as the checkpoint and run.json have it. */
void dms_run_folder_labels(char *text, size_t capacity,
                           const dms_label_set *labels);

/* Make the folder, remove what a killed process left half-written. */
dms_status dms_run_folder_open(const char *path, dms_error *err);

/* DMS_EMISMATCH names the first option that differs from the checkpoint's
 * and would change what is computed, or the labels. */
dms_status dms_resume_check(const dms_train_state *state,
                            const dms_train_options *options,
                            const dms_label_set *labels, uint64_t data_digest,
                            dms_error *err);

#endif
