/* One run's parts, shared by the files that run it: the context (options,
 * patients, schedule, clocks) and three structs in it, each of which lives as
 * long as the run: the contents of a checkpoint (dms_train_state), graphs and
 * their weights (dms_train_nets), files (dms_train_outputs).
 *
 *     train ──> folds ──> loop
 *     loop ──> setup ──> adapt ──> weights ──> phase
 *      │        ├───> teacher ──> weights
 *      │        └───> metric
 *      ├─────> resume
 *      ├─────> nets ──> teacher, phase
 *      ├─────> epoch ──> step ──> teacher, events
 *      ├─────> validate
 *      ├─────> events
 *      ├─────> out_of_fold ──> validate
 *      └─────> outputs ──> events, run_folder
 *
 * Arrows only go down. Below, callees are declared before their callers. Only
 * one thread at a time uses a trainer. */
#ifndef DMS_TRAIN_TRAINER_H
#define DMS_TRAIN_TRAINER_H

#include "base/clock.h"
#include "base/sha256.h"
#include "engine/engine.h"
#include "formats/event_file.h"
#include "net/dmsnet.h"
#include "net/model_file.h"
#include "train/checkpoint.h"
#include "train/loss.h"
#include "train/patients.h"
#include "train/phase.h"
#include "train/schedule.h"

/* Graphs, weights and buffers of the computation; all owned. */
typedef struct dms_train_nets {
    dms_params *params;      /* in the layout that training uses */
    dms_params *eval_params; /* row-major; copied for each validation, frozen
                                rows only once */
    dms_optimizer *optimizer;
    dms_train_phase phase; /* of net and net_rest; size 0: before the first */
    dms_net *net;          /* full batches; NULL: too few patients for one */
    dms_net *net_rest;     /* for an epoch's last, smaller batch; NULL: none */
    dms_engine *validator; /* NULL without a validation split */
    bool has_maps;         /* the backbone's maps are computed once: the phase's
                              nets are FROM_MAP */
    int rest;              /* patients in the last batch; 0: none or dropped */
    int64_t batches;       /* per epoch */
    float *targets;        /* batch x K */
    float *eye_targets;    /* 2 batch x K */
} dms_train_nets;

/* Whose answers the student learns, and those of the batch at hand; all owned.
 * All zero: there is none. */
typedef struct dms_train_teacher {
    dms_model *model;
    dms_engine *engine;
    char digest[DMS_SHA256_TEXT]; /* of the model file; "": no teacher */
    float *patient_logits;        /* batch x K */
    float *eye_logits;            /* 2 batch x K, left eyes first */
    float *attention;             /* 2 batch x positions */
    size_t positions;             /* of an eye's map of attention; 0: the maps
                                     are not compared */
    float *scratch;               /* see dms_distil_scratch */
} dms_train_teacher;

/* What is gathered for TensorBoard; all owned. */
typedef struct dms_train_events {
    dms_event_file *file; /* NULL: not asked for, or a write has failed */
    int64_t step;         /* of the optimiser, at the last event of a step */
    double loss_sum;      /* since then */
    int64_t patients;     /* since then */
    double *label_auc;    /* K, of the last validation; NaN: undefined; NULL:
                             not asked for */
} dms_train_events;

/* The files that are written, and when. */
typedef struct dms_train_outputs {
    char *checkpoint_path, *best_path, *last_path; /* owned */
    bool resumes;            /* there is a checkpoint to resume from */
    bool last_is_ours;       /* last.safetensors holds this run's frozen rows */
    double checkpoint_clock; /* when the last checkpoint was written */
    dms_train_events events;
} dms_train_outputs;

struct dms_out_of_fold; /* train/out_of_fold.h */

typedef struct dms_trainer {
    const dms_train_options *options; /* borrowed */
    const dms_monitor *monitor;       /* borrowed */
    dms_model_config config; /* of the nets, the figures and the model files */
    dms_metric metric;       /* selects the best epoch */
    dms_train_patients patients;
    bool augments; /* photographs, during training */
    dms_loss_options loss;
    double *pos_weight; /* owned: K, for loss; NULL: none */
    dms_schedule schedule;
    double clock_start;      /* monotonic clock in seconds when elapsed was 0 */
    double validate_seconds; /* duration of the last validation */
    dms_train_end end;

    dms_train_state state;
    dms_train_nets nets;
    dms_train_teacher teacher;
    dms_train_outputs outputs;
} dms_trainer;

