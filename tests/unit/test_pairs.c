/* Lists of pairs from folders: who is found, what is said of the rest. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc_fault.h"
#include "base/file.h"
#include "data/name_twin.h"
#include "dms/session.h"
#include "heard.h"
#include "own_folder.h"

static int begin(void **state)
{
    said[0] = '\0';
    return make_folder(state);
}

static void make_inner(const char *name)
{
    char *path = dms_path_join(folder, name);

    assert_int_equal(dms_folder_make(path, NULL), DMS_OK);
    dms_free(path);
}

static const dms_monitor monitor = {.message = hear};
static const dms_dataset_options reading = {.struct_size = sizeof reading,
                                            .monitor = &monitor};

static dms_pair_list read_list(void)
{
    dms_pair_list list = {0};
    dms_error err = {0};

    if (dms_pair_list_read_with(&list, folder, &reading, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return list;
}

static void assert_refused(dms_status status, const char *part)
{
    dms_pair_list list = {0};
    dms_error err = {0};

    assert_int_equal(dms_pair_list_read_with(&list, folder, &reading, &err),
                     status);
    if (!strstr(err.message, part))
        fail_msg("'%s' is not in '%s'", part, err.message);
}

static void assert_pair(const dms_pair *pair, const char *id, const char *left,
                        const char *right)
{
    const char *names[2] = {left, right};

    assert_string_equal(pair->id, id);
    for (int eye = 0; eye < 2; eye++) {
        const char *path = pair->path[eye];

        if (!names[eye])
            assert_null(path);
        else
            assert_string_equal(path + strlen(folder) + 1, names[eye]);
    }
}

static void eyes_are_paired_whatever_word_and_ending_name_them(void **state)
{
    dms_pair_list list;

    (void)state;
    put("10_left.jpg", "");
    put("10_OD.JPG", "");
    put("OS 9.jpe", "");
    put("9.r.jfif", "");
    put("droit-8.TIF", "");
    list = read_list();
    assert_int_equal(list.count, 3);
    assert_pair(&list.pairs[0], "8", NULL, "droit-8.TIF");
    assert_pair(&list.pairs[1], "9", "OS 9.jpe", "9.r.jfif");
    assert_pair(&list.pairs[2], "10", "10_left.jpg", "10_OD.JPG");
    assert_said("1 eye without a fellow is used for both: droit-8.TIF");
    dms_pair_list_release(&list);
}

/* By text "10" < "1a" < "2", by value 2 < 10: all of it would be a circle. */
static void numbers_come_by_value_before_other_ids(void **state)
{
    static const char *const ids[] = {"2", "10", "1a"};
    dms_pair_list list;

    (void)state;
    put("1a_left.jpg", "");
    put("10_left.jpg", "");
    put("2_left.jpg", "");
    list = read_list();
    for (size_t i = 0; i < list.count; i++)
        assert_string_equal(list.pairs[i].id, ids[i]);
    dms_pair_list_release(&list);
}

static void files_that_are_not_used_are_named_with_the_reason(void **state)
{
    dms_pair_list list;

    (void)state;
    put("1_left.jpg", "");
    put("1_right.jpg", "");
    put("2_left.bmp", "");
    put("IMG_1.jpg", "");
    put("IMG_2.jpg", "");
    put("notes.txt", "");
    put("._1_left.jpg", "");
    put("Thumbs.db", "");
    put("desktop.ini", "");
    make_inner("old_left.jpg");
    list = read_list();
    assert_int_equal(list.count, 1);
    assert_said(
        "1 picture is left out: its format is not supported: 2_left.bmp\n");
    assert_said("2 photographs are left out: their names neither begin nor end "
                "with a word for an eye, as 7_left or OD-7 does: IMG_1.jpg, "
                "IMG_2.jpg\n");
    assert_said("1 file is not a photograph: notes.txt\n");
    assert_said("1 folder is not searched: old_left.jpg\n");
    assert_null(strstr(said, "Thumbs"));
    assert_null(strstr(said, "desktop"));
    assert_null(strstr(said, "._"));
    dms_pair_list_release(&list);
}

static void many_names_are_counted_and_a_few_told(void **state)
{
    dms_pair_list list;

    (void)state;
    put("1_left.jpg", "");
    for (char name[] = "a.txt"; name[0] < 'h'; name[0]++)
        put(name, "");
    list = read_list();
    assert_said("7 files are not photographs: a.txt, b.txt, c.txt, d.txt, "
                "e.txt, ...\n");
    dms_pair_list_release(&list);
}

static void two_sides_in_a_name_are_refused(void **state)
{
    (void)state;
    put("1_left.jpg", "");
    put("od_os_1.jpg", "");
    put("2_l_r.jpg", "");
    assert_refused(DMS_EMISMATCH, "2_l_r.jpg, od_os_1.jpg");
}

