/* Training: from a folder of photographs and a table to a model file.
 *
 *     dms_train_options *o = NULL;
 *     dms_train_result *result = NULL;
 *     const dms_option_table *table = dms_train_option_table();
 *
 *     if (dms_train_options_create(&o, &err) == DMS_OK &&
 *         dms_options_set(o, table, "data", "odir384", &err) == DMS_OK &&
 *         dms_options_set(o, table, "run", "runs/first", &err) == DMS_OK) {
 *         o->backbone = DMS_BACKBONE_RESNET18;
 *         if (dms_train(&result, o, NULL, &err) == DMS_OK)
 *             printf("best: epoch %d\n", result->best_epoch);
 *     }
 *     dms_train_result_destroy(result);
 *     dms_train_options_destroy(o);
 *
 * The run folder then contains best.safetensors and last.safetensors (model
 * files), checkpoint.safetensors (to resume from) and the checkpoint before it,
 * config.yaml, run.json, metrics.jsonl, metrics.csv and curves.svg; that of a
 * run with folds contains such a folder for each of them. A checkpoint does not
 * contain a frozen backbone: resuming reads that from last.safetensors.
 *
 * Threads: every function here may be called from any thread; only one call at
 * a time may use a run folder. */
#ifndef DMS_TRAIN_H
#define DMS_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/architecture.h"
#include "dms/compute.h"
#include "dms/data.h"
#include "dms/image.h"
#include "dms/metrics.h"
#include "dms/monitor.h"
#include "dms/option.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* How many labels a patient can have. */
typedef enum dms_train_task {
    DMS_TRAIN_TASK_AUTO,         /* as the label set's kind says */
    DMS_TRAIN_TASK_MULTI_LABEL,  /* any number */
    DMS_TRAIN_TASK_SINGLE_LABEL, /* exactly one, whatever the set's kind */
} dms_train_task;

/* The loss of a multi-label task. A single-label task always uses softmax
 * cross-entropy. */
typedef enum dms_loss_kind {
    DMS_LOSS_BCE,       /* binary cross-entropy */
    DMS_LOSS_FOCAL,     /* Lin et al. 2017 */
    DMS_LOSS_ASYMMETRIC /* Ridnik et al. 2021 */
} dms_loss_kind;

typedef enum dms_optimizer_kind {
    DMS_OPTIMIZER_ADAMW, /* Loshchilov & Hutter 2019, like torch.optim.AdamW */
    DMS_OPTIMIZER_SGD /* momentum, coupled weight decay, like torch.optim.SGD */
} dms_optimizer_kind;

typedef enum dms_schedule_kind {
    DMS_SCHEDULE_COSINE,   /* to 0, after a linear warm-up */
    DMS_SCHEDULE_ONECYCLE, /* cosine up over the first 30 %, then cosine down */
    DMS_SCHEDULE_STEP,     /* times step_factor every step_epochs */
    DMS_SCHEDULE_CONSTANT
} dms_schedule_kind;

/* How single-label training treats patients that have several labels. */
typedef enum dms_several_labels {
    DMS_SEVERAL_LEAVE_OUT, /* leave them out and count them */
    DMS_SEVERAL_RAREST     /* use their label that is rarest in the data set */
} dms_several_labels;

/* What to do if the run folder already has a run, or has none. */
typedef enum dms_train_resume {
    DMS_TRAIN_RESUME_NO,  /* start; refuse a folder that has a run */
    DMS_TRAIN_RESUME_YES, /* resume from the checkpoint; start from the
                             beginning only if a run stopped in this folder
                             before its first checkpoint */
    DMS_TRAIN_RESUME_AUTO /* resume if the folder has a run, else start */
} dms_train_resume;

/* The last part of the backbone that is frozen; all before it are too. */
typedef enum dms_freeze {
    DMS_FREEZE_NONE,
    DMS_FREEZE_STEM,
    DMS_FREEZE_STAGE1, /* torchvision's layer1 */
    DMS_FREEZE_STAGE2,
    DMS_FREEZE_STAGE3,
    DMS_FREEZE_STAGE4 /* the whole backbone */
} dms_freeze;

/* How the patients of an epoch are drawn (docs/training.md). Class k of the n_k
 * patients with label k has the share n_k^q / (sum over j of n_j^q). */
typedef enum dms_sampling {
    DMS_SAMPLING_NATURAL,  /* each patient once */
    DMS_SAMPLING_BALANCED, /* q = 0: equal shares */
    DMS_SAMPLING_SQRT      /* q = 1/2 */
} dms_sampling;

