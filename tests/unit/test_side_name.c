/* The grammar of docs/data-format.md, name by name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "data/picture_name.h"
#include "data/side_name.h"
#include "dms/data.h"

typedef struct example {
    const char *name;
    dms_side_kind kind;
    int side;
    const char *id;
} example;

static void assert_reads(const example *e)
{
    dms_side_name n = dms_side_name_read(e->name, strlen(e->name));
    char id[128];

    snprintf(id, sizeof id, "%.*s%.*s", (int)n.folder_len, n.folder,
             (int)n.id_len, n.id);
    if (n.kind != e->kind || n.side != e->side ||
        (e->id && strcmp(id, e->id) != 0))
        fail_msg("'%s' is of kind %d, side %d, id '%s'; want %d, %d, '%s'",
                 e->name, (int)n.kind, n.side, id, (int)e->kind, e->side,
                 e->id ? e->id : "");
}

static void a_side_stands_before_or_behind_the_id(void **state)
{
    static const example examples[] = {
        {"12_left.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"12_RIGHT.JPG", DMS_NAME_ONE_SIDE, DMS_RIGHT, "12"},
        {"12.Left.jpeg", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"12 - OD.tif", DMS_NAME_ONE_SIDE, DMS_RIGHT, "12"},
        {"os-12.png", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"OI 12", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"12_l", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"R_12_b.jpe", DMS_NAME_ONE_SIDE, DMS_RIGHT, "12_b"},
        {"12_links.jfif", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"12_Rechts.webp", DMS_NAME_ONE_SIDE, DMS_RIGHT, "12"},
        {"12-gauche.tiff", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"droit 12.jpg", DMS_NAME_ONE_SIDE, DMS_RIGHT, "12"},
        {"12_izquierdo.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"12_DERECHO.jpg", DMS_NAME_ONE_SIDE, DMS_RIGHT, "12"},
        {"12_droite.jpg", DMS_NAME_ONE_SIDE, DMS_RIGHT, "12"},
        {"izquierda-12.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"12 Derecha.jpg", DMS_NAME_ONE_SIDE, DMS_RIGHT, "12"},
        {"12_left.jpg \t", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"12.3_left.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "12.3"},
        {"Jos\xc3\xa9_left.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "Jos\xc3\xa9"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_reads(&examples[i]);
}

/* Only what is between id and side belongs to neither. */
static void an_id_keeps_the_separators_at_its_other_end(void **state)
{
    static const example examples[] = {
        {"-1_left.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "-1"},
        {"__1__left_.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "__1"},
        {"_OD_1_.jpg", DMS_NAME_ONE_SIDE, DMS_RIGHT, "1_"},
        {"-_left.jpg", DMS_NAME_BARE, DMS_SIDE_NONE, "-_left"},
        {" 1 _left", DMS_NAME_ONE_SIDE, DMS_LEFT, "1"},
        {"\xc2\xa0-1\xe3\x80\x80left", DMS_NAME_ONE_SIDE, DMS_LEFT, "-1"},
        {"1\xef\xbc\xbfleft", DMS_NAME_ONE_SIDE, DMS_LEFT, "1"},
        {"1 \xe2\x80\x93 left", DMS_NAME_ONE_SIDE, DMS_LEFT, "1"}, /* en dash */
        {"right\xef\xbc\x8d\xef\xbc\x91", DMS_NAME_ONE_SIDE, DMS_RIGHT,
         "\xef\xbc\x91"},
        {"\xef\xbc\xbf"
         "1\xef\xbc\x8eleft",
         DMS_NAME_ONE_SIDE, DMS_LEFT,
         "\xef\xbc\xbf"
         "1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_reads(&examples[i]);
}

/* "le" and "re" are an article, a surname, "again": at the end, and alone. */
static void le_and_re_are_sides_only_at_the_end(void **state)
{
    static const example examples[] = {
        {"12_re.jpg", DMS_NAME_ONE_SIDE, DMS_RIGHT, "12"},
        {"12-LE", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"LE/12.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"le_12.jpg", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "le_12"},
        {"Le_Blanc_left.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "Le_Blanc"},
        {"left_12_re.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "12_re"},
        {"12_left_re.jpg", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "12_left_re"},
        {"12_le_re", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "12_le_re"},
        {"12re.jpg", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "12re"},
        {"centre_12", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "centre_12"},
        {"12_re_2.jpg", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "12_re_2"},
        {"re.jpg", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "re"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_reads(&examples[i]);
    assert_int_equal(dms_side_word_side("LE", 2), DMS_LEFT);
    assert_int_equal(dms_side_word_side("re", 2), DMS_RIGHT);
}

static void chinese_needs_no_separator(void **state)
{
    static const example examples[] = {
        {"12\xe5\xb7\xa6.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"\xe5\xbc\xa0\xe5\x8f\xb3\xe7\x9c\xbc.jpg", DMS_NAME_ONE_SIDE,
         DMS_RIGHT, "\xe5\xbc\xa0"},
        {"\xe5\x8f\xb3\x31\x32.jpg", DMS_NAME_ONE_SIDE, DMS_RIGHT, "12"},
        {"12_\xe5\x8f\xb3.jpg", DMS_NAME_ONE_SIDE, DMS_RIGHT, "12"},
        /* a family name */
        {"\xe5\xb7\xa6\xe6\x98\x8e_right.jpg", DMS_NAME_ONE_SIDE, DMS_RIGHT,
         "\xe5\xb7\xa6\xe6\x98\x8e"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_reads(&examples[i]);
}

static void a_name_without_a_side_is_an_id(void **state)
{
    static const example examples[] = {
        {"12.jpg", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "12"},
        {"12left.jpg", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "12left"},
        {"12_left_2.jpg", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "12_left_2"},
        {"bright_12.jpg", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "bright_12"},
        {"rod-12", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "rod-12"},
        {"", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, ""},
        {"_-. ", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "_-. "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_reads(&examples[i]);
}

static void a_side_alone_and_two_sides_are_told_apart(void **state)
{
    static const example examples[] = {
        {"l.jpg", DMS_NAME_BARE, DMS_SIDE_NONE, "l"},
        {"OS", DMS_NAME_BARE, DMS_SIDE_NONE, "OS"},
        {"_left_.png", DMS_NAME_BARE, DMS_SIDE_NONE, "_left_"},
        {"\xe5\xb7\xa6\xe7\x9c\xbc.jpg", DMS_NAME_BARE, DMS_SIDE_NONE, NULL},
        {"od_os_1.jpg", DMS_NAME_TWO_SIDES, DMS_SIDE_NONE, NULL},
        {"left_1_right.jpg", DMS_NAME_TWO_SIDES, DMS_SIDE_NONE, NULL},
        {"1_od_os.jpg", DMS_NAME_TWO_SIDES, DMS_SIDE_NONE, NULL},
        {"left_right.jpg", DMS_NAME_TWO_SIDES, DMS_SIDE_NONE, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_reads(&examples[i]);
}

static void folders_belong_to_the_id_or_are_the_side(void **state)
{
    static const example examples[] = {
        {"a/12_left.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "a/12"},
        {"a/left_12.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "a/12"},
        {"Left/12.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"a\\OD\\12.jpg", DMS_NAME_ONE_SIDE, DMS_RIGHT, "a\\12"},
        {"a/12/right.jpg", DMS_NAME_ONE_SIDE, DMS_RIGHT, "a/12"},
        {"12/_OS_.jpg", DMS_NAME_ONE_SIDE, DMS_LEFT, "12"},
        {"a/12.jpg", DMS_NAME_NO_SIDE, DMS_SIDE_NONE, "a/12"},
        {"/left.jpg", DMS_NAME_BARE, DMS_SIDE_NONE, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_reads(&examples[i]);
}

/* Of every name: one side exactly where the kind says so, the pieces inside
 * the name. */
static void whatever_the_name_the_answer_holds_together(void **state)
{
    static const char *const pieces[] = {
        "left",         "R",  "_",  "-",           "/",
        "\\",           "12", "x",  ".jpg",        "\xe5\xb7\xa6",
        "\xe7\x9c\xbc", " ",  "re", "\xef\xbc\xbf"};
    enum { PIECES = sizeof pieces / sizeof pieces[0], LONG = 5 };
    size_t all = 1;

    (void)state;
    for (int i = 0; i < LONG; i++)
        all *= PIECES;
    for (size_t code = 0; code < all; code++) {
        char name[64] = "";
        size_t rest = code;
        dms_side_name n;

        for (int i = 0; i < LONG; i++, rest /= PIECES)
            strcat(name, pieces[rest % PIECES]);
        n = dms_side_name_read(name, strlen(name));
        if ((n.kind == DMS_NAME_ONE_SIDE) != (n.side != DMS_SIDE_NONE) ||
            n.folder < name || n.id < n.folder + n.folder_len ||
            n.id + n.id_len > name + strlen(name) ||
            (n.kind == DMS_NAME_ONE_SIDE && n.id_len == 0))
            fail_msg("'%s'", name);
    }
}

static int anywhere(const char *name)
{
    return dms_side_anywhere(name, strlen(name));
}

static void who_knows_the_id_finds_a_side_anywhere(void **state)
{
    (void)state;
    assert_int_equal(anywhere("IMG_left_0001.jpg"), DMS_LEFT);
    assert_int_equal(anywhere("left/12_l.jpg"), DMS_LEFT);
    assert_int_equal(anywhere("x/od.png"), DMS_RIGHT);
    assert_int_equal(anywhere("IMG\xef\xbc\xbfod\xef\xbc\xbf"
                              "1.png"),
                     DMS_RIGHT);
    assert_int_equal(anywhere("12_re.png"), DMS_RIGHT);
    assert_int_equal(anywhere("le_12_right.png"), DMS_RIGHT);
    assert_int_equal(anywhere("le_12.png"), DMS_SIDE_NONE);
    assert_int_equal(anywhere("copyright_1.jpg"), DMS_SIDE_NONE);
    assert_int_equal(anywhere("left/12_right.jpg"), DMS_SIDE_NONE);
    assert_int_equal(anywhere(""), DMS_SIDE_NONE);
}

static void litter_is_known(void **state)
{
    (void)state;
    assert_true(dms_picture_is_litter("._1_left.jpg"));
    assert_true(dms_picture_is_litter("THUMBS.DB"));
    assert_true(dms_picture_is_litter(".DS_Store"));
    assert_false(dms_picture_is_litter("1_left.jpg"));
    assert_true(dms_picture_is_unread("1_left.BMP"));
    assert_false(dms_picture_is_unread("1_left.jpe"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_side_stands_before_or_behind_the_id),
        cmocka_unit_test(an_id_keeps_the_separators_at_its_other_end),
        cmocka_unit_test(le_and_re_are_sides_only_at_the_end),
        cmocka_unit_test(chinese_needs_no_separator),
        cmocka_unit_test(a_name_without_a_side_is_an_id),
        cmocka_unit_test(a_side_alone_and_two_sides_are_told_apart),
        cmocka_unit_test(folders_belong_to_the_id_or_are_the_side),
        cmocka_unit_test(whatever_the_name_the_answer_holds_together),
        cmocka_unit_test(who_knows_the_id_finds_a_side_anywhere),
        cmocka_unit_test(litter_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
