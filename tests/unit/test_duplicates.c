#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "alloc_fault.h"
#include "unit/small_set.h"

static void group(small_set *s)
{
    dms_error err = {0};

    if (dms_dataset_group_duplicates(&s->dataset, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
}

static void assert_groups(const small_set *s, const size_t *want)
{
    for (size_t i = 0; i < s->dataset.count; i++)
        if (s->patients[i].group != want[i])
            fail_msg("patient %s: group %zu, expected %zu", s->patients[i].id,
                     s->patients[i].group, want[i]);
}

static void copy_picture(const small_set *s, size_t to, int to_eye, size_t from,
                         int from_eye)
{
    uint8_t *data;
    size_t size;

    assert_int_equal(
        dms_file_read(&data, &size, s->paths[from][from_eye], 1 << 20, NULL),
        DMS_OK);
    small_set_write(s->paths[to][to_eye], data, size);
    dms_free(data);
}

static void different_pictures_stay_alone(void **state)
{
    small_set s;

    (void)state;
    small_set_make(&s, 4);
    s.patients[2].group = 0; /* what was there before does not count */
    group(&s);
    assert_groups(&s, (size_t[]){0, 1, 2, 3});
    small_set_remove(&s);
}

static void the_smallest_id_names_the_group_numbers_by_value(void **state)
{
    small_set s;

    (void)state;
    small_set_make(&s, 4);
    s.patients[0].id = (char *)"10";
    s.patients[1].id = (char *)"a";
    s.patients[2].id = (char *)"9";
    s.patients[3].id = (char *)"b";
    copy_picture(&s, 2, DMS_LEFT, 0, DMS_LEFT);
    copy_picture(&s, 3, DMS_LEFT, 1, DMS_LEFT);
    group(&s);
    assert_groups(&s, (size_t[]){2, 1, 2, 1});
    small_set_remove(&s);
}

static void a_chain_of_equal_eyes_is_one_group(void **state)
{
    small_set s;

    (void)state;
    small_set_make(&s, 5);
    copy_picture(&s, 3, DMS_LEFT, 4, DMS_RIGHT);
    copy_picture(&s, 1, DMS_LEFT, 3, DMS_RIGHT);
    copy_picture(&s, 2, DMS_RIGHT, 1, DMS_RIGHT);
    group(&s);
    assert_groups(&s, (size_t[]){0, 1, 1, 1, 1});
    small_set_remove(&s);
}

static void the_same_picture_as_left_and_right_joins_nobody_else(void **state)
{
    small_set s;

    (void)state;
    small_set_make(&s, 3);
    copy_picture(&s, 1, DMS_LEFT, 1, DMS_RIGHT);
    group(&s);
    assert_groups(&s, (size_t[]){0, 1, 2});
    small_set_remove(&s);
}

/* A JPEG with a comment more, and its pixels as a PNG: other files, the same
 * picture. */
static void pixels_count_and_not_the_files_bytes(void **state)
{
    static const uint8_t comment[] = {0xff, 0xfe, 0, 6, 'n', 'o', 't', 'e'};
    small_set s;
    dms_image image = small_set_picture(99, SMALL_SET_SIDE);
    uint8_t *data, longer[1 << 16];
    size_t size;

    (void)state;
    small_set_make(&s, 3);
    assert_int_equal(dms_image_write_jpeg(&image, s.paths[0][0], 90, NULL),
                     DMS_OK);
    dms_image_release(&image);
    assert_int_equal(
        dms_file_read(&data, &size, s.paths[0][0], sizeof longer - 8, NULL),
        DMS_OK);
    memcpy(longer, data, 2);
    memcpy(longer + 2, comment, sizeof comment);
    memcpy(longer + 2 + sizeof comment, data + 2, size - 2);
    small_set_write(s.paths[1][1], longer, size + sizeof comment);
    dms_free(data);
    assert_int_equal(dms_image_read(&image, s.paths[0][0], 0, NULL), DMS_OK);
    assert_int_equal(dms_image_write_png(&image, s.paths[2][0], NULL), DMS_OK);
    dms_image_release(&image);
    group(&s);
    assert_groups(&s, (size_t[]){0, 0, 0});
    small_set_remove(&s);
}

static void one_grey_level_in_one_pixel_makes_another_picture(void **state)
{
    small_set s;
    dms_image image = small_set_picture(0, SMALL_SET_SIDE);

    (void)state;
    small_set_make(&s, 2);
    image.rgb[3 * SMALL_SET_SIDE * SMALL_SET_SIDE - 1] ^= 1;
    assert_int_equal(dms_image_write_png(&image, s.paths[1][0], NULL), DMS_OK);
    dms_image_release(&image);
    group(&s);
    assert_groups(&s, (size_t[]){0, 1});
    small_set_remove(&s);
}

static void missing_and_broken_photographs_are_like_nobodys(void **state)
{
    small_set s;

    (void)state;
    small_set_make(&s, 4);
    small_set_write(s.paths[0][0], "broken", 6);
    small_set_write(s.paths[1][0], "broken", 6);
    s.patients[2].eye[0].path = s.patients[3].eye[0].path = NULL;
    assert_int_equal(remove(s.paths[2][1]), 0);
    assert_int_equal(remove(s.paths[3][1]), 0);
    group(&s);
    assert_groups(&s, (size_t[]){0, 1, 2, 3});
    small_set_remove(&s);
}

static bool at_once(void *user)
{
    (void)user;
    return true;
}

static void the_search_can_be_stopped(void **state)
{
    const dms_monitor monitor = {.should_stop = at_once};
    small_set s;

    (void)state;
    small_set_make(&s, 2);
    assert_int_equal(dms_dataset_group_duplicates(&s.dataset, &monitor, NULL),
                     DMS_ESTOPPED);
    small_set_remove(&s);
}

/* A twin that is overlooked could come to stand on both sides of a split. */
static void a_lack_of_memory_is_an_error(void **state)
{
    small_set s;
    alloc_fault fault = {0};

    (void)state;
    small_set_make(&s, 2);
    copy_picture(&s, 1, DMS_LEFT, 0, DMS_LEFT);
    while (alloc_fault_next(&fault))
        alloc_fault_end(&fault,
                        dms_dataset_group_duplicates(&s.dataset, NULL, NULL));
    assert_true(fault.count > 1);
    assert_groups(&s, (size_t[]){0, 0});
    small_set_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(different_pictures_stay_alone),
        cmocka_unit_test(the_smallest_id_names_the_group_numbers_by_value),
        cmocka_unit_test(a_chain_of_equal_eyes_is_one_group),
        cmocka_unit_test(the_same_picture_as_left_and_right_joins_nobody_else),
        cmocka_unit_test(pixels_count_and_not_the_files_bytes),
        cmocka_unit_test(one_grey_level_in_one_pixel_makes_another_picture),
        cmocka_unit_test(missing_and_broken_photographs_are_like_nobodys),
        cmocka_unit_test(the_search_can_be_stopped),
        cmocka_unit_test(a_lack_of_memory_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
