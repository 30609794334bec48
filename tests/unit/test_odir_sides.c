/* Which photograph belongs to which eye of which patient, by names alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tables.h"

static void ids_of_one_persons_eyes_are_one_group(void **state)
{
    dms_dataset *d = open_heard("id,left,right\n"
                                "1_left,a,\n2_OS,b,\n1_right,,c\n"
                                "OD-2,,d\n3,e,f\n");
    static const size_t groups[] = {0, 1, 0, 1, 4};

    (void)state;
    assert_int_equal(d->count, 5);
    for (size_t i = 0; i < d->count; i++)
        assert_int_equal(d->patients[i].group, groups[i]);
    assert_said("4 ids are eyes of 2 persons, as 1_left and 1_right are");
    assert_said("4 of 5 ids name an eye, the others do not");
    assert_int_equal(dms_dataset_group_duplicates(d, NULL, NULL), DMS_OK);
    assert_int_equal(d->patients[2].group, 0);
    dms_dataset_close(d);
}

static void ids_that_are_sides_are_ids(void **state)
{
    dms_dataset *d = open_heard("id,left,right\nr,a,\nl,b,\nOS,c,\nos,d,\n");

    (void)state;
    for (size_t i = 0; i < d->count; i++)
        assert_int_equal(d->patients[i].group, i);
    assert_null(strstr(said, "ids"));
    dms_dataset_close(d);
}

/* Whichever way the hash falls: no person is on both sides. */
static void no_split_parts_a_persons_eyes(void **state)
{
    char table[4096] = "id,left,right\n";
    dms_split_options options;
    dms_dataset *d;

    (void)state;
    for (int i = 0; i < 40; i++)
        snprintf(table + strlen(table), sizeof table - strlen(table),
                 "%d_left,a,\n%d_right,,b\n", i, i);
    d = open_heard(table);
    dms_split_options_init(&options, sizeof options);
    options.val = options.test = 0.3;
    assert_int_equal(dms_dataset_split(d, &options, NULL), DMS_OK);
    for (size_t i = 0; i < d->count; i += 2)
        assert_int_equal(d->patients[i].split, d->patients[i + 1].split);
    dms_dataset_close(d);
}

static void a_split_column_that_parts_a_person_is_told(void **state)
{
    dms_dataset *d = open_heard("id,left,right,split\n"
                                "1_left,a,,train\n1_right,,b,val\n");

    (void)state;
    assert_said("the split column separates the eyes of 1 person, as 1_left "
                "(train) and 1_right (val)");
    dms_dataset_close(d);
}

/* The ids are the photographs', so the rows' labels are the eyes' own. */
static void sided_ids_of_photographs_make_pairs(void **state)
{
    dms_dataset *d = open_heard("id,filename,N,D,G,C,A,H,M,O\n"
                                "1_left,a.jpg,1,0,0,0,0,0,0,0\n"
                                "1_right,b.jpg,0,1,0,0,0,0,0,0\n");

    (void)state;
    assert_int_equal(d->count, 1);
    assert_string_equal(d->patients[0].id, "1");
    assert_non_null(strstr(d->patients[0].eye[DMS_RIGHT].path, "b.jpg"));
    assert_int_equal(d->patients[0].labels[1], 1);
    assert_int_equal(d->patients[0].eye[DMS_LEFT].labels[0], 1);
    dms_dataset_close(d);
}

/* R-1 is a patient's code where the photographs are of both eyes. */
static void a_code_that_begins_as_a_side_does_is_an_id(void **state)
{
    dms_dataset *d = open_heard("id,filename,N,D,G,C,A,H,M,O\n"
                                "R-1,a_left.jpg,1,0,0,0,0,0,0,0\n"
                                "R-1,b_right.jpg,1,0,0,0,0,0,0,0\n");

    (void)state;
    assert_int_equal(d->count, 1);
    assert_string_equal(d->patients[0].id, "R-1");
    assert_non_null(d->patients[0].eye[DMS_LEFT].path);
    dms_dataset_close(d);
}

static void photographs_are_named_by_any_word_for_a_side(void **state)
{
    dms_dataset *d = open_heard("image,level\n"
                                "7_OD,0\nLEFT-7.jpeg,2\n8,1\n");

    (void)state;
    assert_int_equal(d->count, 2);
    assert_string_equal(d->patients[0].id, "7");
    assert_false(d->patients[0].side_unknown);
    assert_true(d->patients[1].side_unknown);
    assert_said("it is unknown which eye the photographs of 1 of 2 patients "
                "show, the first is 8");
    dms_dataset_close(d);
    assert_refused("image,level\nod_os_1,0\n",
                   ":2: column image: found 'od_os_1', expected a name with "
                   "one side");
}