/* trainer.c */

/* Seconds of the run, including those before a resume; during setup, seconds
 * since the call. */
double dms_trainer_elapsed(const dms_trainer *trainer);

/* The schedule's learning rate at that step, or, under a time limit, at the
 * current time. */
double dms_trainer_rate(const dms_trainer *trainer, int64_t step);

/* Free everything that the trainer owns, also if it is only partly set up. */
void dms_trainer_release(dms_trainer *trainer);

/* weights.c */

/* Create nets.params: fresh weights, a model file's, or fresh ones after a
 * pretrained backbone; for a resumed run, fresh until dms_trainer_resume. Also
 * create nets.eval_params, the table for dms_train_weights_copy. */
dms_status dms_train_weights_make(dms_trainer *trainer, dms_error *err);

/* Freeze the backbone up to that part for some time (dms_params_hold), and
 * train the rest of it. */
void dms_train_weights_hold(dms_params *params, dms_freeze part);

/* If state.epoch is the first that trains what --freeze froze: begin to. The
 * nets must be made again before their next step. */
dms_status dms_train_weights_thaw(dms_trainer *trainer, dms_error *err);

/* DMS_EMISMATCH unless the labels of the model file at path are the run's. */
dms_status dms_train_labels_check(const dms_trainer *trainer, const char *path,
                                  const dms_label_set *found, dms_error *err);

/* DMS_EFORMAT names a tensor that is not finite; name is for the message. */
dms_status dms_train_weights_check(const dms_params *params, const char *name,
                                   dms_error *err);

/* Copy the averaged weights to the evaluation's own table, or the weights
 * themselves if there is no average (as before there is an optimiser). The
 * weights in training are unchanged. frozen: also copy the rows that have not
 * changed since the first copy. */
dms_status dms_train_weights_copy(dms_train_nets *nets, bool frozen,
                                  dms_error *err);

/* teacher.c */

/* Open options->teacher, if there is one. DMS_EMISMATCH if its labels or its
 * photographs' preparation are not the student's. */
dms_status dms_train_teacher_open(dms_trainer *trainer, dms_error *err);

/* Then, when it is known how many patients train: make what
 * dms_train_teacher_look needs. */
dms_status dms_train_teacher_start(dms_trainer *trainer, dms_error *err);
void dms_train_teacher_close(dms_train_teacher *teacher);

/* Are maps compared in the phase at hand: is there a teacher with teacher-maps,
 * and is the student's last stage trained? */
bool dms_train_teacher_maps(const dms_trainer *trainer);

/* Run the teacher, if there is one, on a batch of the student's: images as in
 * dms_net_images, after augmentation and mixing; NULL: the photographs of
 * places as they are. DMS_EFORMAT if it has no answer. */
dms_status dms_train_teacher_look(dms_trainer *trainer, const float *images,
                                  const size_t *places, int patients,
                                  dms_error *err);

/* After dms_train_teacher_look and the student's forward: add the teacher's
 * losses to that of the labels, and to the gradients in net. Returns the
 * sum. */
double dms_train_teacher_loss(dms_trainer *trainer, dms_net *net, int patients,
                              double loss);

/* metric.c */

/* Set trainer->metric: the metric that was asked for, or the labels' default.
 * DMS_EINVAL if these labels do not have such a metric. */
dms_status dms_trainer_choose_metric(dms_trainer *trainer, dms_error *err);

/* Call after the split, and again when it is known which patients can be read.
 * DMS_EINVAL if the metric that was asked for is undefined on the validation
 * patients, in the first call also on those of another fold; the message names
 * the labels that are the reason. A default metric, and the metric of a resumed
 * run, only cause a warning. */
dms_status dms_trainer_check_metric(dms_trainer *trainer, dms_error *err);

/* setup.c */

/* Create data, weights, optimiser and schedule from options and monitor. */
dms_status dms_trainer_setup(dms_trainer *trainer, dms_error *err);

/* nets.c */

/* The settings with which the backbone is trained, or its maps are computed. */
dms_compute dms_train_compute(const dms_train_options *options);

/* Make the nets and the validator for state.epoch, unless those that there are
 * will do. The first call reports how much memory the run needs at most.
 * DMS_ENOMEM if its largest nets do not fit. */
dms_status dms_train_nets_enter(dms_trainer *trainer, dms_error *err);

/* If has_maps: open the frozen backbone's maps, from the weights in
 * eval_params. */
