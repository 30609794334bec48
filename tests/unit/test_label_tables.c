/* Tables that carry labels: which columns they are, what a cell says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc_fault.h"
#include "label_tables.h"

static void grades_are_read_as_numbers_codes_and_names(void **state)
{
    dms_dataset *d = open_table(put("t.csv", "id,left,right,grade\n"
                                             "1,a,b,0\n2,a,b,4.0\n3,a,b,Mild\n"
                                             "4,a,b,\n5,a,b,severe\n"),
                                GRADES);
    static const int want[] = {0, 4, 1, -1, 3};

    (void)state;
    assert_int_equal(d->label_count, 5);
    for (size_t i = 0; i < 5; i++) {
        const dms_patient *p = &d->patients[i];

        assert_int_equal(class_of(p->labels, 5), want[i]);
        assert_int_equal(p->labelled, want[i] >= 0);
        assert_int_equal(p->labels[2], want[i] < 0 ? UNKNOWN : 0);
        assert_false(p->eye[DMS_LEFT].labelled);
    }
    dms_dataset_close(d);
}

static void codes_that_are_numbers_are_codes(void **state)
{
    dms_dataset *d =
        open_table(put("t.csv", "id,left,right,grade\n1,a,b,1\n2,a,b,3.0\n"),
                   "grade=1,2,3");

    (void)state;
    assert_int_equal(class_of(d->patients[0].labels, 3), 0);
    assert_int_equal(class_of(d->patients[1].labels, 3), 2);
    dms_dataset_close(d);
    assert_refused("id,left,right,grade\n1,a,b,0\n", "grade=1,2,3",
                   "column grade: found '0', expected 0 to 2 or one of 1,2,3");
}

static void an_empty_cell_is_unknown_and_not_zero(void **state)
{
    dms_dataset *d =
        open_table(put("t.csv", "id,drusen,left,right,scar,edema\n"
                                "1,1,a,b,,0\n2,,a,b,,\n3,0,a,b,0,1.0\n"),
                   "scar,drusen,edema");

    (void)state;
    assert_memory_equal(d->patients[0].labels, ((uint8_t[]){UNKNOWN, 1, 0}), 3);
    assert_true(d->patients[0].labelled);
    assert_false(d->patients[1].labelled);
    assert_memory_equal(d->patients[2].labels, ((uint8_t[]){0, 0, 1}), 3);
    dms_dataset_close(d);
    d = open_table(put("o.csv", "ID,N,D,G,C,A,H,M,O\n1,0,1,,0,0,0,0,0\n"),
                   NULL);
    assert_int_equal(d->patients[0].labels[2], UNKNOWN);
    assert_int_equal(d->patients[0].labels[1], 1);
    dms_dataset_close(d);
}

static void eyes_may_have_columns_of_their_own(void **state)
{
    dms_dataset *d =
        open_table(put("t.csv", "id,left,right,left_grade,right_grade\n"
                                "1,a,b,0,3\n2,a,b,1,\n3,a,,2,\n"),
                   GRADES);

    (void)state;
    assert_int_equal(class_of(d->patients[0].labels, 5), 3);
    assert_int_equal(class_of(d->patients[0].eye[DMS_LEFT].labels, 5), 0);
    assert_false(d->patients[1].labelled);
    assert_true(d->patients[1].eye[DMS_LEFT].labelled);
    assert_int_equal(class_of(d->patients[2].labels, 5), 2);
    dms_dataset_close(d);
    d = open_table(put("t.csv", "id,left,right,grade,Grade left,Grade right\n"
                                "1,a,b,4,0,3\n"),
                   GRADES);
    assert_int_equal(class_of(d->patients[0].labels, 5), 4);
    assert_int_equal(class_of(d->patients[0].eye[DMS_RIGHT].labels, 5), 3);
    dms_dataset_close(d);
}

static void eyepacs_table_is_read_as_it_is(void **state)
{
    const char *table = put("trainLabels.csv", "image,level\n10_left,0\n"
                                               "10_right,2\n13_left,4\n"
                                               "15_right,\n");
    dms_dataset *d;

    (void)state;
    put("10_right.jpeg", "");
    d = open_table(table, NULL);
    assert_int_equal(d->count, 3);
    assert_true(dms_label_sets_equal(d->labels, dms_label_set_eyepacs()));
    assert_string_equal(d->patients[0].id, "10");
    assert_int_equal(class_of(d->patients[0].labels, 5), 2);
    assert_int_equal(class_of(d->patients[0].eye[DMS_LEFT].labels, 5), 0);
    assert_non_null(
        strstr(d->patients[0].eye[DMS_RIGHT].path, "/10_right.jpeg"));
    assert_null(d->patients[1].eye[DMS_RIGHT].path);
    assert_int_equal(class_of(d->patients[1].labels, 5), 4);
    assert_false(d->patients[2].labelled);
    assert_false(d->patients[0].side_unknown);
    dms_dataset_close(d);
    assert_refused("image,level\n10_left,0\n10_left,1\n", NULL,
                   ":3: the left eye of patient '10' is listed twice, first in "
                   "line 2, and the two rows differ");
    assert_refused("image,level\n10_left,5\n", NULL,
                   "column level: found '5', expected 0 to 4");
}

static void aptos_photographs_are_of_unknown_side(void **state)
{
    dms_dataset *d = open_table(
        put("train.csv", "id_code,diagnosis\n0a1b,3\n0c2d,0\n"), NULL);

    (void)state;
    assert_int_equal(d->count, 2);
    assert_true(d->patients[0].side_unknown);
    assert_string_equal(d->patients[0].id, "0a1b");
    assert_non_null(d->patients[0].eye[DMS_LEFT].path);
    assert_null(d->patients[0].eye[DMS_RIGHT].path);
    assert_int_equal(class_of(d->patients[0].labels, 5), 3);
    assert_int_equal(class_of(d->patients[0].eye[DMS_LEFT].labels, 5), 3);
    dms_dataset_close(d);
}

static void a_models_grades_are_found_in_another_table(void **state)
{
    dms_dataset *d =
        open_table(put("train.csv", "id_code,diagnosis\n0a1b,3\n"), GRADES);

    (void)state;
    assert_int_equal(class_of(d->patients[0].labels, 5), 3);
    dms_dataset_close(d);
}

static void wrong_label_columns_say_what_is_there(void **state)
{
    (void)state;
    assert_refused("id,left,right,note\n1,a,b,c\n", GRADES,
                   ":1: the label column 'grade' is missing; the columns "
                   "are id, left, right, note");
    assert_refused("id,left,right,dr\n1,a,b,1\n", "dr,amd",
                   "of the label columns dr, amd, one is missing: amd");
    assert_refused("id,left,right,grade\n1,a,b,7\n", GRADES,
                   ":2: column grade: found '7', expected 0 to 4 or one of "
                   "none,mild,moderate,severe,proliferative");
    assert_refused("id,left,right,dr,dr\n1,a,b,1,1\n", "dr",
                   "columns 4 and 5 are both 'dr'");
}

static void age_sex_split_and_keywords_are_never_labels(void **state)
{
    (void)state;
    assert_refused("id,left,right,age,dr\n1,a,b,1,1\n", "age,dr",
                   "column 'age' cannot be a label");
    assert_refused("id,left,right,split\n1,a,b,train\n", "split=train,test",
                   "column 'split' cannot be a label");
}

static void without_known_labels_a_table_says_how_to_name_them(void **state)
{
    dms_dataset *d =
        open_table(put("t.csv", "id,left,right,grade\n1,a,b,2\n"), NULL);
    dms_error err = {0};

    (void)state;
    assert_null(d->labels);
    assert_int_equal(d->label_count, 0);
    assert_false(d->patients[0].labelled);
    assert_int_equal(dms_dataset_need_labels(d, &err), DMS_EFORMAT);
    assert_non_null(strstr(err.message, "id, left, right, grade"));
    assert_non_null(strstr(err.message, "--labels"));
    dms_dataset_close(d);
}

typedef struct heard {
    int count;
    char text[512];
} heard;

static void hear(void *user, dms_log_level level, const char *text)
{
    heard *h = user;

    if (level == DMS_LOG_INFO && strstr(text, "not used")) {
        h->count++;
        snprintf(h->text, sizeof h->text, "%s", text);
    }
}

static void a_column_that_is_not_used_is_named_once(void **state)
{
    heard h = {0};
    const dms_monitor monitor = {.user = &h, .message = hear};
    const dms_dataset_options options = {.struct_size = sizeof options,
                                         .monitor = &monitor};
    dms_dataset *d = NULL;

    (void)state;
    assert_int_equal(
        dms_dataset_open_with(
            &d, put("t.csv", "id,left,right,note,camera\n1,a,b,x,y\n2,a,b,,\n"),
            &options, NULL),
        DMS_OK);
    assert_int_equal(h.count, 1);
    assert_non_null(strstr(h.text, "columns not used: note, camera"));
    dms_dataset_close(d);
}

static void a_failed_allocation_leaks_nothing(void **state)
{
    const char *table = put("t.csv", "image,level\n1_left,0\n1_right,2\n");
    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        dms_label_set *set = NULL;
        dms_dataset *d = NULL;
        dms_status st = dms_label_set_parse(&set, GRADES, NULL);

        if (st == DMS_OK)
            st = dms_dataset_open(&d, table, NULL, NULL, NULL);
        alloc_fault_end(&fault, st);
        dms_dataset_close(d);
        dms_label_set_destroy(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(grades_are_read_as_numbers_codes_and_names),
        TEST(codes_that_are_numbers_are_codes),
        TEST(an_empty_cell_is_unknown_and_not_zero),
        TEST(eyes_may_have_columns_of_their_own),
        TEST(eyepacs_table_is_read_as_it_is),
        TEST(aptos_photographs_are_of_unknown_side),
        TEST(a_models_grades_are_found_in_another_table),
        TEST(wrong_label_columns_say_what_is_there),
        TEST(age_sex_split_and_keywords_are_never_labels),
        TEST(without_known_labels_a_table_says_how_to_name_them),
        TEST(a_column_that_is_not_used_is_named_once),
        TEST(a_failed_allocation_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
