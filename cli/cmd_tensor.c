/* `dmsnet tensor forward|backward`: the open door for numbers. */
#include "commands.h"

#include "args.h"
#include "compute_options.h"
#include "dms/model.h"
#include "dms/tensor.h"
#include "fail.h"

typedef struct tensor_options {
    char *model;
    char *in;
    char *out;
    dms_backward_options backward;
} tensor_options;

static const tensor_options tensor_defaults = {
    .backward = {.struct_size = sizeof(dms_backward_options),
                 .eye_weight = 0.3,
                 .seed = 1}};

/* The first FORWARD_COUNT serve both directions. */
enum { FORWARD_COUNT = 3, BACKWARD_COUNT = 8 };

static const dms_option tensor_list[] = {
    {.name = "model",
     .letter = 'm',
     .type = DMS_OPTION_TEXT,
     .unit = "MODEL",
     DMS_OPTION_FIELD(tensor_options, model),
     .help = CLI_MODEL_HELP},
    {.name = "in",
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     DMS_OPTION_FIELD(tensor_options, in),
     .help = "safetensors file with the inputs"},
    {.name = "out",
     .letter = 'o',
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     DMS_OPTION_FIELD(tensor_options, out),
     .help = "safetensors file to write"},
    {.name = "dropout",
     .type = DMS_OPTION_REAL,
     DMS_OPTION_FIELD(tensor_options, backward.dropout),
     .max = 0.99,
     .help = "fraction of the patient head's hidden units that is dropped"},
    {.name = "eye-weight",
     .type = DMS_OPTION_REAL,
     DMS_OPTION_FIELD(tensor_options, backward.eye_weight),
     .max = 1000,
     .help = "weight of the eyes' loss; the patient's has weight 1"},
    {.name = "seed",
     .type = DMS_OPTION_UINT64,
     DMS_OPTION_FIELD(tensor_options, backward.seed),
     .help = "seed of the dropout mask"},
    {.name = "precision",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(tensor_options, backward.precision),
     .choice = dms_precision_name,
     .help = "number type of the backbone's activations and gradients"},
    {.name = "winograd",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(tensor_options, backward.winograd),
     .choice = dms_winograd_name,
     .help =
         "Winograd's algorithm: faster 3x3 convolutions in fp32; auto: yes"}};

static const dms_option_table forward_table = {
    tensor_list, FORWARD_COUNT, &tensor_defaults, sizeof(tensor_options)};
static const dms_option_table backward_table = {
    tensor_list, BACKWARD_COUNT, &tensor_defaults, sizeof(tensor_options)};

static dms_status open_model(dms_model **out, const cli_run *run,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    const tensor_options *options = run->args->values[0];

    TRY(cli_args_require(options->model, "model", "the model file", err));
    TRY(cli_args_require(options->in, "in", "the file of inputs", err));
    TRY(cli_args_require(options->out, "out", "the file to write", err));
    TRY(dms_model_open(out, options->model, run->monitor, err));
done:
    return st;
}

static dms_status run_forward(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const tensor_options *options = run->args->values[0];
    dms_model *model = NULL;

    TRY(open_model(&model, run, err));
    TRY(dms_tensor_forward(model, options->in, options->out,
                           run->args->values[1], err));
done:
    dms_model_destroy(model);
    return st;
}

static dms_status run_backward(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const tensor_options *options = run->args->values[0];
    dms_model *model = NULL;

    TRY(open_model(&model, run, err));
    TRY(dms_tensor_backward(model, options->in, options->out,
                            &options->backward, err));
done:
    dms_model_destroy(model);
    return st;
}

const cli_command cli_command_tensor_forward = {
    .name = "tensor forward",
    .summary = "compute logits from tensors, in evaluation mode",
    .arguments = "",
    .text = "Run a model on tensors as they are, without preprocessing. The "
            "inputs are `left` and `right`: float32, N x 3 x S x S, "
            "normalised, S at least 32. The outputs are `patient`, `eye_left` "
            "and `eye_right`: N x K logits each, for the model's K "
            "labels.\n\n--model, --in and --out are required.",
    .tables = {{.options = &forward_table}, {.options = &cli_compute_table}},
    .computes = true,
    .run = run_forward};

const cli_command cli_command_tensor_backward = {
    .name = "tensor backward",
    .summary = "compute loss and gradients from tensors, in training mode",
    .arguments = "",
    .text =
        "Run the forward and backward pass of one training step on tensors as "
        "they are. The inputs are those of `tensor forward`, `labels` (N x K, "
        "for the model's K labels) and, both or neither, `labels_left` and "
        "`labels_right` (N x K; NaN: unknown). The outputs are `loss`, "
        "`grad.NAME` for every parameter and `stat.NAME` for every running "
        "statistic after the update. The model file is not "
        "changed.\n\n--model, --in and --out are required.",
    .computes = true,
    .tables = {{.options = &backward_table}},
    .run = run_backward};
