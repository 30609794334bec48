#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "alloc_fault.h"
#include "unit/small_set.h"

/* A report and what it is, read back. */
typedef struct told {
    dms_data_report *report;
    json_t *json;
} told;

static told check(const small_set *s)
{
    told t = {0};
    dms_error err = {0};
    json_error_t fault;

    if (dms_data_check(&t.report, &s->dataset, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    t.json = json_loads(t.report->json, 0, &fault);
    if (!t.json)
        fail_msg("JSON line %d: %s", fault.line, fault.text);
    return t;
}

static void forget(told *t)
{
    dms_data_report_destroy(t->report);
    json_decref(t->json);
}

static const char *what(const told *t, const char *kind, size_t index)
{
    const json_t *entry = json_array_get(json_object_get(t->json, kind), index);
    const char *text = json_string_value(json_object_get(entry, "what"));

    if (!text)
        fail_msg("%s has no entry %zu in\n%s", kind, index, t->report->json);
    return text;
}

static size_t listed(const told *t, const char *kind)
{
    return json_array_size(json_object_get(t->json, kind));
}

static void assert_holds(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s", part, text);
}

static void a_good_set_has_counts_and_no_findings(void **state)
{
    static const char *const kinds[] = {"missing", "unreadable", "identical",
                                        "suspicious", "contradictions"};
    small_set s;
    told t;

    (void)state;
    small_set_make(&s, 3);
    s.patients[1].eye[DMS_LEFT].labelled = false;
    s.patients[1].eye[DMS_LEFT].labels[0] = 0;
    s.patients[1].eye[DMS_LEFT].keywords = (char *)"low image quality";
    t = check(&s);
    assert_int_equal(t.report->patients, 3);
    assert_int_equal(t.report->eyes, 6);
    assert_int_equal(t.report->labelled_eyes, 5);
    assert_int_equal(t.report->ungradable_eyes, 1);
    for (int i = 0; i < 5; i++)
        if (listed(&t, kinds[i]) != 0)
            fail_msg("%s: %s", kinds[i], what(&t, kinds[i], 0));
    assert_holds(t.report->text, "N 3");
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(t.json, "labels"), "N")),
                     3);
    forget(&t);
    small_set_remove(&s);
}

static void missing_and_unreadable_are_told_with_their_reason(void **state)
{
    small_set s;
    told t;

    (void)state;
    small_set_make(&s, 3);
    assert_int_equal(remove(s.paths[0][DMS_LEFT]), 0);
    small_set_write(s.paths[1][DMS_RIGHT], "no picture", 10);
    small_set_write(s.paths[2][DMS_LEFT], "", 0);
    t = check(&s);
    assert_int_equal(t.report->missing, 1);
    assert_int_equal(t.report->unreadable, 2);
    assert_int_equal(t.report->identical, 0);
    assert_holds(what(&t, "missing", 0), "left");
    assert_holds(what(&t, "missing", 0), s.paths[0][DMS_LEFT]);
    assert_holds(what(&t, "missing", 0), "No such file");
    assert_holds(what(&t, "unreadable", 0), s.paths[1][DMS_RIGHT]);
    assert_holds(what(&t, "unreadable", 1), "empty");
    assert_holds(t.report->text, s.paths[1][DMS_RIGHT]);
    forget(&t);
    small_set_remove(&s);
}

static void identical_pictures_name_each_other(void **state)
{
    small_set s;
    told t;

    (void)state;
    small_set_make(&s, 3);
    small_set_paint(s.paths[0][DMS_RIGHT], 0, SMALL_SET_SIDE);
    small_set_paint(s.paths[2][DMS_LEFT], 0, SMALL_SET_SIDE);
    t = check(&s);
    assert_int_equal(t.report->identical, 2);
    assert_string_equal(what(&t, "identical", 0),
                        "right is the same picture as left of patient 1");
    assert_string_equal(what(&t, "identical", 1),
                        "left is the same picture as left of patient 1");
    assert_int_equal(t.report->contradictions, 0);
    forget(&t);
    small_set_remove(&s);
}

