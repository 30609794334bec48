/* The single table of training options: names, ranges, defaults and help.
 * Relies on options_check.c for rules that concern several options. */
#include <stddef.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "dms/train.h"

#define FIELD(member) DMS_OPTION_FIELD(dms_train_options, member)
#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))

/* dms_option.choice takes a function of an int; an enum parameter has another
 * type. */
static const char *backbone_name(int i)
{
    return dms_backbone_name((dms_backbone)i);
}

static const char *context_name(int i)
{
    return dms_context_name((dms_context)i);
}

static const char *fusion_name(int i)
{
    return dms_fusion_name((dms_fusion)i);
}

static const char *eyes_name(int i)
{
    return dms_eyes_name((dms_eyes)i);
}

static const char *filter_name(int i)
{
    return dms_filter_name((dms_filter)i);
}

static const char *enhance_name(int i)
{
    return dms_enhance_name((dms_enhance)i);
}

/* The recipe: it trains from scratch on a few thousand patients in half an hour
 * on two cores (resnet18, 128 to 160 px), or on a small set in minutes. */
static const dms_train_options defaults = {
    .run = "run",
    .backbone = DMS_BACKBONE_RESNET152,
    .width = 512,
    .size = 224,
    .dropout = 0.5,
    .epochs = 60,
    .batch = 32,
    .accumulate = 1,
    .optimizer = DMS_OPTIMIZER_ADAMW,
    .lr = 1e-3,
    .backbone_lr = 1,
    .stage_decay = 1,
    .weight_decay = 0.05,
    .momentum = 0.9,
    .beta1 = 0.9,
    .beta2 = 0.999,
    .schedule = DMS_SCHEDULE_ONECYCLE,
    .warmup = 1,
    .step_epochs = 20,
    .step_factor = 0.1,
    .clip_norm = 5,
    .ema_decay = 0.995,
    .focal_gamma = 2,
    .focal_alpha = 0.25,
    .gamma_neg = 4,
    .clip = 0.05,
    .eye_weight = 0.3,
    .crop = true,
    .filter = DMS_FILTER_BICUBIC,
    .augment = true,
    .flip_horizontal = true,
    .flip_vertical = true,
    .rotation = 20,
    .scale = 0.1,
    .shift = 0.05,
    .brightness = 0.15,
    .contrast = 0.15,
    .saturation = 0.15,
    .gamma = 0.1,
    .teacher_weight = 0.5,
    .teacher_temperature = 2,
    .val = 0.15,
    .seed = 1,
    .checkpoint_interval = 300,
};

#define FLAG(name_, member, help_)                                             \
    {                                                                          \
        .name = name_, .type = DMS_OPTION_FLAG, FIELD(member), .help = help_   \
    }
#define INT(name_, member, min_, max_, unit_, help_)                           \
    {                                                                          \
        .name = name_, .type = DMS_OPTION_INT, FIELD(member), .min = min_,     \
        .max = max_, .unit = unit_, .help = help_                              \
    }
#define REAL(name_, member, min_, max_, unit_, help_)                          \
    {                                                                          \
        .name = name_, .type = DMS_OPTION_REAL, FIELD(member), .min = min_,    \
        .max = max_, .unit = unit_, .help = help_                              \
    }
#define TEXT(name_, member, unit_, help_)                                      \
    {                                                                          \
        .name = name_, .type = DMS_OPTION_TEXT, FIELD(member), .unit = unit_,  \
        .help = help_                                                          \
    }
#define CHOICE(name_, member, choice_, help_)                                  \
    {                                                                          \
        .name = name_, .type = DMS_OPTION_CHOICE, FIELD(member),               \
        .choice = choice_, .help = help_                                       \
    }

