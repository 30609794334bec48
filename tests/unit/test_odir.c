/* ODIR's forms, and what any pairs need, become data sets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc_fault.h"
#include "tables.h"

static void the_challenge_form_is_read(void **state)
{
    dms_dataset *d;
    const dms_patient *p;

    (void)state;
    put("annotations.csv",
        CHALLENGE "N,D,G,C,A,H,M,O,split\n"
                  "7,69,Female,7_left.jpg,7_right.jpg,cataract,"
                  "normal fundus,0,0,0,1,0,0,0,0,train\n"
                  "12,1,male,12_left.jpg,12_right.jpg,"
                  "\"lens dust,low image quality\",drusen,"
                  "0,0,0,0,0,0,0,1,validation\n");
    put("images/7_left.jpg", "");
    d = open_set(folder, NULL);
    assert_int_equal(d->count, 2);
    assert_true(d->has_split_column);
    assert_string_equal(d->table, at("annotations.csv"));
    p = &d->patients[0];
    assert_string_equal(p->id, "7");
    assert_int_equal(p->age, 69);
    assert_int_equal(p->sex, 'F');
    assert_int_equal(p->line, 2);
    assert_true(p->labelled);
    assert_int_equal(p->labels[3], 1);
    assert_int_equal(p->split, DMS_SPLIT_TRAIN);
    assert_string_equal(p->eye[DMS_LEFT].path, at("images/7_left.jpg"));
    assert_int_equal(p->eye[DMS_LEFT].labels[3], 1);
    assert_int_equal(p->eye[DMS_RIGHT].labels[0], 1);
    p = &d->patients[1];
    assert_int_equal(p->age, -1);
    assert_int_equal(p->sex, 'M');
    assert_int_equal(p->split, DMS_SPLIT_VAL);
    assert_false(p->eye[DMS_LEFT].labelled);
    assert_string_equal(p->eye[DMS_LEFT].keywords,
                        "lens dust,low image quality");
    assert_true(p->eye[DMS_RIGHT].labelled);
    assert_int_equal(p->group, 1);
    dms_dataset_close(d);
}

/* The annotations with only these of ODIR's labels. */
static dms_dataset *open_some(const char *codes)
{
    dms_dataset *d = NULL;
    dms_error err = {0};
    dms_label_set *set = NULL;
    dms_dataset_options options = {.struct_size = sizeof options};

    assert_int_equal(dms_label_set_parse(&set, codes, &err), DMS_OK);
    options.labels = set;
    if (dms_dataset_open_with(&d, at("annotations.csv"), &options, &err) !=
        DMS_OK)
        fail_msg("%s", err.message);
    dms_label_set_destroy(set);
    return d;
}

static void keywords_label_the_eyes_for_some_of_odirs_labels_too(void **state)
{
    static const char *const unknown[] = {"D,X", "normal,D"};
    dms_dataset *d;

    (void)state;
    put("annotations.csv",
        CHALLENGE "N,D,G,C,X,normal\n"
                  "7,69,Female,,,\"glaucoma,cataract\",normal fundus,"
                  "0,0,1,1,0,0\n"
                  "8,70,Male,,,lens dust,mild nonproliferative retinopathy,"
                  "0,1,0,0,0,0\n");
    d = open_some("G,D");
    assert_true(d->patients[0].eye[DMS_LEFT].labelled);
    assert_int_equal(d->patients[0].eye[DMS_LEFT].labels[0], 1);
    assert_int_equal(d->patients[0].eye[DMS_LEFT].labels[1], 0);
    assert_true(d->patients[0].eye[DMS_RIGHT].labelled);
    assert_int_equal(d->patients[0].eye[DMS_RIGHT].labels[0], 0);
    assert_int_equal(d->patients[0].eye[DMS_RIGHT].labels[1], 0);
    assert_false(d->patients[1].eye[DMS_LEFT].labelled);
    assert_int_equal(d->patients[1].eye[DMS_RIGHT].labels[0], 0);
    assert_int_equal(d->patients[1].eye[DMS_RIGHT].labels[1], 1);
    dms_dataset_close(d);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        d = open_some(unknown[i]);
        assert_false(d->patients[0].eye[DMS_LEFT].labelled);
        assert_false(d->patients[0].eye[DMS_RIGHT].labelled);
        dms_dataset_close(d);
    }
}

