/* One run's parts, shared by the files that make it go: the context of a run
 * (options, patients, schedule, clocks) and three structs in it, of which each
 * lives for the whole run: what a checkpoint holds (dms_train_state), graphs
 * and their weights (dms_train_nets), files (dms_train_outputs).
 *
 *     loop ──> setup ──> adapt ──> weights
 *      │        └───> metric
 *      ├─────> resume
 *      ├─────> epoch ──> step
 *      ├─────> validate
 *      └─────> outputs ──> run_folder
 *
 * Arrows go down only; below, the functions stand in the order of who is called
 * to who calls. A trainer is used by one thread at a time. */
#ifndef DMS_TRAIN_TRAINER_H
#define DMS_TRAIN_TRAINER_H

#include "base/clock.h"
#include "engine/engine.h"
#include "net/dmsnet.h"
#include "net/model_file.h"
#include "train/checkpoint.h"
#include "train/loss.h"
#include "train/patients.h"
#include "train/schedule.h"

/* What is computed with; all owned. */
typedef struct dms_train_nets {
    dms_params *params;      /* in the order that training wants */
    dms_params *eval_params; /* row-major; a copy made for each validation, of
                                frozen rows once */
    dms_optimizer *optimizer;
    dms_net *net;          /* whole batches; NULL: too few patients for one */
    dms_net *net_rest;     /* an epoch's last, smaller batch; NULL: none */
    dms_engine *validator; /* NULL without a validation split */
    bool has_maps;         /* the backbone's are computed once: the nets are
                              FROM_MAP */
    int rest;              /* patients in the last batch; 0: none or dropped */
    int64_t batches;       /* of an epoch */
    float *targets;        /* batch x K */
    float *eye_targets;    /* 2 batch x K */
} dms_train_nets;

/* What is written, and when it was. */
typedef struct dms_train_outputs {
    char *checkpoint_path, *best_path, *last_path; /* owned */
    bool resumes;            /* there is a checkpoint to go on from */
    bool last_is_ours;       /* last.safetensors holds this run's frozen rows */
    double checkpoint_clock; /* when the last checkpoint was written */
} dms_train_outputs;

typedef struct dms_trainer {
    const dms_train_options *options; /* borrowed */
    const dms_monitor *monitor;       /* borrowed */
    dms_model_config config; /* of the nets, the figures and the model files */
    dms_metric metric;       /* chooses the best epoch */
    dms_train_patients patients;
    bool augments; /* photographs, in training */
    dms_loss_options loss;
    double *pos_weight; /* owned: K of loss; NULL: none */
    dms_schedule schedule;
    double clock_start;      /* monotonic seconds when elapsed was 0 */
    double validate_seconds; /* how long the last validation took */
    dms_train_end end;

    dms_train_state state;
    dms_train_nets nets;
    dms_train_outputs outputs;
} dms_trainer;

/* trainer.c */

/* Seconds of the run, those before a resume included; while a run is being set
 * up, since the call. */
double dms_trainer_elapsed(const dms_trainer *trainer);

/* The schedule's learning rate at that step, or under a time limit at now. */
double dms_trainer_rate(const dms_trainer *trainer, int64_t step);

/* Everything that the trainer owns; of one that was set up in part, too. */
void dms_trainer_release(dms_trainer *trainer);

/* weights.c */

/* nets.params: fresh, a model file's, or fresh behind a pretrained backbone; of
 * a run that goes on, fresh until dms_trainer_resume. nets.eval_params: a table
 * for dms_train_weights_copy. */
dms_status dms_train_weights_make(dms_trainer *trainer, dms_error *err);

/* DMS_EFORMAT names a tensor that is not finite; name is for the message. */
dms_status dms_train_weights_check(const dms_params *params, const char *name,
                                   dms_error *err);

/* The averaged weights, or where there are none (as before there is an
 * optimiser) the weights, go to the evaluation's own table: those in training
 * are not touched. frozen: also those rows that have not changed since they
 * were copied at first. */
dms_status dms_train_weights_copy(dms_train_nets *nets, bool frozen,
                                  dms_error *err);

/* metric.c */

/* trainer->metric: the figure that is asked for, or the one that goes with the
 * labels. DMS_EINVAL where these labels have no such figure. */
dms_status dms_trainer_choose_metric(dms_trainer *trainer, dms_error *err);

/* After the split, and again when it is known who can be read. DMS_EINVAL where
 * the figure that is asked for is undefined on the validation patients, with
 * the labels that are the reason; a figure that was not asked for is warned of,
 * and so is that of a run that goes on. */
dms_status dms_trainer_check_metric(dms_trainer *trainer, dms_error *err);

/* setup.c */

/* Data, weights, networks, optimiser and schedule, from options and monitor;
 * says how much memory they take. */
dms_status dms_trainer_setup(dms_trainer *trainer, dms_error *err);

/* The frozen backbone's maps, where has_maps, by the weights in eval_params. */
dms_status dms_trainer_open_maps(dms_trainer *trainer, dms_error *err);

/* run_folder.c */

/* Make the folder, remove what a killed process left half-written. */
dms_status dms_run_folder_open(const char *path, dms_error *err);

/* A label set in a line, as the checkpoint and run.json have it. */
void dms_run_folder_labels(char *text, size_t capacity,
                           const dms_label_set *labels);

/* config.yaml and run.json. */
dms_status dms_run_folder_describe(const dms_trainer *trainer, dms_error *err);

/* outputs.c */

/* The paths in the run folder, and whether the run goes on there; nothing is
 * made or changed. DMS_EINVAL where options->resume does not fit what is found.
 */
dms_status dms_train_outputs_find(dms_trainer *trainer, dms_error *err);

/* last.safetensors, and best.safetensors where record is the best, of the
 * weights in eval_params. */
dms_status dms_train_outputs_write_models(dms_trainer *trainer,
                                          const dms_epoch_record *record,
                                          dms_error *err);

/* Write the checkpoint, and last.safetensors before the first one where frozen
 * rows are to be found there. */
dms_status dms_train_outputs_save(dms_trainer *trainer, dms_error *err);

/* resume.c */

/* State, weights and optimiser of the checkpoint. DMS_EMISMATCH names the first
 * option that differs from the checkpoint's and would change what is computed,
 * or the labels. */
dms_status dms_trainer_resume(dms_trainer *trainer, dms_error *err);

/* step.c */

/* Train on batch state.batch of epoch state.epoch, and count its patients and
 * loss. DMS_EINVAL says where the run diverged. */
dms_status dms_trainer_step(dms_trainer *trainer, dms_error *err);

/* epoch.c */

/* Train the batches of state.epoch from state.batch on. DMS_ESTOPPED after a
 * checkpoint; *time_over when the limit ended the epoch early. */
dms_status dms_trainer_run_epoch(dms_trainer *trainer, bool *time_over,
                                 dms_error *err);

/* validate.c */

/* Loss and figures of the validation split, on the weights in eval_params.
 * record: val_loss and metrics are set; NaN without such a split. */
dms_status dms_trainer_validate(dms_trainer *trainer, dms_epoch_record *record,
                                dms_error *err);

#endif