static const dms_option options[] = {
    {.name = "data",
     .section = "Data",
     .letter = 'd',
     .type = DMS_OPTION_TEXT,
     FIELD(data),
     .unit = "DIR",
     .help = "folder with photographs and table, or the table itself"},
    TEXT("images", images, "DIR",
         "folder of the photographs, if they are not beside the table"),
    TEXT("encoding", encoding, "NAME",
         "text encoding of a .csv table: utf-8, utf-16le, utf-16be, gb18030 or "
         "windows-1252; empty: recognised from its bytes and keywords"),
    TEXT("labels", labels, "LABELS",
         "what to learn: a,b,c (columns of 0 and 1; any of them), "
         "grade=none,mild,severe (a column of classes in this order; one of "
         "them), or a YAML file; empty: ODIR's N to O, or the grades of "
         "EyePACS or APTOS, whichever the table has"),
    {.name = "run",
     .letter = 'o',
     .type = DMS_OPTION_TEXT,
     FIELD(run),
     .unit = "DIR",
     .help = "run folder: models, metrics, checkpoint"},
    TEXT("cache", cache, "DIR",
         "folder of the prepared photographs and of a frozen backbone's "
         "feature maps; empty: the run folder"),
    REAL("val", val, 0, 0.5, "of patients",
         "validation share, if the table has no split column"),
    REAL("test", test, 0, 0.5, "of patients",
         "test share, kept apart, if the table has no split column"),
    FLAG("split-override", split_override, "ignore the table's split column"),
    {.name = "folds",
     .type = DMS_OPTION_INT,
     FIELD(folds),
     .min = 0,
     .max = 20,
     .word = "none",
     .help = "cross-validation: divide the training patients into so many "
             "parts and train a model without each of them, in the folders "
             "fold1, fold2, ... of --run"},
    {.name = "fold",
     .type = DMS_OPTION_INT,
     FIELD(fold),
     .min = 0,
     .max = 20,
     .word = "all",
     .help = "train only this one of the folds, in --run itself"},
    CHOICE("several-labels", several, dms_several_labels_name,
           "with --task single-label: what to do with patients who have "
           "several labels"),

    {.name = "backbone",
     .section = "Model",
     .type = DMS_OPTION_CHOICE,
     FIELD(backbone),
     .choice = backbone_name,
     .help = "network that turns a photograph into a feature map"},
    {.name = "context",
     .type = DMS_OPTION_CHOICE,
     FIELD(context),
     .choice = context_name,
     .help = "multi-scale context module"},
    {.name = "fusion",
     .type = DMS_OPTION_CHOICE,
     FIELD(fusion),
     .choice = fusion_name,
     .help = "how the two eyes' features are combined"},
    {.name = "eyes",
     .type = DMS_OPTION_CHOICE,
     FIELD(eyes),
     .choice = eyes_name,
     .help = "eyes that the model uses; left or right: that eye stands in for "
             "both"},
    CHOICE("task", task, dms_train_task_name,
           "any number of findings per patient, or exactly one; auto: decided "
           "by the labels"),
    INT("width", width, 16, 2048, "channels",
        "width D of the context and fusion modules; a multiple of 16"),
    INT("size", size, 32, 2048, "px", "side S of the preprocessed photographs"),
    REAL("dropout", dropout, 0, 0.95, NULL,
         "dropout before the patient's head"),
    FLAG("zero-init-residual", zero_init_residual,
         "initialise residual blocks as identities"),
    TEXT("init", init, "MODEL", "model to start from: file or name"),
    TEXT("pretrained", pretrained, "FILE",
         "backbone weights to start from: a .pth or safetensors file that "
         "dmsnet import accepts"),
    INT("adapt-norms", adapt_norms, 0, 100000, "batches",
        "batches on which to re-estimate the batch norms' statistics before "
        "training, for weights from other kinds of images; 0: none"),

    {.name = "crop",
     .section = "Photographs",
     .type = DMS_OPTION_FLAG,
     FIELD(crop),
     .help = "find the round retina and crop it"},
    {.name = "filter",
     .type = DMS_OPTION_CHOICE,
     FIELD(filter),
     .choice = filter_name,
     .help = "resampling filter"},
    {.name = "enhance",
     .type = DMS_OPTION_CHOICE,
     FIELD(enhance),
     .choice = enhance_name,
     .help = "contrast enhancement"},
    FLAG("augment", augment,
         "augment training photographs at random, by the options that follow"),
    FLAG("flip-horizontal", flip_horizontal, "mirror half of the photographs"),
    FLAG("flip-vertical", flip_vertical,
         "flip half of the photographs upside down"),
    REAL("rotation", rotation, 0, 180, "degrees", "largest rotation"),
    REAL("scale", scale, 0, 0.5, NULL, "largest change of scale"),
    REAL("shift", shift, 0, 0.5, "of the side", "largest shift"),
    REAL("brightness", brightness, 0, 0.9, NULL,
         "largest change of brightness"),
    REAL("contrast", contrast, 0, 0.9, NULL, "largest change of contrast"),
    REAL("saturation", saturation, 0, 0.9, NULL,
         "largest change of saturation"),
    REAL("gamma", gamma, 0, 1, NULL, "largest change of log gamma"),
    REAL("blur", blur, 0, 1, NULL, "share of photographs blurred"),
    REAL("cutout", cutout, 0, 1, NULL,
         "share of photographs with a square cut out"),
    REAL("colour", colour, 0, 0.9, NULL, "largest change of a channel's gain"),
    REAL("resolution", resolution, 0, 1, NULL,
         "share of photographs reduced to 1/4 to 2/3 of the size and enlarged "
         "again"),
    REAL("mixup", mixup, 0, 1, "alpha",
         "mix both eyes and the labels of a patient with another's, in shares "
         "drawn from Beta(alpha, alpha); 0: off"),
    REAL("cutmix", cutmix, 0, 1, "alpha",
         "replace a rectangle of both eyes by another patient's, of an area "
         "drawn from Beta(alpha, alpha), and mix the labels by area; with "
         "--mixup, half of the batches have one and half the other; 0: off"),
    INT("start-size", start_size, 0, 2048, "px",
        "side of the training photographs in the first epoch, a multiple of "
        "32; it grows in steps of 32 to --size, evenly over the epochs; 0: "
        "always --size"),

    {.name = "epochs",
     .section = "Recipe",
     .type = DMS_OPTION_INT,
     FIELD(epochs),
     .min = 1,
     .max = 100000,
     .help = "passes over the training patients"},
    INT("batch", batch, 2, 4096, "patients", "patients per batch"),
    CHOICE("sampling", sampling, dms_sampling_name,
           "how often patients are drawn for an epoch: each once, or so that "
           "the labels have equal shares, or shares by the square root of "
           "their numbers"),
    INT("accumulate", accumulate, 1, 4096, "batches",
        "batches whose gradients are averaged for one step"),
    CHOICE("optimizer", optimizer, dms_optimizer_kind_name,
           "optimisation algorithm"),
    {.name = "lr",
     .type = DMS_OPTION_REAL,
     FIELD(lr),
     .min = 0,
     .max = 100,
     .above_min = true,
     .help = "peak learning rate"},
    REAL("backbone-lr", backbone_lr, 0, 100, NULL,
         "factor on the backbone's learning rate; 0 freezes the backbone, and "
         "with --no-augment it then runs once instead of every epoch"),
    REAL("stage-decay", stage_decay, 0, 1, NULL,
         "factor on the backbone's learning rate from each stage to the one "
         "before it"),
    CHOICE("freeze", freeze, dms_freeze_name,
           "do not train this part of the backbone and those before it; their "
           "norms use their running statistics"),
    {.name = "unfreeze-after",
     .type = DMS_OPTION_INT,
     FIELD(unfreeze_after),
     .min = 0,
     .max = 100000,
     .unit = "epochs",
     .word = "never",
     .help = "train all parts after this many epochs with --freeze"},
    REAL("weight-decay", weight_decay, 0, 10, NULL,
         "weight decay; not applied to biases and norms"),
    REAL("momentum", momentum, 0, 0.9999, NULL, "momentum of sgd"),
    FLAG("nesterov", nesterov, "use Nesterov momentum with sgd"),
    REAL("beta1", beta1, 0, 0.9999, NULL, "decay of adamw's first moment"),
    REAL("beta2", beta2, 0, 0.999999, NULL, "decay of adamw's second moment"),
    CHOICE("schedule", schedule, dms_schedule_kind_name,
           "course of the learning rate over the run"),
    REAL("warmup", warmup, 0, 1000, "epochs",
         "linear warm-up of the learning rate; not used by onecycle"),
    {.name = "step-epochs",
     .type = DMS_OPTION_REAL,
     FIELD(step_epochs),
     .min = 0,
     .max = 100000,
     .above_min = true,
     .unit = "epochs",
     .help = "time between two drops of --schedule step"},
    REAL("step-factor", step_factor, 0, 1, NULL,
         "factor of each drop of --schedule step"),
    {.name = "clip-norm",
     .type = DMS_OPTION_REAL,
     FIELD(clip_norm),
     .min = 0,
     .max = 1e9,
     .word = "none",
     .help = "largest norm of the gradient; a larger one is scaled down to it"},
    {.name = "ema-decay",
     .type = DMS_OPTION_REAL,
     FIELD(ema_decay),
     .min = 0,
     .max = 0.999999,
     .word = "none",
     .help = "decay of the moving average of the weights, which is validated "
             "and saved as the best model"},

    {.name = "loss",
     .section = "Loss",
     .type = DMS_OPTION_CHOICE,
     FIELD(loss),
     .choice = dms_loss_kind_name,
     .help = "loss of a multi-label task"},
    REAL("focal-gamma", focal_gamma, 0, 10, NULL,
         "exponent gamma of --loss focal"),
    {.name = "focal-alpha",
     .type = DMS_OPTION_REAL,
     FIELD(focal_alpha),
     .min = 0,
     .max = 1,
     .word = "none",
     .word_value = -1,
     .help = "weight of positives in --loss focal"},
    REAL("gamma-pos", gamma_pos, 0, 10, NULL,
         "exponent for positives in --loss asymmetric"),
    REAL("gamma-neg", gamma_neg, 0, 10, NULL,
         "exponent for negatives in --loss asymmetric"),
    REAL("clip", clip, 0, 0.9, NULL,
         "probability shift of negatives in --loss asymmetric"),
    FLAG("pos-weight", pos_weight,
         "weight the positives of each label by its ratio of negatives to "
         "positives"),
    REAL("smoothing", smoothing, 0, 0.9, NULL, "label smoothing"),
    REAL("eye-weight", eye_weight, 0, 100, NULL,
         "weight of the eyes' loss; the patient's has weight 1"),

    {.name = "teacher",
     .section = "Teacher",
     .type = DMS_OPTION_TEXT,
     FIELD(teacher),
     .unit = "MODEL",
     .help = "model (file or name) whose answers to the same augmented "
             "photographs are learnt beside the labels (distillation)"},
    REAL("teacher-weight", teacher_weight, 0, 1, NULL,
         "weight of the loss against the teacher's answers; the labels' has "
         "the rest"),
    {.name = "teacher-temperature",
     .type = DMS_OPTION_REAL,
     FIELD(teacher_temperature),
     .min = 0.1,
     .max = 100,
     .help = "divides the logits of both before they are compared"},
    REAL("teacher-maps", teacher_maps, 0, 1e6, NULL,
         "weight of the difference between the backbones' last maps (attention "
         "transfer); 0: they are not compared"),

    {.name = "seed",
     .section = "Run",
     .type = DMS_OPTION_UINT64,
     FIELD(seed),
     .help = "seed of initial weights, order, augmentation, dropout and split"},
    {.name = "threads",
     .type = DMS_OPTION_INT,
     FIELD(threads),
     .min = 0,
     .max = 1024,
     .word = "auto",
     .help = "threads to use; auto: all cores"},
    {.name = "precision",
     .type = DMS_OPTION_CHOICE,
     FIELD(precision),
     .choice = dms_precision_name,
     .help = "number type of the backbone's activations and gradients; weights "
             "stay fp32; auto: bf16 where the CPU supports it, else fp32"},
    {.name = "winograd",
     .type = DMS_OPTION_CHOICE,
     FIELD(winograd),
     .choice = dms_winograd_name,
     .help = "Winograd's algorithm: faster 3x3 convolutions in fp32, with "
             "other rounding; auto: yes"},
    FLAG("deterministic", deterministic,
         "choose nothing by the machine: auto means fp32 and no Winograd"),
    FLAG("checkpoint-activations", checkpoint_activations,
         "recompute activations in the backward pass instead of keeping them: "
         "a third of the memory, a third more time, the same bits"),
    TEXT("metric", metric, "NAME",
         "metric that chooses the best epoch (docs/metrics.md); empty: "
         "odir_final for ODIR's "
         "labels; for others macro_auc, or class_kappa_quadratic for ordered "
         "and class_kappa for unordered classes"),
    {.name = "patience",
     .type = DMS_OPTION_INT,
     FIELD(patience),
     .min = 0,
     .max = 100000,
     .unit = "epochs",
     .word = "none",
     .help = "stop early after this many epochs without a better metric"},
    {.name = "time-limit",
     .type = DMS_OPTION_DURATION,
     FIELD(time_limit),
     .min = 0,
     .max = 1e9,
     .word = "none",
     .help = "validate, save and stop after this long"},
    {.name = "checkpoint-interval",
     .type = DMS_OPTION_DURATION,
     FIELD(checkpoint_interval),
     .min = 1,
     .max = 1e9,
     .help = "time between checkpoints within an epoch"},
    {.name = "resume",
     .type = DMS_OPTION_CHOICE,
     FIELD(resume),
     .choice = dms_train_resume_name,
     .flag = true,
     .help = "continue from the run folder's checkpoint; auto: or start the "
             "run if there is none"},
    FLAG("tensorboard", tensorboard,
         "also write losses, learning rate and metrics as event files for "
         "TensorBoard, to the folder tensorboard in the run folder"),
};

static const dms_option_table table = {options, COUNT(options), &defaults,
                                       sizeof defaults};

const dms_option_table *dms_train_option_table(void)
{
    return &table;
}

dms_status dms_train_options_create(dms_train_options **out, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_train_options *o = dms_calloc(1, sizeof *o);

    if (!o)
        return dms_fail_memory(err, "training's options");
    TRY(dms_options_init(o, &table, err));
    *out = o, o = NULL;
done:
    dms_train_options_destroy(o);
    return st;
}

void dms_train_options_destroy(dms_train_options *o)
{
    if (!o)
        return;
    dms_options_release(o, &table);
    dms_free(o);
}
