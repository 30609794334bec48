/* `dmsnet compare`: do sets of predictions of the same patients differ? */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "args.h"
#include "base/file.h"
#include "dms/compare.h"
#include "fail.h"

enum { FORMAT_TEXT, FORMAT_CSV, FORMAT_MARKDOWN, FORMAT_JSON };

typedef struct compare_options {
    char *labels;
    char *label_set;
    char *encoding;
    char *metrics;
    char *svg;
    int split; /* of cli_split_words: a dms_split, NONE being "all" */
    int format;
    dms_task task;
    double threshold;
    int resamples;
    uint64_t seed;
    int threads;
    bool allow_subset;
    bool own_thresholds;
    bool all_pairs;
    bool json;
} compare_options;

static const char *const format_words[] = {"text", "csv", "markdown", "json",
                                           NULL};

static const char *task_word(int task)
{
    return dms_task_name((dms_task)task);
}

static const compare_options compare_defaults = {
    .threshold = 0.5, .resamples = 10000, .seed = 1};

static const dms_option compare_list[] = {
    {.name = "labels",
     .type = DMS_OPTION_TEXT,
     .unit = "TABLE",
     DMS_OPTION_FIELD(compare_options, labels),
     .help = "table of the true labels, in any supported form; the column ID "
             "and one per label are enough"},
    {.name = "label-set",
     .type = DMS_OPTION_TEXT,
     .unit = "LABELS",
     DMS_OPTION_FIELD(compare_options, label_set),
     .help = "columns of the labels, in the form of train's --labels; empty: "
             "ODIR's N to O, or the grades of EyePACS or APTOS"},
    {.name = "encoding",
     .type = DMS_OPTION_TEXT,
     .unit = "NAME",
     DMS_OPTION_FIELD(compare_options, encoding),
     .help =
         "text encoding of a .csv table of labels, as for train's --encoding"},
    {.name = "split",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(compare_options, split),
     .choices = cli_split_words,
     .help = "patients to compare, by the table's split column"},
    {.name = "allow-subset",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(compare_options, allow_subset),
     .help = "leave out labelled patients whom not every file predicts, and "
             "predictions for ids outside of the table or split, and count "
             "them, instead of failing"},
    {.name = "task",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(compare_options, task),
     .choice = task_word,
     .help = "single-label: exactly one finding per patient; multi-label: as "
             "the labels say"},
    {.name = "threshold",
     .type = DMS_OPTION_REAL,
     DMS_OPTION_FIELD(compare_options, threshold),
     .max = 1,
     .help = "a label is predicted where its probability is above this"},
    {.name = "own-thresholds",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(compare_options, own_thresholds),
     .help = "take each file's thresholds from the metrics.json beside it, "
             "which evaluate writes; --threshold is then not used"},
    {.name = "all-pairs",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(compare_options, all_pairs),
     .help = "compare every two files instead of each one with the first"},
    {.name = "metrics",
     .type = DMS_OPTION_TEXT,
     .unit = "NAMES",
     DMS_OPTION_FIELD(compare_options, metrics),
     .help = "metrics to test, such as macro_auc,kappa: the fewer, the smaller "
             "Holm's correction; empty: all that apply to the labels"},
    {.name = "resamples",
     .type = DMS_OPTION_INT,
     DMS_OPTION_FIELD(compare_options, resamples),
     .max = 100000,
     .help = "bootstrap resamples of patients, the same for all files; 0: no "
             "intervals and no p of the metrics"},
    {.name = "seed",
     .type = DMS_OPTION_UINT64,
     DMS_OPTION_FIELD(compare_options, seed),
     .help = "seed of the resamples"},
    {.name = "threads",
     .type = DMS_OPTION_INT,
     DMS_OPTION_FIELD(compare_options, threads),
     .max = 1024,
     .help = "threads to use; 0: all cores. The results do not depend on it"},
    {.name = "format",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(compare_options, format),
     .choices = format_words,
     .help = "text: aligned tables; csv: one table with a row per figure and "
             "test; markdown; json"},
    {.name = "json",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(compare_options, json),
     .help = "the same as --format json"},
    {.name = "svg",
     .type = DMS_OPTION_TEXT,
     .unit = "DIR",
     DMS_OPTION_FIELD(compare_options, svg),
     .help = "folder to draw roc.svg, precision-recall.svg and differences.svg "
             "into"}};