/* "bce", "adamw", "cosine", "leave-out", ...; NULL out of range. */
const char *dms_loss_kind_name(int kind);
const char *dms_optimizer_kind_name(int kind);
const char *dms_schedule_kind_name(int kind);
const char *dms_several_labels_name(int value);
const char *dms_freeze_name(int freeze);     /* "none", "stem", "stage1", ... */
const char *dms_sampling_name(int sampling); /* "natural", "balanced", "sqrt" */

/* "auto"; NULL out of range. */
const char *dms_train_task_name(int task);

/* "false", "true", "auto"; NULL out of range. */
const char *dms_train_resume_name(int resume);

/* All options of a run, described by dms_train_option_table and created by
 * dms_train_options_create. The struct owns its strings: set them with
 * dms_options_set (option.h), never by assignment. Other fields may be set
 * either way. */
typedef struct dms_train_options {
    char *data;   /* folder or table */
    char *images; /* "": beside the table */
    char *labels; /* as dms_label_set_parse reads them; "": those that
                     dms_dataset_open finds */
    char *run;    /* run folder, created if missing */
    char *cache;  /* "": the run folder */
    char *init;   /* model file to start from, or "" */
    /* A file to start the backbone from, of any kind that dms_model_import
     * reads (import.h), or "". */
    char *pretrained;
    /* Number of batches on which the running statistics of the batch norms,
     * also those of a frozen backbone, are re-estimated before the first step
     * (AdaBN, arXiv 1603.04779). 0: they are used as they are. */
    int adapt_norms;
    dms_train_resume resume;

    dms_backbone backbone;
    dms_context context;
    dms_fusion fusion;
    dms_eyes eyes;
    dms_train_task task;
    int width;
    int size;
    bool zero_init_residual;
    double dropout;

    int epochs;
    int batch;      /* patients per batch */
    int accumulate; /* batches per step */
    dms_optimizer_kind optimizer;
    double lr;
    /* Factor on lr for the backbone. 0: the backbone is frozen and its norms
     * use their running statistics, as with freeze = STAGE4. Without augment
     * its maps are then computed once and stored in the cache folder, and a
     * step runs only the layers after it. */
    double backbone_lr;
    /* Factor on the backbone's learning rate from each stage to the one before
     * it: layer4 to layer3 to layer2 to layer1 to the stem. 1: equal rates. */
    double stage_decay;
    double weight_decay;
    double momentum;
    bool nesterov;
    double beta1, beta2;
    dms_schedule_kind schedule;
    double warmup; /* epochs */
    double step_epochs;
    double step_factor;
    double clip_norm; /* 0: no clipping */
    double ema_decay; /* 0: no moving average */

    dms_loss_kind loss;
    double focal_gamma, focal_alpha; /* alpha < 0: no class balancing */
    double gamma_pos, gamma_neg, clip;
    bool pos_weight; /* weight positives by the ratio of negatives to positives
                        in the training split */
    double smoothing;
    double eye_weight;
    dms_several_labels several;

    bool crop;
    dms_filter filter;
    dms_enhance enhance;

    bool augment; /* false: the rest of this group is ignored */
    bool flip_horizontal, flip_vertical;
    double rotation, scale, shift; /* degrees, fractions */
    double brightness, contrast, saturation, gamma;
    double blur, cutout; /* probabilities */
    double colour;       /* largest change of a channel's gain */
    double resolution; /* probability of reducing the detail to that of an image
                          of 1/4 to 2/3 the size */
    double mixup; /* alpha of Beta(alpha, alpha); mixes both eyes of a patient
                     with those of another (arXiv 1710.09412); 0: no mixup */

    double val, test; /* fractions of the patients */
    bool split_override;
    uint64_t seed;

    int threads; /* 0: OMP_NUM_THREADS, else all cores */
    /* Precision of the backbone's maps and gradients. Weights, statistics,
     * losses, the modules after the backbone and validation are always float32
     * (but validation reads the stored maps of a frozen backbone). */
    dms_precision precision;
    dms_winograd winograd;       /* auto: on */
    bool deterministic;          /* as in dms_compute */
    bool checkpoint_activations; /* recompute most activations in backward: less
                                    memory, more time, bit-identical results */
    int patience;      /* epochs without improvement; 0: no early stopping */
    char *metric;      /* selects the best epoch and drives early stopping; "":
                          dms_metric_default of the labels */
    double time_limit; /* seconds; 0: no limit */
    double checkpoint_interval; /* seconds between checkpoints in an epoch */
    char *encoding;             /* of a text table; "": detected (data.h) */
    /* Also write event files for TensorBoard, to the folder tensorboard in the
     * run folder. If a file cannot be created, dms_train fails before it
     * trains; if it cannot be written later, the monitor gets a warning and
     * training goes on. */
    bool tensorboard;
    /* The part of the backbone that is not trained, in the first unfreeze_after
     * epochs or, if that is 0, in all. Its norms use their running statistics,
     * and no gradient is computed in it. */
    dms_freeze freeze;
    int unfreeze_after;
    /* Side of the training photographs in the first epoch, a multiple of 32; it
     * grows by 32 to size. 0: always size. Validation is always at size. */
    int start_size;
    dms_sampling sampling; /* of training patients */
    double cutmix; /* alpha of Beta(alpha, alpha): replaces a rectangle of
                      both eyes by another patient's (arXiv 1905.04899); with
                      mixup too, each batch has one of the two; 0: off */
    /* 2 to 20: cross-validation over the training patients (dms_train); 0: one
     * run. */
    int folds;
    int fold; /* 1 to folds: only that fold, in `run` itself; 0: all of them */
    /* A model file of the same labels whose answers to each batch are learnt
     * beside the labels, or "". Total loss: (1 - teacher_weight) labels' +
     * teacher_weight teacher's + teacher_maps maps' (docs/training.md). */
    char *teacher;
    double teacher_weight;      /* 0 to 1 */
    double teacher_temperature; /* divides logits: softer answers */
    double teacher_maps;        /* weight of attention transfer (arXiv
                                   1612.03928); 0: none */
} dms_train_options;

