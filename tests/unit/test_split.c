#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/folds.h"
#include "data/labels.h"
#include "dms/data.h"

enum { PATIENTS = 1000 };

static char ids[PATIENTS][12];
static dms_patient patients[PATIENTS];
static uint8_t labels[PATIENTS][DMS_ODIR_LABELS];

/* Patient i has label i % 10 (8 and 9: N), every seventh O as well. */
static dms_dataset make_set(void)
{
    memset(patients, 0, sizeof patients);
    memset(labels, 0, sizeof labels);
    for (int i = 0; i < PATIENTS; i++) {
        dms_patient *p = &patients[i];

        snprintf(ids[i], sizeof ids[i], "%d", i);
        p->id = ids[i];
        p->labels = labels[i];
        p->labelled = true;
        p->labels[i % 10 < DMS_ODIR_LABELS ? i % 10 : 0] = 1;
        p->labels[7] |= i % 7 == 0;
        p->group = (size_t)i;
    }
    return (dms_dataset){.patients = patients,
                         .count = PATIENTS,
                         .label_count = DMS_ODIR_LABELS};
}

static const dms_split_options shares = {.struct_size =
                                             sizeof(dms_split_options),
                                         .val = 0.1,
                                         .test = 0.2,
                                         .seed = 1};

static size_t count_of(const dms_dataset *d, dms_split split, int label)
{
    size_t count = 0;

    for (size_t i = 0; i < d->count; i++)
        count += d->patients[i].split == split &&
                 (label < 0 || d->patients[i].labels[label]);
    return count;
}

static void shares_are_kept_in_all_and_in_every_label(void **state)
{
    dms_dataset d = make_set();

    (void)state;
    assert_int_equal(dms_dataset_split(&d, &shares, NULL), DMS_OK);
    assert_int_equal(count_of(&d, DMS_SPLIT_VAL, -1), 100);
    assert_int_equal(count_of(&d, DMS_SPLIT_TEST, -1), 200);
    assert_int_equal(count_of(&d, DMS_SPLIT_TRAIN, -1), 700);
    for (int k = 1; k < 7; k++) {
        assert_in_range(count_of(&d, DMS_SPLIT_VAL, k), 9, 11);
        assert_in_range(count_of(&d, DMS_SPLIT_TEST, k), 19, 21);
    }
}

static void a_patients_split_is_independent_of_the_rows_order(void **state)
{
    static dms_split by_id[PATIENTS];
    dms_dataset d = make_set();

    (void)state;
    assert_int_equal(dms_dataset_split(&d, &shares, NULL), DMS_OK);
    for (int i = 0; i < PATIENTS; i++)
        by_id[i] = patients[i].split;
    d = make_set();
    for (int i = 0; i < PATIENTS / 2; i++) {
        dms_patient swap = patients[i];

        patients[i] = patients[PATIENTS - 1 - i];
        patients[PATIENTS - 1 - i] = swap;
    }
    for (int i = 0; i < PATIENTS; i++)
        patients[i].group = (size_t)i;
    assert_int_equal(dms_dataset_split(&d, &shares, NULL), DMS_OK);
    for (int i = 0; i < PATIENTS; i++)
        assert_int_equal(patients[i].split, by_id[atoi(patients[i].id)]);
}

static void another_seed_gives_another_split(void **state)
{
    static dms_split first[PATIENTS];
    dms_dataset d = make_set();
    dms_split_options options = shares;
    int moved = 0;

    (void)state;
    assert_int_equal(dms_dataset_split(&d, &options, NULL), DMS_OK);
    for (int i = 0; i < PATIENTS; i++)
        first[i] = patients[i].split;
    options.seed = 2;
    assert_int_equal(dms_dataset_split(&d, &options, NULL), DMS_OK);
    for (int i = 0; i < PATIENTS; i++)
        moved += patients[i].split != first[i];
    assert_in_range(moved, 350, 550); /* 1 - .7^2 - .2^2 - .1^2 = .46 */
}

