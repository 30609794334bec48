/* `dmsnet bench`: a model's speed against the machine's peaks. */
#include "commands.h"

#include <stdio.h>

#include "architecture_options.h"
#include "args.h"
#include "compute_options.h"
#include "dms/bench.h"
#include "dms/model.h"
#include "fail.h"

typedef struct bench_options {
    char *model;
    dms_backbone backbone;
    int width;
    dms_bench_options bench;
    bool memory_map;
    bool per_op;
    bool json;
} bench_options;

static const bench_options bench_defaults = {
    .backbone = DMS_BACKBONE_RESNET152,
    .width = 512,
    .bench = {
        .struct_size = sizeof(dms_bench_options), .patients = 1, .seconds = 5}};

static const dms_option bench_list[] = {
    {.name = "model",
     .letter = 'm',
     .type = DMS_OPTION_TEXT,
     .unit = "MODEL",
     DMS_OPTION_FIELD(bench_options, model),
     .help = CLI_MODEL_HELP "; without it, random weights for --backbone and "
                            "--width"},
    {.name = "backbone",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(bench_options, backbone),
     .choice = cli_backbone_word,
     .help = "network that turns a photograph into a feature map"},
    {.name = "width",
     .type = DMS_OPTION_INT,
     .unit = "channels",
     DMS_OPTION_FIELD(bench_options, width),
     .min = 16,
     .max = 2048,
     .help = "width D of the context and fusion modules; a multiple of 16"},
    {.name = "batch",
     .type = DMS_OPTION_INT,
     .unit = "patients",
     DMS_OPTION_FIELD(bench_options, bench.patients),
     .min = 1,
     .max = 256,
     .help = "patients per batch (two images each); training needs at least 2"},
    {.name = "size",
     .type = DMS_OPTION_INT,
     .unit = "px",
     DMS_OPTION_FIELD(bench_options, bench.size),
     .min = 32,
     .max = 2048,
     .word = "model",
     .word_value = 0,
     .help = "side S of the images"},
    {.name = "train",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(bench_options, bench.train),
     .help = "time training steps (forward, loss, backward, update) instead of "
             "inference"},
    {.name = "checkpoint-activations",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(bench_options, bench.checkpoint_activations),
     .help = "with --train: recompute activations in the backward pass instead "
             "of keeping them"},
    {.name = "repeat",
     .type = DMS_OPTION_INT,
     .unit = "runs",
     DMS_OPTION_FIELD(bench_options, bench.repeats),
     .min = 1,
     .max = 10000,
     .word = "auto",
     .word_value = 0,
     .help = "timed runs; auto: as many as fit into --time, at least 3"},
    {.name = "time",
     .type = DMS_OPTION_DURATION,
     DMS_OPTION_FIELD(bench_options, bench.seconds),
     .max = 86400,
     .help = "how long to time, not counting warm-up and the machine's peaks"},
    {.name = "memory-map",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(bench_options, memory_map),
     .help = "print the memory plan (which values lie where, and when) instead "
             "of times"},
    {.name = "per-op",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(bench_options, per_op),
     .help = "also print each node of the graph"},
    {.name = "json",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(bench_options, json),
     .help = "print as JSON"}};

static const dms_option_table bench_table = {
    bench_list, sizeof(bench_list) / sizeof(*bench_list), &bench_defaults,
    sizeof(bench_options)};

static dms_status open_model(dms_model **model, const bench_options *options,
                             const cli_run *run, dms_error *err)
{
    dms_architecture arch = dms_architecture_default();

    if (options->model[0])
        return dms_model_open(model, options->model, run->monitor, err);
    arch.backbone = options->backbone;
    arch.width = options->width;
    return dms_model_create(model, &arch, NULL, 1, err);
}

static dms_status run_bench(cli_run *run, dms_error *err)
{
    dms_status st;
    const bench_options *options = run->args->values[0];
    dms_bench_options bench = options->bench;
    dms_model *model = NULL;
    dms_bench *ready = NULL;
    dms_bench_report *report = NULL;
    char *text = NULL;

    bench.compute = run->args->values[1];
    TRY(open_model(&model, options, run, err));
    if (options->memory_map) {
        TRY(dms_bench_create(&ready, model, &bench, err));
        TRY(dms_bench_print_memory(&text, ready, options->json, err));
    } else {
        TRY(dms_bench_run(&report, model, &bench, run->monitor, err));
        TRY(dms_bench_print(&text, report, options->json, options->per_op,
                            err));
    }
    puts(text);
done:
    dms_text_free(text);
    dms_bench_destroy(ready);
    dms_bench_report_destroy(report);
    dms_model_destroy(model);
    return st;
}

const cli_command cli_command_bench = {
    .name = "bench",
    .summary = "measure a model's speed against this machine's peaks",
    .arguments = "",
    .text = "Measure this machine's peaks (multiply-adds in fp32, bf16 and "
            "int8; memory bandwidth), then run a model on synthetic images and "
            "print time, share, GFLOP/s and fraction of the peak for the whole "
            "model, its parts and its ops. A multiply-add counts as two "
            "operations. Winograd's algorithm is credited with the operations "
            "of direct convolution, so it can exceed the peak; --winograd auto "
            "means yes in fp32 here.",
    .tables = {{.options = &bench_table}, {.options = &cli_compute_many_table}},
    .run = run_bench};
