/* Training with folds: who is held out of which, what is written, and how such
 * a run goes on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "data/labels.h"
#include "data/predictions.h"
#include "dms/ensemble.h"
#include "dms/session.h"
#include "dms/train.h"
#include "unit/small_training.h"

enum { PATIENTS = 20, FOLDS = 3, K = 8 };

static int setup(void **state)
{
    return small_training_make(state, PATIENTS);
}

/* One epoch of each fold, in seconds. */
static dms_train_options tiny(const small_training *f, const char *run)
{
    dms_train_options o = small_training_options(f, run);

    o.size = 32;
    o.epochs = 1;
    o.folds = FOLDS;
    return o;
}

static dms_train_result *train(const dms_train_options *o)
{
    dms_train_result *result = NULL;
    dms_error err = {0};

    if (dms_train(&result, o, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return result;
}

static dms_prediction_rows read_rows(const char *run)
{
    char path[400];
    dms_prediction_rows rows = {0};
    dms_error err = {0};

    snprintf(path, sizeof path, "%s/out-of-fold.csv", run);
    if (dms_prediction_rows_read(&rows, path, dms_label_set_odir(), &err) !=
        DMS_OK)
        fail_msg("%s", err.message);
    return rows;
}

/* The patients as the run's split has them, without its folds. */
static dms_dataset *split_of(const dms_train_options *o)
{
    const dms_split_options split = {
        .struct_size = sizeof split, .val = o->val, .seed = o->seed};
    dms_dataset *d = NULL;

    assert_int_equal(dms_dataset_open(&d, o->data, NULL, NULL, NULL), DMS_OK);
    assert_int_equal(dms_dataset_group_duplicates(d, NULL, NULL), DMS_OK);
    assert_int_equal(dms_dataset_split(d, &split, NULL), DMS_OK);
    return d;
}

/* What the model of a file says of the patient. */
static void predict(double *p, const char *run, int fold,
                    const dms_patient *patient)
{
    char path[400];
    dms_model *model = NULL;
    dms_prediction *answer = NULL;

    snprintf(path, sizeof path, "%s/fold%d/best.safetensors", run, fold);
    assert_int_equal(dms_model_open(&model, path, NULL, NULL), DMS_OK);
    assert_int_equal(dms_predict_pair(model, patient->eye[0].path,
                                      patient->eye[1].path, &answer, NULL),
                     DMS_OK);
    memcpy(p, answer->patient, K * sizeof *p);
    dms_prediction_destroy(answer);
    dms_model_destroy(model);
}

static bool near(const double *a, const double *b)
{
    for (int k = 0; k < K; k++)
        if (fabs(a[k] - b[k]) > 1e-5)
            return false;
    return true;
}

/* Whom a fold's model was trained on, by the photographs: a patient's row is
 * from the only model that was not. */
static void
every_training_patient_is_predicted_once_by_who_did_not_see_it(void **state)
{
    dms_train_options o = tiny(*state, "once");
    dms_train_result *result = train(&o);
    dms_prediction_rows rows = read_rows(o.run);
    dms_dataset *d = split_of(&o);
    size_t row = 0, held_out[FOLDS] = {0};

    for (size_t i = 0; i < d->count; i++) {
        const dms_patient *patient = &d->patients[i];
        int models = 0;

        if (patient->split != DMS_SPLIT_TRAIN)
            continue;
        assert_true(row < rows.count);
        assert_string_equal(rows.ids[row], patient->id); /* table's order */
        for (int fold = 1; fold <= FOLDS; fold++) {
            double p[K];

            predict(p, o.run, fold, patient);
            if (near(p, rows.probabilities + row * K))
                models++, held_out[fold - 1]++;
        }
        assert_int_equal(models, 1);
        row++;
    }
    assert_int_equal(row, rows.count);
    for (int fold = 0; fold < FOLDS; fold++)
        assert_in_range(held_out[fold], rows.count / FOLDS,
                        rows.count / FOLDS + 1);
    assert_int_equal(result->fold_count, FOLDS);
    dms_prediction_rows_release(&rows);
    dms_dataset_close(d);
    dms_train_result_destroy(result);
}

static void the_result_is_the_mean_and_the_spread_of_the_folds(void **state)
{
    dms_train_options o = tiny(*state, "sums");
    dms_train_result *result;
    double sum = 0, squares = 0;

    o.metric = keep_text("cell_accuracy");
    o.labels = keep_text("N,D,O");
    result = train(&o);
    assert_int_equal(result->fold_count, FOLDS);
    assert_int_equal(result->epochs, FOLDS);
    assert_int_equal(result->best_epoch, 0);
    assert_int_equal(result->metric, DMS_METRIC_CELL_ACCURACY);
    for (int i = 0; i < FOLDS; i++)
        sum += result->folds[i]->best_metric;
    for (int i = 0; i < FOLDS; i++)
        squares += pow(result->folds[i]->best_metric - sum / FOLDS, 2);
    assert_true(fabs(result->best_metric - sum / FOLDS) < 1e-12);
    assert_true(fabs(result->metric_deviation - sqrt(squares / (FOLDS - 1))) <
                1e-12);
    assert_true(result->out_of_fold > 0 && result->out_of_fold < 1);
    dms_train_result_destroy(result);
}

static size_t files_like(const char *folder, const char *start)
{
    DIR *dir = opendir(folder);
    const struct dirent *e;
    size_t count = 0;

    assert_non_null(dir);
    while ((e = readdir(dir)))
        count += strncmp(e->d_name, start, strlen(start)) == 0;
    closedir(dir);
    return count;
}

static void photographs_and_a_frozen_backbones_maps_are_made_once(void **state)
{
    dms_train_options o = tiny(*state, "once-prepared");
    char fold[400];

    o.cache = keep_text("%s", "");
    o.backbone_lr = 0, o.augment = false;
    dms_train_result_destroy(train(&o));
    assert_int_equal(files_like(o.run, "photographs-"), 1);
    assert_int_equal(files_like(o.run, "maps-"), 1);
    for (int k = 1; k <= FOLDS; k++) {
        snprintf(fold, sizeof fold, "%s/fold%d", o.run, k);
        assert_int_equal(files_like(fold, "photographs-"), 0);
        assert_int_equal(files_like(fold, "maps-"), 0);
        assert_int_equal(files_like(fold, "best.safetensors"), 1);
    }
}

static void assert_same_file(const char *folder_a, const char *folder_b,
                             const char *name)
{
    char path[400];
    uint8_t *a = NULL, *b = NULL;
    size_t size_a, size_b;

    snprintf(path, sizeof path, "%s/%s", folder_a, name);
    assert_int_equal(dms_file_read(&a, &size_a, path, 1 << 30, NULL), DMS_OK);
    snprintf(path, sizeof path, "%s/%s", folder_b, name);
    assert_int_equal(dms_file_read(&b, &size_b, path, 1 << 30, NULL), DMS_OK);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(a, b, size_a);
    dms_free(a);
    dms_free(b);
}

/* Wishes to stop at the n-th time of being asked. */
static bool stop_at(void *user)
{
    int *left = user;

    return --*left == 0;
}

static void a_stopped_run_goes_on_with_the_fold_it_was_in(void **state)
{
    dms_train_options whole = tiny(*state, "whole"), broken;
    int left;
    const dms_monitor monitor = {.user = &left, .should_stop = stop_at};
    dms_train_result *result = NULL;
    dms_status st = DMS_ESTOPPED;
    dms_error err = {0};
    int calls = 0, folds_seen = 0;

    dms_train_result_destroy(train(&whole));
    broken = tiny(*state, "broken");
    for (; st == DMS_ESTOPPED && calls < 30; calls++) {
        dms_train_result_destroy(result), result = NULL;
        left = 3; /* two batches: less than a fold has */
        st = dms_train(&result, &broken, &monitor, &err);
        broken.resume = DMS_TRAIN_RESUME_YES;
        assert_non_null(result);
        assert_int_equal(result->end == DMS_TRAIN_END_STOPPED,
                         st == DMS_ESTOPPED);
        assert_true(result->fold_count >= folds_seen);
        folds_seen = result->fold_count;
    }
    if (st != DMS_OK)
        fail_msg("%s", err.message);
    assert_true(calls > 2);
    assert_int_equal(result->fold_count, FOLDS);
    assert_same_file(whole.run, broken.run, "out-of-fold.csv");
    assert_same_file(whole.run, broken.run, "fold1/best.safetensors");
    assert_same_file(whole.run, broken.run, "fold3/best.safetensors");
    dms_train_result_destroy(result);
}

static void one_fold_alone_is_that_fold_of_the_run(void **state)
{
    dms_train_options all = tiny(*state, "all"), alone = tiny(*state, "alone");
    char fold[400];

    dms_train_result_destroy(train(&all));
    alone.fold = 2;
    dms_train_result_destroy(train(&alone));
    snprintf(fold, sizeof fold, "%s/fold2", all.run);
    assert_same_file(fold, alone.run, "best.safetensors");
}

/* Why training is refused, with that status. */
static dms_error refused(const dms_train_options *o, dms_status status)
{
    dms_error err = {0};

    assert_int_equal(dms_train(NULL, o, NULL, &err), status);
    return err;
}

static void folders_of_other_runs_are_refused_before_any_work(void **state)
{
    dms_train_options o = tiny(*state, "taken"), plain;
    dms_error err;

    dms_train_result_destroy(train(&o));
    err = refused(&o, DMS_EINVAL);
    assert_non_null(strstr(err.message, "taken/fold1: there is already a run"));
    plain = o;
    plain.folds = 0;
    err = refused(&plain, DMS_EINVAL);
    assert_non_null(strstr(err.message, "there is a run with folds"));
    plain = tiny(*state, "plain");
    plain.folds = 0;
    dms_train_result_destroy(train(&plain));
    plain.folds = FOLDS;
    err = refused(&plain, DMS_EINVAL);
    assert_non_null(strstr(err.message, "already a run without folds"));
    o = tiny(*state, "absent");
    o.resume = DMS_TRAIN_RESUME_YES;
    err = refused(&o, DMS_EINVAL);
    assert_non_null(strstr(err.message, "no such run to resume"));
    assert_int_equal(access(o.run, F_OK), -1);
}

static void another_number_of_folds_is_refused_on_resuming(void **state)
{
    dms_train_options o = tiny(*state, "another");
    dms_error err;

    dms_train_result_destroy(train(&o));
    o.resume = DMS_TRAIN_RESUME_YES;
    o.folds = FOLDS + 1;
    err = refused(&o, DMS_EINVAL);
    assert_string_equal(err.message,
                        "folds: the run to resume has 3, now it is 4: give "
                        "the same or another run folder");
}

/* Of the five patients with D the validation split takes one or two: the last
 * fold has none. */
static void a_metric_that_a_later_fold_lacks_is_refused_at_once(void **state)
{
    dms_train_options o = tiny(*state, "lacking");
    dms_error err;

    o.labels = keep_text("D"), o.metric = keep_text("macro_auc");
    o.folds = 5;
    err = refused(&o, DMS_EINVAL);
    assert_non_null(strstr(err.message, "metric: macro_auc is undefined on "));
    assert_non_null(strstr(err.message, " validation patients of fold "));
    assert_null(strstr(err.message, "of fold 1"));
    assert_int_equal(files_like(o.run, "fold2"), 0);
    o.fold = 1; /* alone it is part of the same run */
    o.run = keep_text("%s-1", o.run);
    err = refused(&o, DMS_EINVAL);
    assert_null(strstr(err.message, "of fold 1"));
}

/* The first validation is slow: what the run expects of the later ones. */
static void validate_slowly(void *user, const char *stage, size_t done,
                            size_t total, const char *detail)
{
    bool *slept = user;

    (void)done, (void)total, (void)detail;
    if (*slept || strcmp(stage, "validation") != 0)
        return;
    *slept = true;
    nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
}

/* A run leaves time for its validation, which may take less. */
static void a_fold_that_its_time_limit_ended_is_not_trained_further(void **s)
{
    dms_train_options o = tiny(*s, "limited");
    bool slept = false;
    dms_monitor monitor = {.user = &slept, .progress = validate_slowly};
    dms_train_result *first = NULL, *again;
    dms_error err = {0};

    o.fold = 1, o.epochs = 10000, o.time_limit = 5;
    if (dms_train(&first, &o, &monitor, &err) != DMS_OK)
        fail_msg("%s", err.message);
    assert_int_equal(first->end, DMS_TRAIN_END_TIME);
    assert_true(first->seconds < o.time_limit);
    o.resume = DMS_TRAIN_RESUME_YES;
    again = train(&o);
    assert_int_equal(again->end, DMS_TRAIN_END_TIME);
    assert_int_equal(again->steps, first->steps);
    assert_int_equal(again->epochs, first->epochs);
    dms_train_result_destroy(first);
    dms_train_result_destroy(again);
}

static void numbers_of_folds_that_make_no_sense_are_refused(void **state)
{
    dms_train_options o = tiny(*state, "never");
    dms_error err;

    o.folds = 1;
    err = refused(&o, DMS_EINVAL);
    assert_non_null(strstr(err.message, "folds: 1 leaves no patients"));
    o.folds = 21;
    err = refused(&o, DMS_EINVAL);
    o.folds = FOLDS, o.fold = FOLDS + 1;
    err = refused(&o, DMS_EINVAL);
    assert_string_equal(err.message, "fold: 4, but folds is 3");
    o.folds = 0, o.fold = 1;
    err = refused(&o, DMS_EINVAL);
    assert_string_equal(err.message,
                        "fold 1: the number of folds is not given; give folds");
    o.folds = 20, o.fold = 0;
    err = refused(&o, DMS_EINVAL);
    assert_non_null(strstr(err.message, "groups that a fold keeps together"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            every_training_patient_is_predicted_once_by_who_did_not_see_it),
        cmocka_unit_test(the_result_is_the_mean_and_the_spread_of_the_folds),
        cmocka_unit_test(photographs_and_a_frozen_backbones_maps_are_made_once),
        cmocka_unit_test(a_stopped_run_goes_on_with_the_fold_it_was_in),
        cmocka_unit_test(one_fold_alone_is_that_fold_of_the_run),
        cmocka_unit_test(folders_of_other_runs_are_refused_before_any_work),
        cmocka_unit_test(another_number_of_folds_is_refused_on_resuming),
        cmocka_unit_test(a_metric_that_a_later_fold_lacks_is_refused_at_once),
        cmocka_unit_test(
            a_fold_that_its_time_limit_ended_is_not_trained_further),
        cmocka_unit_test(numbers_of_folds_that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, small_training_remove);
}