static void a_group_stays_on_one_side(void **state)
{
    dms_dataset d = make_set();

    (void)state;
    for (int i = 500; i < PATIENTS; i++)
        patients[i].group = (size_t)(i - 500);
    assert_int_equal(dms_dataset_split(&d, &shares, NULL), DMS_OK);
    for (int i = 500; i < PATIENTS; i++)
        assert_int_equal(patients[i].split, patients[i - 500].split);
    assert_int_equal(count_of(&d, DMS_SPLIT_VAL, -1), 100);
}

static void the_tables_own_split_wins_unless_overridden(void **state)
{
    dms_dataset d = make_set();
    dms_split_options options = shares;

    (void)state;
    d.has_split_column = true;
    for (int i = 0; i < PATIENTS; i++)
        patients[i].split = DMS_SPLIT_TEST;
    assert_int_equal(dms_dataset_split(&d, &options, NULL), DMS_OK);
    assert_int_equal(count_of(&d, DMS_SPLIT_TEST, -1), PATIENTS);
    options.override_column = true;
    assert_int_equal(dms_dataset_split(&d, &options, NULL), DMS_OK);
    assert_int_equal(count_of(&d, DMS_SPLIT_TEST, -1), 200);
}

static void tiny_strata_still_add_up(void **state)
{
    dms_dataset d = make_set();
    const dms_split_options halves = {
        .struct_size = sizeof halves, .val = 0.45, .test = 0.5, .seed = 3};

    (void)state;
    d.count = 9;
    assert_int_equal(dms_dataset_split(&d, &halves, NULL), DMS_OK);
    assert_int_equal(count_of(&d, DMS_SPLIT_NONE, -1), 0);
    assert_in_range(count_of(&d, DMS_SPLIT_TEST, -1), 4, 5);
    assert_in_range(count_of(&d, DMS_SPLIT_VAL, -1), 3, 4);
}

static void wrong_shares_are_refused(void **state)
{
    static const double bad[][2] = {
        {-0.1, 0}, {0, 0.6}, {0.5, 0.5}, {NAN, 0.1}, {0.1, INFINITY}};
    dms_dataset d = make_set();

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const dms_split_options options = {
            .struct_size = sizeof options, .val = bad[i][0], .test = bad[i][1]};

        assert_int_equal(dms_dataset_split(&d, &options, NULL), DMS_EINVAL);
    }
}

static void splits_have_names(void **state)
{
    (void)state;
    assert_string_equal(dms_split_name(DMS_SPLIT_TRAIN), "train");
    assert_string_equal(dms_split_name(DMS_SPLIT_VAL), "val");
    assert_string_equal(dms_split_name(DMS_SPLIT_TEST), "test");
}

enum { FOLDS = 5 };

/* Patients of that fold with that label; label -1: all. */
static size_t in_fold(const int *fold, int which, int label)
{
    size_t count = 0;

    for (int i = 0; i < PATIENTS; i++)
        count +=
            fold[i] == which && (label < 0 || patients[i].labels[label] != 0);
    return count;
}

static void
folds_share_out_training_patients_in_all_and_in_every_label(void **state)
{
    static int fold[PATIENTS];
    dms_dataset d = make_set();

    (void)state;
    assert_int_equal(dms_dataset_split(&d, &shares, NULL), DMS_OK);
    assert_int_equal(dms_folds_deal(fold, &d, FOLDS, 1, NULL), DMS_OK);
    for (int i = 0; i < PATIENTS; i++) /* 700 of them train */
        assert_int_equal(fold[i] > 0, patients[i].split == DMS_SPLIT_TRAIN);
    for (int f = 1; f <= FOLDS; f++) {
        assert_int_equal(in_fold(fold, f, -1), 140);
        for (int k = 1; k < 7; k++) /* the rarest label of most patients */
            assert_in_range(in_fold(fold, f, k), 11, 17);
    }
}

