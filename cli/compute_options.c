/* The options of computing, read straight into a dms_compute. */
#include "compute_options.h"

static const dms_compute compute_defaults = {.struct_size = sizeof(dms_compute),
                                             .precision = DMS_PRECISION_FP32};

static const dms_option compute_list[] = {
    {.name = "precision",
     .type = DMS_OPTION_CHOICE,
     .section = "Computing",
     DMS_OPTION_FIELD(dms_compute, precision),
     .choice = dms_precision_name,
     .help =
         "number type of activations and weights; auto: int8 for a quantised "
         "model, else bf16, where the CPU supports it, else fp32"},
    {.name = "winograd",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(dms_compute, winograd),
     .choice = dms_winograd_name,
     .help =
         "Winograd's algorithm: faster 3x3 convolutions in fp32, for about 2 s "
         "of preparation and twice the memory; auto: from 64 patients on"},
    {.name = "deterministic",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(dms_compute, deterministic),
     .help = "choose nothing by the amount of work or by the machine: auto "
             "means fp32, no Winograd, one worker; a patient's result is then "
             "bit-identical alone and among many"},
    {.name = "threads",
     .type = DMS_OPTION_INT,
     DMS_OPTION_FIELD(dms_compute, threads),
     .max = 1024,
     .help = "threads to use; 0: all cores"},
    {.name = "workers",
     .type = DMS_OPTION_INT,
     DMS_OPTION_FIELD(dms_compute, workers),
     .max = 256,
     .word = "auto",
     .word_value = 0,
     .help = "batches to run in parallel, each on its share of the threads; "
             "auto: one for few patients, one per thread for many"},
    {.name = "tta",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(dms_compute, tta),
     .choice = dms_tta_name,
     .help = "test-time augmentation; flips: average the logits over the "
             "photographs and their mirror images, left to right, upside down "
             "and both, for four times the work"}};

enum { COUNT = sizeof(compute_list) / sizeof(*compute_list) };

/* For verbs that run one patient or step: all but --workers and --tta. */
const dms_option_table cli_compute_table = {
    compute_list, COUNT - 2, &compute_defaults, sizeof(dms_compute)};

/* All but --tta. */
const dms_option_table cli_compute_many_table = {
    compute_list, COUNT - 1, &compute_defaults, sizeof(dms_compute)};

const dms_option_table cli_compute_answer_table = {
    compute_list, COUNT, &compute_defaults, sizeof(dms_compute)};