static void a_split_column_that_parts_twins_is_a_contradiction(void **state)
{
    small_set s;
    told t;

    (void)state;
    small_set_make(&s, 3);
    small_set_paint(s.paths[2][DMS_LEFT], 0, SMALL_SET_SIDE);
    s.patients[2].split = DMS_SPLIT_VAL;
    s.dataset.has_split_column = true;
    t = check(&s);
    assert_int_equal(t.report->contradictions, 1);
    assert_holds(what(&t, "contradictions", 0), "separates it from patient 1");
    forget(&t);
    small_set_remove(&s);
}

/* Make the picture one that a person should look at. */
static void fill_grey(dms_image *image, int grey)
{
    memset(image->rgb, grey, 3 * (size_t)image->width * (size_t)image->height);
}

static void make_black(dms_image *image)
{
    fill_grey(image, 2);
}

static void make_white(dms_image *image)
{
    fill_grey(image, 250);
}

static void make_flat(dms_image *image)
{
    fill_grey(image, 100);
}

static void make_tiny(dms_image *image)
{
    image->width = image->height = 40;
}

/* As the hospital's own preprocessing left patients 2174 to 2182. */
static void make_background_white(dms_image *image)
{
    for (size_t i = 0; i < 3 * (size_t)image->width * (size_t)image->height;
         i += 3)
        if (image->rgb[i] == 0)
            memset(image->rgb + i, 255, 3);
}

static void suspicious_photographs_are_told_with_the_reason(void **state)
{
    static const struct {
        void (*make)(dms_image *);
        const char *reason;
    } cases[] = {{make_black, "nearly black"},
                 {make_white, "nearly white"},
                 {make_flat, "hardly any contrast"},
                 {make_tiny, "only 40 x 40 pixels"},
                 {make_background_white, "white background"}};
    enum { CASES = sizeof cases / sizeof *cases };
    small_set s;
    told t;

    (void)state;
    small_set_make(&s, CASES);
    for (size_t i = 0; i < CASES; i++) {
        dms_image image = small_set_picture(50 + i, SMALL_SET_SIDE);

        cases[i].make(&image);
        assert_int_equal(
            dms_image_write_png(&image, s.paths[i][DMS_LEFT], NULL), DMS_OK);
        dms_image_release(&image);
    }
    t = check(&s);
    assert_int_equal(t.report->suspicious, CASES);
    for (size_t i = 0; i < CASES; i++)
        assert_holds(what(&t, "suspicious", i), cases[i].reason);
    forget(&t);
    small_set_remove(&s);
}

static void a_row_that_contradicts_itself_is_told_with_its_line(void **state)
{
    small_set s;
    told t;

    (void)state;
    small_set_make(&s, 6);
    s.patients[0].labels[3] = 1; /* normal, and a cataract */
    s.patients[0].eye[DMS_LEFT].keywords = NULL;
    s.patients[1].labels[0] = 0; /* nothing at all */
    s.patients[1].eye[DMS_LEFT].keywords = NULL;
    s.patients[2].eye[DMS_LEFT].keywords =
        (char *)"dry age-related macular degeneration";
    s.patients[3].labelled = false;
    s.patients[4].age = 140;
    t = check(&s);
    assert_int_equal(t.report->contradictions, 5);
    assert_string_equal(what(&t, "contradictions", 0),
                        "line 2: both normal and C");
    assert_holds(what(&t, "contradictions", 1), "line 3: none of");
    assert_string_equal(what(&t, "contradictions", 2),
                        "line 4: labels are N, the keywords say A");
    assert_string_equal(what(&t, "contradictions", 3), "line 5: no labels");
    assert_string_equal(what(&t, "contradictions", 4), "line 6: age 140");
    forget(&t);
    small_set_remove(&s);
}

static void unknown_ages_and_sexes_are_counted(void **state)
{
    small_set s;
    told t;

    (void)state;
    small_set_make(&s, 3);
    s.patients[0].age = s.patients[2].age = -1;
    s.patients[1].sex = '?';
    t = check(&s);
    assert_int_equal(
        json_integer_value(json_object_get(t.json, "unknown_ages")), 2);
    assert_int_equal(
        json_integer_value(json_object_get(t.json, "unknown_sexes")), 1);
    assert_holds(t.report->text, "age of 2, sex of 1");
    forget(&t);
    small_set_remove(&s);
}