static void a_side_without_a_patient_is_refused(void **state)
{
    (void)state;
    put("1_left.jpg", "");
    put("l.jpg", "");
    assert_refused(DMS_EMISMATCH, "no patient in the name of l.jpg");
}

static void the_same_eye_twice_is_refused(void **state)
{
    (void)state;
    put("1_left.jpg", "");
    put("1_OS.png", "");
    put("10_left.jpg", "");
    assert_refused(DMS_EMISMATCH, "patient 1 has two left photographs, "
                                  "1_OS.png and 1_left.jpg");
}

static void a_folder_of_nothing_that_is_read_says_what_it_holds(void **state)
{
    (void)state;
    put("1.jpg", "");
    assert_refused(DMS_EINVAL, "has no table");
    assert_said("1 photograph is left out");
}

static void a_missing_file_is_told_beside_the_one_that_is_there(void **state)
{
    static const char *const cases[][3] = {
        {"1_left.jpg", "1_left.JPG", "; '1_left.JPG' is there"},
        {"2_left.jpg", "2_Left.jpg", "; '2_Left.jpg' is there"},
        {"3_left.jpg", "3_left.png", "; '3_left.png' is there"},
        {"4_left.jpg", "4_left.bmp", "; '4_left.bmp' is there"},
        {"5_left.jpg", " 5_left.jpg", "; ' 5_left.jpg' is there"},
        {"\xc3\xa9_left.jpg", "e\xcc\x81_left.jpg",
         "; 'e\xcc\x81_left.jpg' is there, in another Unicode form"},
        {"7_left.jpg", "77_left.jpg", ""},
        {"8_left.jpg", "8_left.jpg\xc2\xa0", "; '8_left.jpg\xc2\xa0' is there"},
        {"Ren\xc3\xa9_left.jpg", "Ren\xc3\xa9_left.jpg ",
         "; 'Ren\xc3\xa9_left.jpg ' is there"},
        {"\xff_left.jpg", "\xff_Left.jpg", "; '\xff_Left.jpg' is there"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = dms_path_join(folder, cases[i][0]);
        char text[256];

        put(cases[i][1], "");
        dms_name_twin_text(text, sizeof text, path);
        assert_string_equal(text, cases[i][2]);
        dms_free(path);
    }
}

static void a_link_to_nothing_is_not_its_own_twin(void **state)
{
    char *path = dms_path_join(folder, "1_left.jpg");
    char text[256];

    (void)state;
    assert_int_equal(symlink("nowhere", path), 0);
    assert_true(dms_name_twin_text(text, sizeof text, path));
    assert_string_equal(text, "");
    dms_free(path);
}

static void the_nearest_of_several_twins_is_told(void **state)
{
    char *path = dms_path_join(folder, "1_left.jpg");
    char text[256];

    (void)state;
    put("1_left.bmp", "");
    put("1_left.png", "");
    put("1_LEFT.jpg", "");
    dms_name_twin_text(text, sizeof text, path);
    assert_string_equal(text, "; '1_LEFT.jpg' is there");
    dms_free(path);
}

static void a_failed_allocation_leaks_nothing(void **state)
{
    alloc_fault fault = {0};

    (void)state;
    put("1_left.jpg", "");
    put("1_right.jpg", "");
    put("2_right.jpg", "");
    while (alloc_fault_next(&fault)) {
        dms_pair_list list = {0};
        dms_status st = dms_pair_list_read(&list, folder, NULL);

        alloc_fault_end(&fault, st);
        dms_pair_list_release(&list);
    }
    assert_true(fault.count > 5);
}

#define TEST_HEARD(name)                                                       \
    cmocka_unit_test_setup_teardown(name, begin, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_HEARD(eyes_are_paired_whatever_word_and_ending_name_them),
        TEST_HEARD(numbers_come_by_value_before_other_ids),
        TEST_HEARD(files_that_are_not_used_are_named_with_the_reason),
        TEST_HEARD(many_names_are_counted_and_a_few_told),
        TEST_HEARD(two_sides_in_a_name_are_refused),
        TEST_HEARD(a_side_without_a_patient_is_refused),
        TEST_HEARD(the_same_eye_twice_is_refused),
        TEST_HEARD(a_folder_of_nothing_that_is_read_says_what_it_holds),
        TEST_HEARD(a_missing_file_is_told_beside_the_one_that_is_there),
        TEST_HEARD(a_link_to_nothing_is_not_its_own_twin),
        TEST_HEARD(the_nearest_of_several_twins_is_told),
        TEST_HEARD(a_failed_allocation_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