/* The right eye's cataract makes the patient not normal, asked for or not. */
static void a_check_holds_some_labels_to_all_of_the_keywords(void **state)
{
    dms_data_report *report = NULL;
    dms_error err = {0};
    dms_dataset *d;

    (void)state;
    put("annotations.csv", CHALLENGE "N,D\n"
                                     "7,69,Female,,,normal fundus,cataract,"
                                     "0,0\n"
                                     "8,70,Male,,,normal fundus,cataract,"
                                     "1,0\n");
    d = open_some("N,D");
    assert_int_equal(dms_data_check(&report, d, NULL, &err), DMS_OK);
    assert_null(strstr(report->text, "line 2: labels are"));
    assert_non_null(
        strstr(report->text, "line 3: labels are N, the keywords say none"));
    dms_data_report_destroy(report);
    dms_dataset_close(d);
}

static void an_eye_without_any_of_one_of_labels_is_not_labelled(void **state)
{
    dms_label labels[] = {{.code = "G"}, {.code = "D"}};
    dms_label_options about;
    dms_dataset_options options = {.struct_size = sizeof options};
    dms_label_set *set = NULL;
    dms_dataset *d = NULL;

    (void)state;
    put("annotations.csv", CHALLENGE "D,G\n"
                                     "7,69,Female,,,glaucoma,drusen,0,1\n");
    dms_label_options_init(&about, sizeof about);
    about.labels = labels, about.count = 2;
    about.task = DMS_TASK_SINGLE_LABEL;
    assert_int_equal(dms_label_set_create(&set, &about, NULL), DMS_OK);
    options.labels = set;
    assert_int_equal(
        dms_dataset_open_with(&d, at("annotations.csv"), &options, NULL),
        DMS_OK);
    assert_true(d->patients[0].eye[DMS_LEFT].labelled);
    assert_int_equal(d->patients[0].eye[DMS_LEFT].labels[0], 1);
    assert_false(d->patients[0].eye[DMS_RIGHT].labelled);
    dms_dataset_close(d);
    dms_label_set_destroy(set);
}

static void oia_odirs_folders_are_known(void **state)
{
    dms_dataset *d;

    (void)state;
    put("Training Set/Annotation/training annotation (Chinese).xlsx", "");
    put("Training Set/Annotation/training annotation (English).csv",
        CHALLENGE "N,D,G,C,A,H,M,O\n"
                  "1,50,Male,1_left.jpg,1_right.jpg,a,b,1,0,0,0,0,0,0,0\n");
    put("Training Set/Images/1_left.jpg", "");
    d = open_set(at("Training Set"), NULL);
    assert_non_null(strstr(d->table, "(English).csv"));
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path,
                        at("Training Set/Annotation/../Images/1_left.jpg"));
    dms_dataset_close(d);
}

#define KAGGLE                                                                 \
    CHALLENGE "Normal ,Diabetes ,Glaucoma ,Cataract ,"                         \
              "Age related Macular Degeneration ,Hypertension ,"               \
              "Pathological Myopia ,Other diseases/abnormalities ,"            \
              "filepath,labels,target,filename\n"
#define KAGGLE_0 "0,69,Female,0_left.jpg,0_right.jpg,cataract,normal fundus,"