static void the_text_shows_twenty_and_the_json_all(void **state)
{
    small_set s;
    told t;

    (void)state;
    small_set_make(&s, 12);
    for (int i = 0; i < 24; i++)
        assert_int_equal(remove(s.paths[i / 2][i % 2]), 0);
    t = check(&s);
    assert_int_equal(t.report->missing, 24);
    assert_int_equal(listed(&t, "missing"), 24);
    assert_holds(t.report->text, "and 4 more");
    assert_holds(t.report->text, s.paths[9][DMS_RIGHT]);
    assert_null(strstr(t.report->text, s.paths[10][DMS_LEFT]));
    forget(&t);
    small_set_remove(&s);
}

/* File names are bytes; JSON wants UTF-8. */
static void a_finding_whose_name_is_no_utf8_is_in_the_json_too(void **state)
{
    static const char *const names[] = {"/tmp/nowhere_\xe9.jpg",
                                        "/tmp/nowhere_\xe7\x9c\xbc.jpg"};
    char cut[512] = "/tmp/no";
    small_set s;
    told t;

    (void)state;
    while (strlen(cut) < 400) /* is cut within one of its letters */
        strcat(cut, "\xe7\x9c\xbc");
    small_set_make(&s, 2);
    s.dataset.table = (char *)"t\xe9.csv";
    s.patients[0].eye[DMS_LEFT].path = (char *)names[0];
    s.patients[0].eye[DMS_RIGHT].path = (char *)names[1];
    s.patients[1].eye[DMS_LEFT].path = cut;
    t = check(&s);
    assert_int_equal(listed(&t, "missing"), 3);
    assert_holds(what(&t, "missing", 0), "nowhere_\\xE9.jpg");
    assert_holds(what(&t, "missing", 1), names[1]);
    assert_holds(what(&t, "missing", 2), "/tmp/no\xe7\x9c\xbc");
    assert_string_equal(json_string_value(json_object_get(t.json, "table")),
                        "t\\xE9.csv");
    forget(&t);
    small_set_remove(&s);
}

static bool at_once(void *user)
{
    (void)user;
    return true;
}

static void the_check_can_be_stopped(void **state)
{
    const dms_monitor monitor = {.should_stop = at_once};
    dms_data_report *report = NULL;
    small_set s;

    (void)state;
    small_set_make(&s, 1);
    assert_int_equal(dms_data_check(&report, &s.dataset, &monitor, NULL),
                     DMS_ESTOPPED);
    assert_null(report);
    small_set_remove(&s);
}

static void a_lack_of_memory_is_an_error(void **state)
{
    alloc_fault fault = {0};
    small_set s;

    (void)state;
    small_set_make(&s, 1);
    while (alloc_fault_next(&fault)) {
        dms_data_report *report = NULL;
        dms_status st = dms_data_check(&report, &s.dataset, NULL, NULL);

        alloc_fault_end(&fault, st);
        if (st == DMS_OK)
            assert_int_equal(report->unreadable, 0);
        dms_data_report_destroy(report);
    }
    small_set_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_set_has_counts_and_no_findings),
        cmocka_unit_test(missing_and_unreadable_are_told_with_their_reason),
        cmocka_unit_test(identical_pictures_name_each_other),
        cmocka_unit_test(a_split_column_that_parts_twins_is_a_contradiction),
        cmocka_unit_test(suspicious_photographs_are_told_with_the_reason),
        cmocka_unit_test(a_row_that_contradicts_itself_is_told_with_its_line),
        cmocka_unit_test(unknown_ages_and_sexes_are_counted),
        cmocka_unit_test(the_text_shows_twenty_and_the_json_all),
        cmocka_unit_test(a_finding_whose_name_is_no_utf8_is_in_the_json_too),
        cmocka_unit_test(the_check_can_be_stopped),
        cmocka_unit_test(a_lack_of_memory_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