dms_status dms_trainer_open_maps(dms_trainer *trainer, dms_error *err);

/* run_folder.c */

/* Create the folder, check that it can be written to, and remove what a killed
 * process left half-written. */
dms_status dms_run_folder_open(const char *path, dms_error *err);

/* Write a label set in one line, as the checkpoint and run.json have it. */
void dms_run_folder_labels(char *text, size_t capacity,
                           const dms_label_set *labels);

/* Write config.yaml and run.json. */
dms_status dms_run_folder_describe(const dms_trainer *trainer, dms_error *err);

/* events.c: event files for TensorBoard. Without --tensorboard, and after a
 * write has failed, these do nothing. */

/* Create a file in the run folder's folder tensorboard. Call after resuming. */
dms_status dms_train_events_open(dms_trainer *trainer, dms_error *err);

/* A batch of so many patients has been trained on; loss is their mean, lr the
 * rate of a step of the optimiser if it has made one. */
void dms_train_events_batch(dms_trainer *trainer, int patients, double loss,
                            double lr);

/* The epoch of this record has been validated. */
void dms_train_events_epoch(dms_trainer *trainer,
                            const dms_epoch_record *record);

/* Append what has been gathered. Call after a checkpoint, which then contains
 * all steps that the file tells of: a resumed run repeats none. (A run that is
 * killed between the two lacks these events.) A failure is a warning, after
 * which no more is written. */
void dms_train_events_flush(dms_trainer *trainer);

void dms_train_events_close(dms_train_events *events);

/* outputs.c */

/* Set the paths in the run folder, and whether the run resumes there; nothing
 * is created or changed. DMS_EINVAL if options->resume does not match what is
 * found. */
dms_status dms_train_outputs_find(dms_trainer *trainer, dms_error *err);

/* Write last.safetensors, and best.safetensors if record is the best, from the
 * weights in eval_params. */
dms_status dms_train_outputs_write_models(dms_trainer *trainer,
                                          const dms_epoch_record *record,
                                          dms_error *err);

/* Write the checkpoint. Before the first one also write last.safetensors, if
 * frozen rows are to be read from it. */
dms_status dms_train_outputs_save(dms_trainer *trainer, dms_error *err);

/* resume.c */

/* If the run resumes: restore the state from the checkpoint, before anything is
 * set up. DMS_EINVAL names the first option that differs from the checkpoint's
 * and would change what is computed. */
dms_status dms_trainer_resume_state(dms_trainer *trainer, dms_error *err);

/* Restore weights and optimiser from the checkpoint. DMS_EMISMATCH: the labels
 * or the data are not those of the state. */
dms_status dms_trainer_resume(dms_trainer *trainer, dms_error *err);

/* step.c */

/* Train on batch state.batch of epoch state.epoch, and add its patients and
 * loss. DMS_EINVAL says where the run diverged. */
dms_status dms_trainer_step(dms_trainer *trainer, dms_error *err);

/* epoch.c */

/* Train the batches of state.epoch from state.batch on. DMS_ESTOPPED after a
 * checkpoint; *time_over is set if the limit ended the epoch early. */
dms_status dms_trainer_run_epoch(dms_trainer *trainer, bool *time_over,
                                 dms_error *err);

/* validate.c */

/* Compute loss and figures of the validation split, with the weights in
 * eval_params. record: val_loss and metrics are set; NaN without such a
 * split. */
dms_status dms_trainer_validate(dms_trainer *trainer, dms_epoch_record *record,
                                dms_error *err);

/* Predict the validation patients, of whom there is at least one, with the
 * weights in eval_params.
 *
 * probabilities, labels  out: val_count x K each */
dms_status dms_trainer_answer(double *probabilities, uint8_t *labels,
                              dms_trainer *trainer, dms_error *err);

/* loop.c */

/* One run, as dms_train describes it, with its fold's patients held out if
 * options->folds is set.
 *
 * held_out  collects the best model's predictions of them at the end; or NULL
 */
dms_status dms_trainer_run(dms_train_result **out,
                           const dms_train_options *options,
                           const dms_monitor *monitor,
                           struct dms_out_of_fold *held_out, dms_error *err);

/* folds.c */

/* All folds, one after another. */
dms_status dms_trainer_run_folds(dms_train_result **out,
                                 const dms_train_options *options,
                                 const dms_monitor *monitor, dms_error *err);

#endif