static void a_column_of_sides_says_which_eye(void **state)
{
    dms_dataset *d = open_heard("id,image,laterality\n"
                                "7,x1.jpg,OD\n7,x2.jpg,os\n8,x3.jpg,R\n");

    (void)state;
    assert_int_equal(d->count, 2);
    assert_non_null(strstr(d->patients[0].eye[DMS_RIGHT].path, "x1.jpg"));
    assert_non_null(strstr(d->patients[0].eye[DMS_LEFT].path, "x2.jpg"));
    assert_null(d->patients[1].eye[DMS_LEFT].path);
    dms_dataset_close(d);
    assert_refused("id,filename,eye\n7,7_left.jpg,right\n",
                   ":2: column eye: found 'right', expected the side that the "
                   "photograph's name says");
    assert_refused("id,filename,eye\n7,x.jpg,right\n7,y.jpg,\n",
                   ":3: column filename: found 'y.jpg', expected the patient's "
                   "left or right picture");
}

static void backslashes_part_folders(void **state)
{
    dms_dataset *d;

    (void)state;
    put("p/1_left.jpg", "");
    put("a\\b.jpg", "");
    d = open_heard("id,left,right\n1,p\\1_left.jpg,a\\b.jpg\n");
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path, at("p/1_left.jpg"));
    assert_string_equal(d->patients[0].eye[DMS_RIGHT].path, at("a\\b.jpg"));
    dms_dataset_close(d);
}

static void an_ending_that_is_not_written_may_be_in_capitals(void **state)
{
    dms_dataset *d;

    (void)state;
    put("1_left.JPG", "");
    put("1_right.jpe", "");
    d = open_heard("image,level\n1_left,0\n1_right,0\n");
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path, at("1_left.JPG"));
    assert_string_equal(d->patients[0].eye[DMS_RIGHT].path, at("1_right.jpe"));
    dms_dataset_close(d);
}

static void photographs_under_other_names_are_found_to_be_told(void **state)
{
    dms_dataset *d;

    (void)state;
    put("images/1_left.JPG", "");
    d = open_heard("id,left,right\n1,1_left.jpg,\n");
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path,
                        at("images/1_left.jpg"));
    assert_said("'1_left.jpg' is missing; '1_left.JPG' is there");
    dms_dataset_close(d);
    d = open_heard("id,left,right\n1,Images/1_left.JPG,\n");
    assert_said("'Images/1_left.JPG' is missing; 'images' is there");
    dms_dataset_close(d);
}

static void a_check_counts_pictures_that_no_row_names(void **state)
{
    static const dms_monitor monitor = {.message = hear};
    dms_data_report *report = NULL;
    dms_dataset *d;

    (void)state;
    put("images/1_left.jpg", "");
    put("images/1_right.JPG", "");
    put("images/2_left.bmp", "");
    put("images/notes.txt", "");
    put("images/.hidden.jpg", "");
    d = open_heard("id,left,right\n1,1_left.jpg,\n");
    assert_int_equal(dms_data_check(&report, d, &monitor, NULL), DMS_OK);
    assert_said("2 of the 3 pictures are not named in ");
    assert_said(": 1_right.JPG, 2_left.bmp\n");
    dms_data_report_destroy(report);
    dms_dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(ids_of_one_persons_eyes_are_one_group),
        TEST_IN_FOLDER(ids_that_are_sides_are_ids),
        TEST_IN_FOLDER(no_split_parts_a_persons_eyes),
        TEST_IN_FOLDER(a_split_column_that_parts_a_person_is_told),
        TEST_IN_FOLDER(sided_ids_of_photographs_make_pairs),
        TEST_IN_FOLDER(a_code_that_begins_as_a_side_does_is_an_id),
        TEST_IN_FOLDER(photographs_are_named_by_any_word_for_a_side),
        TEST_IN_FOLDER(a_column_of_sides_says_which_eye),
        TEST_IN_FOLDER(backslashes_part_folders),
        TEST_IN_FOLDER(an_ending_that_is_not_written_may_be_in_capitals),
        TEST_IN_FOLDER(photographs_under_other_names_are_found_to_be_told),
        TEST_IN_FOLDER(a_check_counts_pictures_that_no_row_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
