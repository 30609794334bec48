/* `dmsnet score`: measure any predictions against a table, without a model. */
#include "commands.h"

#include <stdio.h>

#include "args.h"
#include "dms/metrics.h"
#include "fail.h"

typedef struct score_options {
    char *labels;
    char *label_set;
    char *predictions;
    char *encoding;
    bool json;
    int split; /* of cli_split_words: a dms_split, NONE being "all" */
    dms_task task;
    double threshold;
    int resamples;
    uint64_t seed;
    int threads;
    bool allow_subset;
} score_options;

static const char *task_word(int task)
{
    return dms_task_name((dms_task)task);
}

static const score_options score_defaults = {
    .threshold = 0.5, .resamples = 2000, .seed = 1};

static const dms_option score_list[] = {
    {.name = "labels",
     .type = DMS_OPTION_TEXT,
     .unit = "TABLE",
     DMS_OPTION_FIELD(score_options, labels),
     .help = "table of the true labels, in any supported form; the column ID "
             "and one per label are enough"},
    {.name = "predictions",
     .type = DMS_OPTION_TEXT,
     .unit = "CSV",
     DMS_OPTION_FIELD(score_options, predictions),
     .help = "CSV file of probabilities: the column ID and one per label code, "
             "such as ID,N,D,G,C,A,H,M,O"},
    {.name = "label-set",
     .type = DMS_OPTION_TEXT,
     .unit = "LABELS",
     DMS_OPTION_FIELD(score_options, label_set),
     .help = "columns of the labels, in the form of train's --labels; empty: "
             "ODIR's N to O, or the grades of EyePACS or APTOS"},
    {.name = "encoding",
     .type = DMS_OPTION_TEXT,
     .unit = "NAME",
     DMS_OPTION_FIELD(score_options, encoding),
     .help =
         "text encoding of a .csv table of labels, as for train's --encoding"},
    {.name = "split",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(score_options, split),
     .choices = cli_split_words,
     .help = "patients to score, by the table's split column"},
    {.name = "allow-subset",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(score_options, allow_subset),
     .help = "ignore predictions of patients who are not in the table or "
             "split, instead of failing"},
    {.name = "task",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(score_options, task),
     .choice = task_word,
     .help = "single-label: exactly one finding per patient; multi-label: as "
             "the labels say"},
    {.name = "threshold",
     .type = DMS_OPTION_REAL,
     DMS_OPTION_FIELD(score_options, threshold),
     .max = 1,
     .help = "a label is predicted where its probability is above this"},
    {.name = "resamples",
     .type = DMS_OPTION_INT,
     DMS_OPTION_FIELD(score_options, resamples),
     .max = 100000,
     .help = "bootstrap resamples of patients for the 95 % intervals; 0: no "
             "intervals"},
    {.name = "seed",
     .type = DMS_OPTION_UINT64,
     DMS_OPTION_FIELD(score_options, seed),
     .help = "seed of the resamples"},
    {.name = "threads",
     .type = DMS_OPTION_INT,
     DMS_OPTION_FIELD(score_options, threads),
     .max = 1024,
     .help = "threads to use; 0: all cores. The results do not depend on it"},
    {.name = "json",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(score_options, json),
     .help = "print the report as JSON"}};

static const dms_option_table score_table = {
    score_list, sizeof(score_list) / sizeof(*score_list), &score_defaults,
    sizeof(score_options)};

dms_status cli_report_print(const dms_report *report, bool json, dms_error *err)
{
    char *text = NULL;
    dms_status st = json ? dms_report_json(&text, report, err)
                         : dms_report_text(&text, report, err);

    if (st == DMS_OK)
        fputs(text, stdout);
    dms_text_free(text);
    return st;
}

static dms_status run_score(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const score_options *options = run->args->values[0];
    const dms_report_options measuring = {.struct_size = sizeof measuring,
                                          .threshold = options->threshold,
                                          .resamples = options->resamples,
                                          .seed = options->seed,
                                          .threads = options->threads};
    dms_score_options scoring = {.struct_size = sizeof scoring,
                                 .task = options->task,
                                 .report = &measuring,
                                 .split = (dms_split)options->split,
                                 .allow_subset = options->allow_subset,
                                 .encoding = options->encoding};
    dms_report *report = NULL;
    dms_label_set *set = NULL;

    TRY(cli_args_require(options->labels, "labels", "the table of true labels",
                         err));
    TRY(cli_args_require(options->predictions, "predictions",
                         "the file of probabilities", err));
    if (options->label_set[0] != '\0')
        TRY(dms_label_set_parse(&set, options->label_set, err));
    scoring.labels = set;
    TRY(dms_score_files(&report, options->labels, options->predictions,
                        &scoring, run->monitor, err));
    TRY(cli_report_print(report, options->json, err));
done:
    dms_report_destroy(report);
    dms_label_set_destroy(set);
    return st;
}

const cli_command cli_command_score = {
    .name = "score",
    .summary = "measure a file of predictions against a table of labels",
    .arguments = "",
    .text =
        "Measure predictions, made by this program or any other: print the "
        "metrics that the field uses, their 95 % intervals, and the metrics of "
        "two trivial predictors (all-zero, class priors).\n\nThe report is "
        "printed on standard output. --labels and --predictions are required.",
    .tables = {{.options = &score_table}},
    .run = run_score};
