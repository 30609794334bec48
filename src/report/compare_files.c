/* `dmsnet compare`: from paths to a comparison. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/growing.h"
#include "data/labels.h"
#include "eval/comparison.h"
#include "report/join.h"
#include "report/report_thresholds.h"

void dms_compare_files_options_init(dms_compare_files_options *options,
                                    size_t struct_size)
{
    const dms_compare_files_options plain = {0};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

/* Everything that is read. */
typedef struct reading {
    dms_dataset *dataset;
    dms_label_set *label_set;
    dms_prediction_rows sets[DMS_COMPARED_MAX];
    dms_compared compared[DMS_COMPARED_MAX];
    double thresholds[DMS_COMPARED_MAX][DMS_LABELS_MAX];
    size_t count; /* of the sets that were read */
} reading;

/* A folder without predictions: say how to make them. */
static dms_status refuse_folder(const char *path, dms_error *err)
{
    char *model = dms_path_join(path, "best.safetensors");
    bool is_run = model && dms_path_exists(model);
    dms_status st = dms_fail(
        err, DMS_EMISMATCH,
        "%s: this folder contains no out-of-fold.csv, predictions.csv or "
        "val/predictions.csv. Write the last one with 'dmsnet evaluate --model "
        "%s --data DATA --out %s/val'",
        path, is_run ? model : "MODEL", path);

    dms_free(model);
    return st;
}

/* The file of predictions that a path stands for: itself or, of a folder, the
 * one that training by folds or an evaluation wrote. */
static dms_status find_file(char **file, const char *path, dms_error *err)
{
    static const char *const names[] = {"out-of-fold.csv", "predictions.csv",
                                        "val/predictions.csv"};

    if (!dms_path_is_folder(path)) {
        *file = dms_strdup(path);
        return *file ? DMS_OK : dms_fail_memory(err, path);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *file = dms_path_join(path, names[i]);
        if (!*file)
            return dms_fail_memory(err, path);
        if (dms_path_exists(*file))
            return DMS_OK;
        dms_free(*file);
        *file = NULL;
    }
    return refuse_folder(path, err);
}

/* The thresholds in the metrics.json beside a file. */
static dms_status read_thresholds(reading *r, size_t set, dms_error *err)
{
    const char *file = r->sets[set].name;
    const char *slash = strrchr(file, '/');
    char *folder =
        slash ? dms_strndup(file, (size_t)(slash - file)) : dms_strdup(".");
    char *path = folder ? dms_path_join(folder, "metrics.json") : NULL;
    dms_status st = DMS_OK;

    if (!path) {
        st = dms_fail_memory(err, file);
        goto done;
    }
    TRY(dms_report_thresholds_read(r->thresholds[set], path, r->label_set,
                                   err));
    r->compared[set].thresholds = r->thresholds[set];
done:
    dms_free(folder);
    dms_free(path);
    return st;
}

static dms_status read_set(reading *r, const char *path, dms_error *err)
{
    dms_status st = DMS_OK;
    char *file = NULL;

    TRY(find_file(&file, path, err));
    TRY(dms_prediction_rows_read(&r->sets[r->count], file, r->label_set, err));
    r->count++;
done:
    dms_free(file);
    return st;
}

static dms_status read_all(reading *r, const dms_compare_files_options *options,
                           const dms_monitor *monitor, dms_error *err)
{
    dms_status st = DMS_OK;
    const dms_dataset_options how = {.struct_size = sizeof how,
                                     .labels = options->labels,
                                     .encoding = options->encoding,
                                     .split_ignored =
                                         options->split == DMS_SPLIT_NONE,
                                     .monitor = monitor};

    if (options->count < 2 || options->count > DMS_COMPARED_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "%zu files of predictions, expected 2 to %d",
                        options->count, DMS_COMPARED_MAX);
    if (!options->labels_table)
        return dms_fail(err, DMS_EINVAL, "there is no table of labels");
    TRY(dms_dataset_open_with(&r->dataset, options->labels_table, &how, err));
    TRY(dms_dataset_need_labels(r->dataset, err));
    TRY(dms_label_set_asked(&r->label_set, r->dataset->labels, options->task,
                            err));
    for (size_t s = 0; s < options->count; s++) {
        TRY(read_set(r, options->predictions[s], err));
        if (options->own_thresholds &&
            dms_label_set_task(r->label_set) == DMS_TASK_MULTI_LABEL)
            TRY(read_thresholds(r, s, err));
    }
done:
    return st;
}

static dms_status compare(dms_comparison **out, reading *r,
                          const dms_join *join,
                          const dms_compare_options *options, dms_error *err)
{
    dms_status st = DMS_OK;
    const dms_compare_input input = {.label_set = r->label_set,
                                     .labels = join->labels,
                                     .patients = join->count,
                                     .sets = r->compared,
                                     .set_count = r->count};

    for (size_t s = 0; s < r->count; s++) {
        r->compared[s].name = r->sets[s].name;
        r->compared[s].probabilities = join->probabilities[s];
    }
    TRY(dms_compare(out, &input, options, err));
    (*out)->counts.several_labels = join->several_labels;
    (*out)->counts.incomplete = join->incomplete;
    (*out)->counts.unlabelled = join->unlabelled;
    (*out)->counts.other = join->other;
done:
    return st;
}

dms_status dms_compare_files(dms_comparison **out,
                             const dms_compare_files_options *given,
                             const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_compare_files_options options;
    dms_join join = {.allow_unlabelled = true};
    reading *r = dms_calloc(1, sizeof *r);

    if (!r)
        return dms_fail_memory(err, "predictions");
    dms_compare_files_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given,
                         "dms_compare_files_options", err));
    TRY(read_all(r, &options, monitor, err));
    join.dataset = r->dataset;
    join.label_set = r->label_set;
    join.sets = r->sets;
    join.set_count = r->count;
    join.split = options.split;
    join.allow_incomplete = join.allow_other = options.allow_subset;
    TRY(dms_join_run(&join, err));
    TRY(compare(out, r, &join, options.measuring, err));
done:
    dms_join_release(&join);
    for (size_t s = 0; s < r->count; s++)
        dms_prediction_rows_release(&r->sets[s]);
    dms_label_set_destroy(r->label_set);
    dms_dataset_close(r->dataset);
    dms_free(r);
    return st;
}
