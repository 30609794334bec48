/* Comparisons of files: joining by id, folders, a lack of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fault.h"
#include "dms/compare.h"

typedef struct folder {
    char path[64], table[96], a[96], b[96];
} folder;

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    folder *f = calloc(1, sizeof *f);

    assert_non_null(f);
    strcpy(f->path, "/tmp/dms-compare-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->table, sizeof f->table, "%s/labels.csv", f->path);
    snprintf(f->a, sizeof f->a, "%s/a.csv", f->path);
    snprintf(f->b, sizeof f->b, "%s/b.csv", f->path);
    write_text(f->table, "ID,x,y\n1,1,0\n2,0,1\n3,1,1\n4,0,0\n5,,\n");
    write_text(f->a, "ID,x,y\n1,.9,.1\n2,.2,.8\n3,.6,.5\n4,.1,.1\n");
    write_text(f->b, "ID,x,y\n4,.1,.1\n1,.9,.1\n2,.7,.8\n3,.6,.5\n");
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    folder *f = *state;

    unlink(f->table);
    unlink(f->a);
    unlink(f->b);
    rmdir(f->path);
    free(f);
    return 0;
}

static dms_status compare_files(dms_comparison **out, const folder *f,
                                bool allow_subset, dms_error *err)
{
    const char *const paths[] = {f->a, f->b};
    dms_compare_files_options options;
    dms_label_set *set = NULL;
    dms_status st;

    dms_compare_files_options_init(&options, sizeof options);
    assert_int_equal(dms_label_set_parse(&set, "x,y", NULL), DMS_OK);
    options.labels_table = f->table;
    options.predictions = paths;
    options.count = 2;
    options.labels = set;
    options.allow_subset = allow_subset;
    st = dms_compare_files(out, &options, NULL, err);
    dms_label_set_destroy(set);
    return st;
}

static dms_compare_counts counts_of(const folder *f, bool allow_subset)
{
    dms_comparison *comparison = NULL;
    dms_compare_counts counts;
    dms_error err = {0};

    assert_int_equal(compare_files(&comparison, f, allow_subset, &err), DMS_OK);
    dms_comparison_counts(comparison, &counts, sizeof counts);
    dms_comparison_destroy(comparison);
    return counts;
}

static void files_are_joined_by_id(void **state)
{
    dms_comparison *comparison = NULL;
    const dms_discordance *d;

    assert_int_equal(compare_files(&comparison, *state, false, NULL), DMS_OK);
    d = dms_comparison_decisions(comparison, 0, 0);
    assert_int_equal(d->first_only, 1); /* patient 2 */
    assert_int_equal(d->second_only, 0);
    dms_comparison_destroy(comparison);
}

static void a_patient_whom_one_file_lacks_is_refused_or_counted(void **state)
{
    folder *f = *state;
    dms_comparison *comparison = NULL;
    dms_error err = {0};

    write_text(f->b, "ID,x,y\n1,.9,.1\n2,.7,.8\n4,.6,.5\n");
    assert_int_equal(compare_files(&comparison, f, false, &err), DMS_EMISMATCH);
    assert_non_null(strstr(err.message, "b.csv: 1 labelled patients of "));
    assert_non_null(strstr(err.message, "the first: '3'"));
    assert_int_equal(counts_of(f, true).patients, 3);
    assert_int_equal(counts_of(f, true).incomplete, 1);
}

static void a_patient_without_labels_is_counted(void **state)
{
    folder *f = *state;
    dms_compare_counts counts;

    write_text(f->b, "ID,x,y\n1,.9,.1\n2,.7,.8\n3,.6,.5\n4,.1,.1\n5,.5,.5\n");
    counts = counts_of(f, false);
    assert_int_equal(counts.patients, 4);
    assert_int_equal(counts.unlabelled, 1);
    assert_int_equal(counts.other, 0);
}

static void a_prediction_for_a_stranger_is_refused_or_counted(void **state)
{
    folder *f = *state;
    dms_comparison *comparison = NULL;
    dms_error err = {0};

    write_text(f->a, "ID,x,y\n1,.9,.1\n2,.7,.8\n3,.6,.5\n4,.1,.1\n9,.5,.5\n");
    assert_int_equal(compare_files(&comparison, f, false, &err), DMS_EMISMATCH);
    assert_non_null(strstr(err.message, "the first: '9'"));
    assert_int_equal(counts_of(f, true).patients, 4);
    assert_int_equal(counts_of(f, true).other, 1);
}