static const dms_option_table compare_table = {
    compare_list, sizeof(compare_list) / sizeof(*compare_list),
    &compare_defaults, sizeof(compare_options)};

/* "a,b,c" to metrics; none if the text is empty. */
static dms_status read_metrics(dms_metric metrics[DMS_METRICS], size_t *count,
                               const char *text, dms_error *err)
{
    *count = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        char name[40];

        snprintf(name, sizeof(name), "%.*s", (int)len, text);
        if (*count == DMS_METRICS)
            return cli_fail(err, DMS_EINVAL, "--metrics: too many names");
        if (len >= sizeof(name) || !dms_metric_find(&metrics[*count], name))
            return cli_fail(err, DMS_EINVAL,
                            "--metrics: '%.80s' is not a metric; expected "
                            "names from the reports of score, such as "
                            "macro_auc,kappa",
                            name);
        ++*count;
        text += len + (text[len] == ',');
    }
    return DMS_OK;
}

static dms_status print(const dms_comparison *comparison, int format,
                        dms_error *err)
{
    static dms_status (*const writers[])(char **, const dms_comparison *,
                                         dms_error *) = {
        [FORMAT_TEXT] = dms_comparison_text,
        [FORMAT_CSV] = dms_comparison_csv,
        [FORMAT_MARKDOWN] = dms_comparison_markdown,
        [FORMAT_JSON] = dms_comparison_json};
    char *text = NULL;
    dms_status st = writers[format](&text, comparison, err);

    if (st == DMS_OK)
        fputs(text, stdout);
    dms_text_free(text);
    return st;
}

static dms_status run_compare(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const compare_options *options = run->args->values[0];
    dms_metric metrics[DMS_METRICS];
    dms_compare_options measuring = {.struct_size = sizeof measuring,
                                     .threshold = options->threshold,
                                     .resamples = options->resamples,
                                     .seed = options->seed,
                                     .threads = options->threads,
                                     .all_pairs = options->all_pairs};
    dms_compare_files_options files = {
        .struct_size = sizeof files,
        .labels_table = options->labels,
        .predictions = (const char *const *)run->args->arguments,
        .count = (size_t)run->args->count,
        .task = options->task,
        .split = (dms_split)options->split,
        .allow_subset = options->allow_subset,
        .encoding = options->encoding,
        .own_thresholds = options->own_thresholds,
        .measuring = &measuring};
    dms_comparison *comparison = NULL;
    dms_label_set *set = NULL;

    TRY(cli_args_require(options->labels, "labels", "the table of true labels",
                         err));
    TRY(read_metrics(metrics, &measuring.metric_count, options->metrics, err));
    measuring.metrics = measuring.metric_count ? metrics : NULL;
    if (options->label_set[0] != '\0')
        TRY(dms_label_set_parse(&set, options->label_set, err));
    files.labels = set;
    if (options->svg[0] != '\0')
        TRY(dms_folder_make(options->svg, err));
    TRY(dms_compare_files(&comparison, &files, run->monitor, err));
    TRY(print(comparison, options->json ? FORMAT_JSON : options->format, err));
    if (options->svg[0] != '\0')
        TRY(dms_comparison_draw(options->svg, comparison, err));
done:
    dms_comparison_destroy(comparison);
    dms_label_set_destroy(set);
    return st;
}

const cli_command cli_command_compare = {
    .name = "compare",
    .summary = "test whether predictions of the same patients differ",
    .arguments = "PREDICTIONS PREDICTIONS...",
    .text =
        "Compare two to 26 files of predictions of the same patients by a "
        "table of labels: each later one with the first. Prints the metrics "
        "of each file and the differences: of every metric by a paired "
        "bootstrap, of each label's AUC by DeLong's test, of each label's "
        "decisions by McNemar's exact test, with p values that are also "
        "corrected by Holm's method within each of the three "
        "tables.\n\nPREDICTIONS is a CSV file as for score, or a folder that "
        "contains one: the first of out-of-fold.csv, predictions.csv (which "
        "evaluate --out writes) and val/predictions.csv. --labels is required. "
        "Patients without labels are left out and counted.",
    .arguments_min = 2,
    .arguments_max = DMS_COMPARED_MAX,
    .tables = {{.options = &compare_table}},
    .run = run_compare};
