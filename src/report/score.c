/* `dmsnet score`: scores predictions of any program against a table of labels.
 */
#include "base/fail.h"
#include "base/growing.h"
#include "base/log.h"
#include "data/labels.h"
#include "dms/metrics.h"
#include "report/join.h"

void dms_score_options_init(dms_score_options *options, size_t struct_size)
{
    const dms_score_options plain = {0};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

dms_status dms_score_files(dms_report **out, const char *labels_table,
                           const char *predictions_csv,
                           const dms_score_options *given,
                           const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_score_options options;
    dms_dataset *dataset = NULL;
    dms_prediction_rows predictions = {0};
    dms_join join = {.sets = &predictions, .set_count = 1};
    dms_label_set *set = NULL;
    dms_answers answers = {0};
    dms_dataset_options reading = {.struct_size = sizeof reading,
                                   .monitor = monitor};

    dms_score_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given, "dms_score_options",
                         err));
    reading.labels = options.labels;
    reading.encoding = options.encoding;
    reading.split_ignored = options.split == DMS_SPLIT_NONE;
    TRY(dms_dataset_open_with(&dataset, labels_table, &reading, err));
    TRY(dms_dataset_need_labels(dataset, err));
    TRY(dms_label_set_asked(&set, dataset->labels, options.task, err));
    TRY(dms_prediction_rows_read(&predictions, predictions_csv, set, err));
    join.dataset = dataset;
    join.label_set = set;
    join.split = options.split;
    join.allow_other = options.allow_subset;
    TRY(dms_join_run(&join, err));
    if (join.several_labels)
        dms_log(monitor, DMS_LOG_INFO,
                "%zu patients with several labels are left out",
                join.several_labels);
    answers =
        (dms_answers){set, join.labels, join.probabilities[0], join.count};
    TRY(dms_report_measure(out, &answers, options.report, err));
    (*out)->left_out = join.several_labels;
done:
    dms_join_release(&join);
    dms_prediction_rows_release(&predictions);
    dms_label_set_destroy(set);
    dms_dataset_close(dataset);
    return st;
}
