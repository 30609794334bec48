/* `dmsnet synth DIR`: a procedural data set for trying things out. */
#include "commands.h"

#include "args.h"
#include "dms/data.h"

static const dms_synth_options synth_defaults = {.struct_size =
                                                     sizeof(dms_synth_options),
                                                 .patients = 200,
                                                 .seed = 1,
                                                 .size = 512};

static const dms_option synth_list[] = {
    {.name = "patients",
     .letter = 'n',
     .type = DMS_OPTION_INT,
     DMS_OPTION_FIELD(dms_synth_options, patients),
     .min = 1,
     .max = 100000,
     .help = "patients to draw, two photographs each"},
    {.name = "seed",
     .type = DMS_OPTION_UINT64,
     DMS_OPTION_FIELD(dms_synth_options, seed),
     .help = "seed; the same seed draws the same set"},
    {.name = "size",
     .type = DMS_OPTION_INT,
     .unit = "px",
     DMS_OPTION_FIELD(dms_synth_options, size),
     .min = 64,
     .max = 4096,
     .help = "side of each photograph"}};

static const dms_option_table synth_table = {synth_list, 3, &synth_defaults,
                                             sizeof(dms_synth_options)};

static dms_status run_synth(cli_run *run, dms_error *err)
{
    return dms_synth_write(run->args->arguments[0], run->args->values[0],
                           run->monitor, err);
}

const cli_command cli_command_synth = {
    .name = "synth",
    .summary = "draw a synthetic data set in ODIR's form",
    .arguments = "DIR",
    .text = "Draw pairs of fundus photographs with the eight findings and "
            "write them with their table in the form of the ODIR challenge: "
            "DIR/annotations.csv and DIR/images/ID_left.jpg, "
            "ID_right.jpg.\n\nThe set is for demonstrations, tests and "
            "benchmarks. It is not a substitute for real data: what a model "
            "learns from it says nothing about patients.",
    .arguments_min = 1,
    .arguments_max = 1,
    .tables = {{.options = &synth_table}},
    .run = run_synth};