static void kaggles_rows_are_eyes(void **state)
{
    dms_dataset *d;

    (void)state;
    put("full_df.csv", KAGGLE KAGGLE_0
        "0,0,0,1,0,0,0,0,../x,['N'],\"[1, 0]\",0_right.jpg\n"
        "4,53,Male,4_left.jpg,4_right.jpg,glaucoma,drusen,"
        "0,0,1,0,0,0,0,1,../x,['O'],\"[1]\",4_right.jpg\n" KAGGLE_0
        "0,0,0,1,0,0,0,0,../x,['C'],\"[0, 1]\",0_left.jpg\n");
    put("ODIR-5K/ODIR-5K/Training Images/0_left.jpg", "");
    put("ODIR-5K/ODIR-5K/data.xlsx", "");
    d = open_set(folder, NULL);
    assert_int_equal(d->count, 2);
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path,
                        at("ODIR-5K/ODIR-5K/Training Images/0_left.jpg"));
    assert_non_null(d->patients[0].eye[DMS_RIGHT].path);
    assert_int_equal(d->patients[0].labels[3], 1);
    assert_null(d->patients[1].eye[DMS_LEFT].path);
    assert_non_null(d->patients[1].eye[DMS_RIGHT].path);
    assert_true(d->patients[1].eye[DMS_LEFT].labelled);
    dms_dataset_close(d);
}

static void kaggles_rows_must_agree(void **state)
{
    (void)state;
    assert_refused(KAGGLE KAGGLE_0
                   "0,0,0,1,0,0,0,0,x,x,x,0_right.jpg\n" KAGGLE_0
                   "0,0,1,1,0,0,0,0,x,x,x,0_left.jpg\n",
                   ":3: patient '0' contradicts line 2: column 'Glaucoma ' has "
                   "'1' here and '0' there");
    assert_refused(KAGGLE KAGGLE_0 "0,0,0,1,0,0,0,0,x,x,x,0_left.jpg\n" KAGGLE_0
                                   "0,0,0,1,0,0,0,0,x,x,x,0_left.jpg\n",
                   ":3: the row is the same as line 2, of patient '0'; remove "
                   "one of them");
    assert_refused(KAGGLE KAGGLE_0 "0,0,0,1,0,0,0,0,x,x,x,0_left.jpg\n" KAGGLE_0
                                   "0,0,0,1,0,0,0,0,y,x,x,0_left.jpg\n",
                   ":3: the left eye of patient '0' is listed twice, first in "
                   "line 2, and the two rows differ");
    assert_refused(KAGGLE KAGGLE_0 "0,0,0,1,0,0,0,0,x,x,x,9_left.jpg\n",
                   ":2: column filename: found '9_left.jpg', expected the "
                   "patient's left or right picture");
}

static void any_pairs_are_read(void **state)
{
    dms_dataset *d;
    const char *table =
        put("pairs.csv", "id;left;right\na;l/1.png;/r/1.png\nb;l/2.png;\n");

    (void)state;
    put("l/1.png", "");
    d = open_set(table, NULL);
    assert_int_equal(d->count, 2);
    assert_false(d->patients[0].labelled);
    assert_false(d->has_split_column);
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path, at("l/1.png"));
    assert_string_equal(d->patients[0].eye[DMS_RIGHT].path, "/r/1.png");
    assert_null(d->patients[1].eye[DMS_RIGHT].path);
    dms_dataset_close(d);
}

static void labels_alone_are_a_table(void **state)
{
    dms_dataset *d;
    const char *table = put("labels.csv", "ID,N,D,G,C,A,H,M,O\n"
                                          "3,0,1,0,0,0,0,0,1.0\n"
                                          "4,,,,,,,,\n");

    (void)state;
    d = open_set(table, NULL);
    assert_int_equal(d->count, 2);
    assert_true(d->patients[0].labelled);
    assert_int_equal(d->patients[0].labels[7], 1);
    assert_false(d->patients[1].labelled);
    assert_null(d->patients[0].eye[DMS_LEFT].path);
    assert_non_null(d->folder);
    dms_dataset_close(d);
}

