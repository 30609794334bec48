/* `dmsnet score`: scores predictions of any program against a table of labels.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/growing.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "data/labels.h"
#include "data/predictions.h"
#include "dms/metrics.h"

enum { NAMED_MAX = 5 };

void dms_score_options_init(dms_score_options *options, size_t struct_size)
{
    const dms_score_options plain = {0};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

/* A prediction, sorted by id. */
typedef struct entry {
    const char *id;
    size_t index;
    bool used;
} entry;

typedef struct join {
    const dms_dataset *dataset;
    const dms_prediction_rows *predictions;
    const dms_score_options *options;
    entry *entries;           /* predictions->count, sorted */
    const dms_label_set *set; /* scored: the table's, or one of its labels */
    size_t width;             /* K */
    uint8_t *labels;          /* count x K */
    double *probabilities;    /* count x K */
    size_t count;
    size_t left_out; /* patients with several labels, if single-label */
} join;

/* Ids without a counterpart: how many, and the names of the first few. */
typedef struct odd_ones {
    size_t count;
    dms_strbuf first;
} odd_ones;

static void add_odd(odd_ones *odd, const char *id)
{
    if (odd->count < NAMED_MAX)
        dms_strbuf_printf(&odd->first, "%s'%.40s'", odd->count ? ", " : "", id);
    odd->count++;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->id, ((const entry *)b)->id);
}

static dms_status sort_entries(join *j, dms_error *err)
{
    j->entries = dms_calloc(j->predictions->count, sizeof *j->entries);
    if (!j->entries)
        return dms_fail_memory(err, "predictions");
    for (size_t i = 0; i < j->predictions->count; i++)
        j->entries[i] = (entry){.id = j->predictions->ids[i], .index = i};
    qsort(j->entries, j->predictions->count, sizeof *j->entries, by_id);
    return DMS_OK;
}

/* Several labels, or some unknown: there is no single class to score. */
static bool is_ambiguous(const uint8_t *labels, size_t width)
{
    int sum = 0;

    for (size_t k = 0; k < width; k++)
        sum += labels[k] == 1;
    return sum > 1 || memchr(labels, DMS_LABEL_UNKNOWN, width);
}

static void join_patient(join *j, const dms_patient *patient, odd_ones *missing)
{
    const entry key = {.id = patient->id};
    entry *found;

    if (!patient->labelled || (j->options->split != DMS_SPLIT_NONE &&
                               patient->split != j->options->split))
        return; /* not requested */
    found = bsearch(&key, j->entries, j->predictions->count, sizeof key, by_id);
    if (!found) {
        add_odd(missing, patient->id);
        return;
    }
    found->used = true;
    if (dms_label_set_task(j->set) == DMS_TASK_SINGLE_LABEL &&
        is_ambiguous(patient->labels, j->width)) {
        j->left_out++;
        return;
    }
    memcpy(j->labels + j->count * j->width, patient->labels, j->width);
    memcpy(j->probabilities + j->count * j->width,
           j->predictions->probabilities + found->index * j->width,
           j->width * sizeof *j->probabilities);
    j->count++;
}

static dms_status refuse_extra(const join *j, dms_error *err)
{
    dms_status st = DMS_OK;
    odd_ones extra = {0};

    dms_strbuf_init(&extra.first);
    for (size_t i = 0; i < j->predictions->count; i++)
        if (!j->entries[i].used)
            add_odd(&extra, j->entries[i].id);
    if (extra.count)
        st =
            dms_fail(err, DMS_EMISMATCH,
                     "%s: %zu predictions are for patients without labels in "
                     "%s%s%s; the first: %s",
                     j->predictions->name, extra.count, j->dataset->table,
                     j->options->split ? " for split " : "",
                     j->options->split ? dms_split_name(j->options->split) : "",
                     extra.first.data);
    dms_strbuf_release(&extra.first);
    return st;
}

static dms_status join_all(join *j, dms_error *err)
{
    dms_status st = DMS_OK;
    odd_ones missing = {0};
    size_t patients = j->dataset->count;

    dms_strbuf_init(&missing.first);
    if (j->options->split != DMS_SPLIT_NONE && !j->dataset->has_split_column) {
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: has no column 'split', so its split %s is unknown",
                      j->dataset->table, dms_split_name(j->options->split));
        goto done;
    }
    TRY(sort_entries(j, err));
    j->labels = dms_calloc(patients, j->width);
    j->probabilities =
        dms_calloc(patients, j->width * sizeof *j->probabilities);
    if (!j->labels || !j->probabilities) {
        st = dms_fail_memory(err, "joined predictions");
        goto done;
    }
    for (size_t i = 0; i < patients; i++)
        join_patient(j, &j->dataset->patients[i], &missing);
    if (missing.count)
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: %zu labelled patients of %s have no prediction; the "
                      "first: %s",
                      j->predictions->name, missing.count, j->dataset->table,
                      missing.first.data);
    else if (j->count == 0)
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: no requested patient has labels; there is nothing "
                      "to score",
                      j->dataset->table);
    else if (!j->options->allow_subset)
        st = refuse_extra(j, err);
done:
    dms_strbuf_release(&missing.first);
    return st;
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
    join j = {.predictions = &predictions, .options = &options};
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
    j.dataset = dataset;
    j.set = set;
    j.width = (size_t)dms_label_set_count(set);
    TRY(join_all(&j, err));
    if (j.left_out)
        dms_log(monitor, DMS_LOG_INFO,
                "%zu patients with several labels are left out", j.left_out);
    answers = (dms_answers){set, j.labels, j.probabilities, j.count};
    TRY(dms_report_measure(out, &answers, options.report, err));
    (*out)->left_out = j.left_out;
done:
    dms_free(j.entries);
    dms_free(j.labels);
    dms_free(j.probabilities);
    dms_prediction_rows_release(&predictions);
    dms_label_set_destroy(set);
    dms_dataset_close(dataset);
    return st;
}
