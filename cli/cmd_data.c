/* `dmsnet data check DIR`: what is in a data set, and what is wrong with it. */
#include "commands.h"

#include <stdio.h>

#include "args.h"
#include "dms/data.h"
#include "fail.h"

typedef struct check_options {
    bool json;
    char *images;
    char *labels;
    char *encoding;
} check_options;

static const check_options check_defaults = {.json = false};

static const dms_option check_list[] = {
    {.name = "images",
     .type = DMS_OPTION_TEXT,
     .unit = "DIR",
     DMS_OPTION_FIELD(check_options, images),
     .help = "folder of the photographs, if they are not beside the table"},
    {.name = "labels",
     .type = DMS_OPTION_TEXT,
     .unit = "LABELS",
     DMS_OPTION_FIELD(check_options, labels),
     .help = "columns of the labels, in the form of train's --labels; empty: "
             "ODIR's N to O, or the grades of EyePACS or APTOS"},
    {.name = "encoding",
     .type = DMS_OPTION_TEXT,
     .unit = "NAME",
     DMS_OPTION_FIELD(check_options, encoding),
     .help =
         "text encoding of a .csv table: utf-8, utf-16le, utf-16be, gb18030 or "
         "windows-1252; empty: recognised from its bytes and keywords"},
    {.name = "json",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(check_options, json),
     .help = "print the report as JSON"}};

static const dms_option_table check_table = {check_list, 4, &check_defaults,
                                             sizeof(check_options)};

static dms_status run_check(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const check_options *options = run->args->values[0];
    dms_label_set *labels = NULL;
    dms_dataset_options reading = {.struct_size = sizeof reading,
                                   .images = *options->images ? options->images
                                                              : NULL,
                                   .monitor = run->monitor,
                                   .encoding = options->encoding};
    dms_dataset *dataset = NULL;
    dms_data_report *report = NULL;

    if (*options->labels)
        TRY(dms_label_set_parse(&labels, options->labels, err));
    reading.labels = labels;
    TRY(dms_dataset_open_with(&dataset, run->args->arguments[0], &reading,
                              err));
    TRY(dms_dataset_need_photographs(dataset, err));
    TRY(dms_data_check(&report, dataset, run->monitor, err));
    fputs(options->json ? report->json : report->text, stdout);
    run->failed_inputs = report->missing + report->unreadable;
done:
    dms_data_report_destroy(report);
    dms_dataset_close(dataset);
    dms_label_set_destroy(labels);
    return st;
}

const cli_command cli_command_data_check = {
    .name = "data check",
    .summary = "check a data set and report what is wrong with it",
    .arguments = "DIR|TABLE",
    .text = "Read a data set in any supported form (a folder with a table and "
            "photographs, or the table itself, .csv or .xlsx), decode every "
            "photograph, and report the numbers of patients, eyes and labels; "
            "missing, unreadable, identical and suspicious photographs; and "
            "contradictions in the table. Nothing is changed.\n\nThe exit "
            "status is 1 if a photograph is missing or unreadable.",
    .arguments_min = 1,
    .arguments_max = 1,
    .tables = {{.options = &check_table}},
    .run = run_check};