static void an_empty_split_column_is_none(void **state)
{
    dms_dataset *d =
        open_set(put("t.csv", "id,left,right,split\n1,a,b,\n2,a,b,\n"), NULL);

    (void)state;
    assert_false(d->has_split_column);
    dms_dataset_close(d);
}

static void an_explicit_folder_of_images_wins(void **state)
{
    dms_dataset *d;
    dms_error err = {0};
    const char *table = put("t.csv", "id,left,right\n1,a.jpg,b.jpg\n");

    (void)state;
    put("images/a.jpg", "");
    put("elsewhere/nothing.txt", "");
    d = open_set(table, at("elsewhere"));
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path,
                        at("elsewhere/a.jpg"));
    dms_dataset_close(d);
    assert_int_equal(
        dms_dataset_open(&d, at("t.csv"), at("nowhere"), NULL, &err), DMS_EIO);
}

static void a_split_that_is_not_used_is_not_checked(void **state)
{
    const dms_dataset_options ignoring = {.struct_size = sizeof ignoring,
                                          .split_ignored = true};
    dms_dataset *d = open_with(
        put("t.csv", "id,left,right,split\n1,a,b,fold 3\n2,a,b,train\n"),
        &ignoring);

    (void)state;
    assert_false(d->has_split_column);
    assert_int_equal(d->patients[1].split, DMS_SPLIT_NONE);
    dms_dataset_close(d);
}

static void an_ambiguous_folder_lists_its_tables(void **state)
{
    dms_dataset *dataset = NULL;
    dms_error err = {0};

    (void)state;
    put("one.csv", "");
    put("two.csv", "");
    put("three.xlsx", "");
    assert_int_equal(dms_dataset_open(&dataset, folder, NULL, NULL, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "one.csv"));
    assert_non_null(strstr(err.message, "two.csv"));
    assert_null(strstr(err.message, "three.xlsx"));
}

static void a_folder_without_a_table_says_so(void **state)
{
    dms_dataset *dataset = NULL;
    dms_error err = {0};

    (void)state;
    assert_int_equal(dms_dataset_open(&dataset, folder, NULL, NULL, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "no table"));
    assert_int_equal(dms_dataset_open(&dataset, at("x"), NULL, NULL, NULL),
                     DMS_EIO);
}

static void a_failed_allocation_leaks_nothing(void **state)
{
    const char *table = put("t.csv", CHALLENGE "N,D,G,C,A,H,M,O\n"
                                               "1,50,Male,l,r,a,b,"
                                               "1,0,0,0,0,0,0,0\n");

    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        dms_dataset *dataset = NULL;

        alloc_fault_end(&fault,
                        dms_dataset_open(&dataset, table, NULL, NULL, NULL));
        assert_int_equal(dataset == NULL, fault.fired);
        dms_dataset_close(dataset);
    }
    assert_true(fault.count > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(the_challenge_form_is_read),
        TEST_IN_FOLDER(keywords_label_the_eyes_for_some_of_odirs_labels_too),
        TEST_IN_FOLDER(a_check_holds_some_labels_to_all_of_the_keywords),
        TEST_IN_FOLDER(an_eye_without_any_of_one_of_labels_is_not_labelled),
        TEST_IN_FOLDER(oia_odirs_folders_are_known),
        TEST_IN_FOLDER(kaggles_rows_are_eyes),
        TEST_IN_FOLDER(kaggles_rows_must_agree),
        TEST_IN_FOLDER(any_pairs_are_read),
        TEST_IN_FOLDER(labels_alone_are_a_table),
        TEST_IN_FOLDER(an_empty_split_column_is_none),
        TEST_IN_FOLDER(an_explicit_folder_of_images_wins),
        TEST_IN_FOLDER(a_split_that_is_not_used_is_not_checked),
        TEST_IN_FOLDER(an_ambiguous_folder_lists_its_tables),
        TEST_IN_FOLDER(a_folder_without_a_table_says_so),
        TEST_IN_FOLDER(a_failed_allocation_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