static void folds_hold_at_most_one_more_of_a_stratum(void **state)
{
    static int fold[PATIENTS];
    dms_dataset d = make_set();

    (void)state;
    for (int i = 0; i < PATIENTS; i++) {
        patients[i].split = DMS_SPLIT_TRAIN;
        patients[i].labels[7] = i % 10 == 7; /* one label each */
    }
    assert_int_equal(dms_folds_deal(fold, &d, 7, 1, NULL), DMS_OK);
    for (int f = 1; f <= 7; f++)
        for (int k = 1; k < 8; k++)
            assert_in_range(in_fold(fold, f, k), 14, 15); /* 100 / 7 */
}

static void a_fold_is_independent_of_the_rows_order(void **state)
{
    static int by_id[PATIENTS], fold[PATIENTS];
    dms_dataset d = make_set();

    (void)state;
    for (int i = 0; i < PATIENTS; i++)
        patients[i].split = DMS_SPLIT_TRAIN;
    assert_int_equal(dms_folds_deal(by_id, &d, FOLDS, 1, NULL), DMS_OK);
    for (int i = 0; i < PATIENTS / 2; i++) {
        dms_patient swap = patients[i];

        patients[i] = patients[PATIENTS - 1 - i];
        patients[PATIENTS - 1 - i] = swap;
    }
    for (int i = 0; i < PATIENTS; i++)
        patients[i].group = (size_t)i;
    assert_int_equal(dms_folds_deal(fold, &d, FOLDS, 1, NULL), DMS_OK);
    for (int i = 0; i < PATIENTS; i++)
        assert_int_equal(fold[i], by_id[atoi(patients[i].id)]);
}

static void a_group_is_in_one_fold_without_its_other_splits(void **state)
{
    static int fold[PATIENTS];
    dms_dataset d = make_set();

    (void)state;
    for (int i = 0; i < PATIENTS; i++) {
        patients[i].group = (size_t)(i % 100);
        /* of each group nine train, also where the root does not */
        patients[i].split = i / 100 == i % 10 ? DMS_SPLIT_VAL : DMS_SPLIT_TRAIN;
    }
    assert_int_equal(dms_folds_deal(fold, &d, FOLDS, 1, NULL), DMS_OK);
    for (int i = 0; i < PATIENTS; i++) {
        int other = (i + 100) % PATIENTS;

        assert_int_equal(fold[i] == 0, patients[i].split == DMS_SPLIT_VAL);
        if (fold[i] && fold[other])
            assert_int_equal(fold[i], fold[other]);
    }
    for (int f = 1; f <= FOLDS; f++)
        assert_int_equal(in_fold(fold, f, -1), 180);
}

static void more_folds_than_groups_are_refused(void **state)
{
    static int fold[PATIENTS];
    dms_dataset d = make_set();
    dms_error err = {0};

    (void)state;
    for (int i = 0; i < PATIENTS; i++) {
        patients[i].group = (size_t)(i % 3);
        patients[i].split = DMS_SPLIT_TRAIN;
    }
    assert_int_equal(dms_folds_deal(fold, &d, 4, 1, &err), DMS_EINVAL);
    assert_string_equal(err.message,
                        "folds: 4, but the training patients are only 3 "
                        "groups that a fold keeps together");
    assert_int_equal(dms_folds_deal(fold, &d, 3, 1, NULL), DMS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_kept_in_all_and_in_every_label),
        cmocka_unit_test(a_patients_split_is_independent_of_the_rows_order),
        cmocka_unit_test(another_seed_gives_another_split),
        cmocka_unit_test(a_group_stays_on_one_side),
        cmocka_unit_test(the_tables_own_split_wins_unless_overridden),
        cmocka_unit_test(tiny_strata_still_add_up),
        cmocka_unit_test(wrong_shares_are_refused),
        cmocka_unit_test(splits_have_names),
        cmocka_unit_test(
            folds_share_out_training_patients_in_all_and_in_every_label),
        cmocka_unit_test(folds_hold_at_most_one_more_of_a_stratum),
        cmocka_unit_test(a_fold_is_independent_of_the_rows_order),
        cmocka_unit_test(a_group_is_in_one_fold_without_its_other_splits),
        cmocka_unit_test(more_folds_than_groups_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