/* The description of the options; never NULL. */
const dms_option_table *dms_train_option_table(void);

/* Create options with the table's defaults. DMS_ENOMEM. */
dms_status dms_train_options_create(dms_train_options **out, dms_error *err);
void dms_train_options_destroy(dms_train_options *options); /* accepts NULL */

/* Check that every field is in range and that the fields are consistent.
 * DMS_EINVAL: the message names the first field that is not. */
dms_status dms_train_options_check(const dms_train_options *options,
                                   dms_error *err);

typedef enum dms_train_end {
    DMS_TRAIN_END_EPOCHS,
    DMS_TRAIN_END_TIME,   /* the time limit */
    DMS_TRAIN_END_EARLY,  /* no improvement for `patience` epochs */
    DMS_TRAIN_END_STOPPED /* the monitor asked to stop; DMS_ESTOPPED */
} dms_train_end;

/* "all epochs done", "time limit", "early stopping", "stopped"; NULL out of
 * range. */
const char *dms_train_end_name(int end);

/* Created by dms_train, destroyed by dms_train_result_destroy. May grow at its
 * end. */
typedef struct dms_train_result {
    dms_train_end end;
    int epochs;    /* validated epochs, including those before a resume */
    int64_t steps; /* of the optimiser, including those before a resume */
    double seconds;
    int best_epoch;     /* from 1; 0: no epoch was validated */
    double best_metric; /* NaN if undefined */
    double train_loss;  /* of the last epoch */
    double val_loss;    /* of the last epoch; NaN without a validation split */
    dms_metric metric;  /* which best_metric is */
    /* Of a run with folds; else 0 and NULL. Then epochs, steps and seconds are
     * sums over the folds, best_epoch is 0, best_metric is the mean of the
     * folds', and the losses are NaN. */
    int fold_count; /* those that were begun */
    struct dms_train_result **folds;
    double metric_deviation; /* of the folds' best_metric (n - 1); NaN: fewer
                                than two */
    double out_of_fold;      /* the metric of RUN/out-of-fold.csv; NaN until all
                                folds have ended */
} dms_train_result;
void dms_train_result_destroy(dms_train_result *result); /* accepts NULL */

/* Train, validate after each epoch, keep the best and the last model.
 *
 * out  the result, which the caller destroys; set on DMS_OK and DMS_ESTOPPED,
 *      otherwise unchanged; may be NULL
 * DMS_ESTOPPED: the monitor asked to stop. The run folder then has a
 * checkpoint, and options->resume continues from it, bit for bit as if training
 * had not been stopped (same threads, no time limit).
 * DMS_EMISMATCH: labels or data differ from the checkpoint's, or the model to
 * start from has other labels or another architecture; the message names them.
 * DMS_EINVAL also if an option differs from the checkpoint's and would change
 * what is computed, or if options->resume does not match the run folder: it
 * already has a run, or has none, or has models of a run without its
 * checkpoint. Such models are never overwritten.
 * With options->folds the training patients are divided into as many parts, by
 * patient and stratified like the splits; validation patients of the split take
 * no part. Fold k is an ordinary run in RUN/foldk that is validated on part k
 * and trained on the others. RUN/out-of-fold.csv then has each training
 * patient's probabilities, in the form of predictions.csv, from the best model
 * of the fold that the patient was held out of. Folds share the prepared
 * photographs. Resuming goes on with the first fold that has not ended; a time
 * limit holds for each fold.
 * DMS_EIO, DMS_EFORMAT, DMS_ENOMEM. */
dms_status dms_train(dms_train_result **out, const dms_train_options *options,
                     const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