static void a_folder_stands_for_the_predictions_in_it(void **state)
{
    static const char *const names[] = {"val/predictions.csv",
                                        "predictions.csv", "out-of-fold.csv"};
    folder *f = *state, run = *f;
    dms_comparison *comparison = NULL;
    char files[3][192], val[128], model[128];

    snprintf(run.b, sizeof run.b, "%s/run", f->path);
    snprintf(val, sizeof val, "%s/val", run.b);
    snprintf(model, sizeof model, "%s/best.safetensors", run.b);
    assert_int_equal(mkdir(run.b, 0700), 0);
    assert_int_equal(mkdir(val, 0700), 0);
    for (int i = 0; i < 2; i++) { /* first without, then with a model */
        dms_error err = {0};

        assert_int_equal(compare_files(&comparison, &run, false, &err),
                         DMS_EMISMATCH);
        assert_non_null(strstr(err.message, "/run: this folder contains no "
                                            "out-of-fold.csv"));
        assert_non_null(strstr(err.message, i ? "/run/best.safetensors --data"
                                              : "--model MODEL --data"));
        write_text(model, "");
    }
    for (int i = 0; i < 3; i++) { /* each goes before those already there */
        snprintf(files[i], sizeof files[i], "%s/%s", run.b, names[i]);
        write_text(files[i], "ID,x,y\n1,.9,.1\n2,.7,.8\n3,.6,.5\n4,.1,.1\n");
        assert_int_equal(compare_files(&comparison, &run, false, NULL), DMS_OK);
        assert_string_equal(dms_comparison_set_name(comparison, 1), files[i]);
        dms_comparison_destroy(comparison);
    }
    for (int i = 0; i < 3; i++)
        unlink(files[i]);
    unlink(model);
    rmdir(val);
    rmdir(run.b);
}

static void reading_files_survives_a_lack_of_memory(void **state)
{
    const folder *f = *state;
    alloc_fault fault = {0};
    char metrics[96];

    snprintf(metrics, sizeof metrics, "%s/metrics.json", f->path);
    write_text(metrics, "{\"labels\": {\"x\": {\"threshold\": 0.3}, "
                        "\"y\": {\"threshold\": 0.6}}}");
    while (alloc_fault_next(&fault)) {
        dms_comparison *comparison = NULL;
        const char *const paths[] = {f->a, f->b};
        dms_compare_options few = {.struct_size = sizeof few};
        dms_compare_files_options options = {.struct_size = sizeof options,
                                             .labels_table = f->table,
                                             .predictions = paths,
                                             .count = 2,
                                             .measuring = &few,
                                             .own_thresholds = true};
        dms_label_set *set = NULL;
        dms_status st = dms_label_set_parse(&set, "x,y", NULL);

        options.labels = set;
        if (st == DMS_OK)
            st = dms_compare_files(&comparison, &options, NULL, NULL);
        alloc_fault_end(&fault, st);
        dms_comparison_destroy(comparison);
        dms_label_set_destroy(set);
    }
    unlink(metrics);
}

static void drawing_survives_a_lack_of_memory(void **state)
{
    static const char *const names[] = {"roc.svg", "precision-recall.svg",
                                        "differences.svg"};
    const folder *f = *state;
    dms_comparison *comparison = NULL;
    alloc_fault fault = {0};
    char charts[96], path[160];

    snprintf(charts, sizeof charts, "%s/charts", f->path);
    assert_int_equal(compare_files(&comparison, f, false, NULL), DMS_OK);
    while (alloc_fault_next(&fault)) {
        dms_status st = dms_comparison_draw(charts, comparison, NULL);

        alloc_fault_end_lenient(&fault, st); /* a folder may go unsynced */
    }
    assert_true(fault.count > 20);
    dms_comparison_destroy(comparison);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", charts, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    rmdir(charts);
}

#define WITH_FILES(test)                                                       \
    cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILES(files_are_joined_by_id),
        WITH_FILES(a_patient_whom_one_file_lacks_is_refused_or_counted),
        WITH_FILES(a_patient_without_labels_is_counted),
        WITH_FILES(a_prediction_for_a_stranger_is_refused_or_counted),
        WITH_FILES(a_folder_stands_for_the_predictions_in_it),
        WITH_FILES(reading_files_survives_a_lack_of_memory),
        WITH_FILES(drawing_survives_a_lack_of_memory),
    };

    return cmocka_run_group_tests_name("compare_files", tests, NULL, NULL);
}
