/* The files of a folder of photographs, whatever people call them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc_fault.h"
#include "dms/session.h"
#include "heard.h"
#include "own_folder.h"

#define JPEG     "\xff\xd8\xff\xe0 and so on"
#define COMPOSED "\xc3\xa9"
#define APART    "e\xcc\x81" /* the same letter, decomposed */

static const dms_monitor monitor = {.message = hear};
static const dms_dataset_options reading = {.struct_size = sizeof reading,
                                            .monitor = &monitor};

static dms_pair_list read_list(void)
{
    dms_pair_list list = {0};
    dms_error err = {0};

    said[0] = '\0';
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
            assert_string_equal(path ? path + strlen(folder) + 1 : "none",
                                names[eye]);
    }
}

/* "-1" may stand beside "1": they are two patients. */
static void an_id_keeps_its_own_separators(void **state)
{
    dms_pair_list list;

    (void)state;
    put("-1_left.jpg", "");
    put("-1_right.jpg", "");
    put("1_left.jpg", "");
    put("1_right.jpg", "");
    put("__a - OD.jpg", "");
    put("OS-__a_.jpg", "");
    list = read_list();
    assert_int_equal(list.count, 4);
    assert_pair(&list.pairs[0], "-1", "-1_left.jpg", "-1_right.jpg");
    assert_pair(&list.pairs[1], "1", "1_left.jpg", "1_right.jpg");
    assert_pair(&list.pairs[2], "__a", NULL, "__a - OD.jpg");
    assert_pair(&list.pairs[3], "a_", "OS-__a_.jpg", NULL);
    dms_pair_list_release(&list);
}

static void full_width_separators_and_unicode_blanks_separate(void **state)
{
    dms_pair_list list;

    (void)state;
    put("1\xef\xbc\xbfleft.jpg", "");
    put("1\xef\xbc\x8dright.jpg", "");
    put("OS\xe3\x80\x80"
        "2.jpg",
        "");
    put("\xc2\xa0"
        "2 OD.jpg",
        "");
    list = read_list();
    assert_int_equal(list.count, 2);
    assert_pair(&list.pairs[0], "1", "1\xef\xbc\xbfleft.jpg",
                "1\xef\xbc\x8dright.jpg");
    assert_pair(&list.pairs[1], "2",
                "OS\xe3\x80\x80"
                "2.jpg",
                "\xc2\xa0"
                "2 OD.jpg");
    dms_pair_list_release(&list);
}

static void blanks_behind_the_ending_do_not_count(void **state)
{
    dms_pair_list list;

    (void)state;
    put("1_left.jpg ", "");
    put("1_right.JPG\xc2\xa0", "");
    put("2_left.bmp ", "");
    list = read_list();
    assert_int_equal(list.count, 1);
    assert_pair(&list.pairs[0], "1", "1_left.jpg ", "1_right.JPG\xc2\xa0");
    assert_said("1 picture is left out: its format is not supported: "
                "2_left.bmp ");
    dms_pair_list_release(&list);
}

static void a_photograph_without_an_ending_is_known_by_its_content(void **state)
{
    char pipe[512];
    dms_pair_list list;

    (void)state;
    put("1_left", JPEG);
    put("1_right", "\x89PNG\r\n\x1a\n and so on");
    put("2.left", "II*");
    put("3_left", "");
    put("4_left", "version https://git-lfs.github.com/spec/v1\n");
    put("IMG_5", JPEG);
    put("6_left.jpg.bak", JPEG);
    put("OD_6.jpg.download", JPEG);
    put("IMG_5.2", JPEG);
    put("notes", "");
    snprintf(pipe, sizeof pipe, "%s/7_left", folder);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    list = read_list();
    assert_int_equal(list.count, 1);
    assert_pair(&list.pairs[0], "1", "1_left", "1_right");
    assert_said("4 files are left out: their names are those of photographs, "
                "but they have no ending and their content is not JPEG, PNG, "
                "TIFF or WebP: 2.left, 3_left, 4_left, 7_left\n");
    assert_said("2 photographs are left out: their names neither begin nor end "
                "with a word for an eye, as 7_left or OD-7 does: IMG_5, "
                "IMG_5.2\n");
    assert_said("2 photographs are left out: their names have the endings of "
                "other kinds of files: 6_left.jpg.bak, OD_6.jpg.download\n");
    assert_said("1 file is not a photograph: notes\n");
    dms_pair_list_release(&list);
}

/* Who shows the message escapes it, so that it is done once. */
static void names_are_told_byte_by_byte(void **state)
{
    dms_pair_list list;

    (void)state;
    put("1_left.jpg", "");
    put("a\tb\x1b.txt", "");
    put("M\xfcller.jpg", "");
    list = read_list();
    assert_said("1 file is not a photograph: a\tb\x1b.txt\n");
    assert_said("as 7_left or OD-7 does: M\xfcller.jpg\n");
    dms_pair_list_release(&list);
}

static void the_length_of_an_id_is_limited_as_in_tables(void **state)
{
    char name[160];
    dms_pair_list list;

    (void)state;
    memset(name, 'x', sizeof name);
    strcpy(name + 128, "_left.jpg");
    put(name, "");
    list = read_list();
    assert_int_equal(strlen(list.pairs[0].id), 128);
    dms_pair_list_release(&list);
    strcpy(name + 129, "_right.jpg");
    name[128] = 'x';
    put(name, "");
    assert_refused(DMS_EFORMAT, "_right.jpg: the id in the name has 129 bytes, "
                                "expected an id of 1 to 128 bytes");
}

static void one_id_in_two_unicode_forms_is_refused(void **state)
{
    (void)state;
    put("Ren" COMPOSED "_left.jpg", "");
    put("Ren" COMPOSED "_right.jpg", "");
    put("Ren" APART "_left.jpg", "");
    assert_refused(DMS_EMISMATCH,
                   "Ren" APART "_left.jpg and Ren" COMPOSED
                   "_left.jpg have the same id in two Unicode forms (composed "
                   "and decomposed); rename one");
}

static void a_failed_allocation_leaks_nothing(void **state)
{
    alloc_fault fault = {0};

    (void)state;
    put("Ren" COMPOSED "_left.jpg", "");
    put("1_right", JPEG);
    put("2_right", "");
    while (alloc_fault_next(&fault)) {
        dms_pair_list list = {0};
        dms_status st = dms_pair_list_read(&list, folder, NULL);

        alloc_fault_end(&fault, st);
        dms_pair_list_release(&list);
    }
    assert_true(fault.count > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(an_id_keeps_its_own_separators),
        TEST_IN_FOLDER(full_width_separators_and_unicode_blanks_separate),
        TEST_IN_FOLDER(blanks_behind_the_ending_do_not_count),
        TEST_IN_FOLDER(a_photograph_without_an_ending_is_known_by_its_content),
        TEST_IN_FOLDER(names_are_told_byte_by_byte),
        TEST_IN_FOLDER(the_length_of_an_id_is_limited_as_in_tables),
        TEST_IN_FOLDER(one_id_in_two_unicode_forms_is_refused),
        TEST_IN_FOLDER(a_failed_allocation_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
