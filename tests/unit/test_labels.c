/* Label sets, and the tables that carry them. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fault.h"
#include "base/file.h"
#include "data/labels.h"
#include "dms/data.h"

enum { UNKNOWN = DMS_LABEL_UNKNOWN };

#define GRADES "grade=none,mild,moderate,severe,proliferative"

static char folder[] = "/tmp/test_labels.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_labels.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int type,
                      struct FTW *ftw)
{
    (void)info, (void)type, (void)ftw;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *put(const char *name, const char *text)
{
    static char paths[4][512];
    static int turn;
    char *path = paths[turn = (turn + 1) % 4];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    assert_int_equal(dms_file_write(path, text, strlen(text), NULL), DMS_OK);
    return path;
}

static dms_label_set *parse(const char *text)
{
    dms_label_set *set = NULL;
    dms_error err = {0};

    if (dms_label_set_parse(&set, text, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return set;
}

static void assert_unparsed(const char *text, const char *says)
{
    dms_label_set *set = NULL;
    dms_error err = {0};

    assert_int_not_equal(dms_label_set_parse(&set, text, &err), DMS_OK);
    if (!strstr(err.message, says))
        fail_msg("'%s' does not say '%s'", err.message, says);
}

/* The table with these labels (NULL: found by itself). */
static dms_dataset *open_table(const char *path, const char *labels)
{
    dms_dataset *d = NULL;
    dms_error err = {0};
    dms_label_set *set = labels ? parse(labels) : NULL;
    const dms_dataset_options options = {.struct_size = sizeof options,
                                         .labels = set};

    if (dms_dataset_open_with(&d, path, &options, &err) != DMS_OK)
        fail_msg("%s", err.message);
    dms_label_set_destroy(set);
    return d;
}

static void assert_refused(const char *text, const char *labels,
                           const char *says)
{
    dms_dataset *d = NULL;
    dms_error err = {0};
    dms_label_set *set = labels ? parse(labels) : NULL;
    const dms_dataset_options options = {.struct_size = sizeof options,
                                         .labels = set};

    assert_int_not_equal(
        dms_dataset_open_with(&d, put("bad.csv", text), &options, &err),
        DMS_OK);
    dms_label_set_destroy(set);
    if (!strstr(err.message, says))
        fail_msg("'%s' does not say '%s'", err.message, says);
}

/* The class that one-of labels say; -1: unknown. */
static int class_of(const uint8_t *labels, int count)
{
    int found = -1;

    for (int k = 0; k < count; k++)
        if (labels[k] == 1)
            found = k;
    return found;
}

static void a_list_is_any_of_and_an_equation_one_of(void **state)
{
    dms_label_set *any = parse("drusen,scar,N");
    dms_label_set *one = parse(GRADES);
    char text[128];

    (void)state;
    assert_int_equal(dms_label_set_count(any), 3);
    assert_int_equal(dms_label_set_task(any), DMS_TASK_MULTI_LABEL);
    assert_string_equal(dms_label_set_code(any, 1), "scar");
    assert_null(dms_label_set_code(any, 3));
    assert_null(dms_label_set_column(any));
    assert_int_equal(dms_label_set_find(any, "SCAR"), 1);
    assert_int_equal(dms_label_set_task(one), DMS_TASK_SINGLE_LABEL);
    assert_true(dms_label_set_ordered(one));
    assert_string_equal(dms_label_set_column(one), "grade");
    dms_label_set_text(text, sizeof text, one);
    assert_string_equal(text, GRADES);
    assert_false(dms_label_sets_equal(any, one));
    dms_label_set_destroy(any);
    dms_label_set_destroy(one);
}

static void odirs_codes_are_odirs_set(void **state)
{
    dms_label_set *set = parse("N,D,G,C,A,H,M,O");

    (void)state;
    assert_true(dms_label_set_is_odir(set));
    assert_string_equal(dms_label_set_name(set, 1), "Diabetes");
    assert_int_equal(dms_label_set_nothing_found(set), 0);
    assert_true(dms_label_sets_equal(set, dms_label_set_odir()));
    dms_label_set_destroy(set);
}

static void one_label_and_256_are_sets_and_no_more(void **state)
{
    char text[300 * 5] = "";
    dms_label_set *set = parse("dr");

    (void)state;
    assert_int_equal(dms_label_set_count(set), 1);
    dms_label_set_destroy(set);
    for (int k = 0; k < 256; k++)
        snprintf(text + strlen(text), 8, "%sk%d", k ? "," : "", k);
    set = parse(text);
    assert_int_equal(dms_label_set_count(set), 256);
    assert_string_equal(dms_label_set_code(set, 255), "k255");
    dms_label_set_destroy(set);
    strcat(text, ",one_more");
    assert_unparsed(text, "more than 256");
}

static void wrong_sets_say_what_is_wrong(void **state)
{
    (void)state;
    assert_unparsed("a,b,A", "code 'A' is there twice, as label 1 and 3");
    assert_unparsed("a,,b", "code 2 is empty");
    assert_unparsed("a b,c", "'a b' is not one word");
    assert_unparsed("grade=only", "one of a single label is no question");
    assert_unparsed("=a,b", "column '' is not");
    assert_unparsed("abcdefghijklmnopqrstuvwxyzabcdefghi",
                    "has 35 bytes, at most 32");
    assert_unparsed("nosuch.yaml", "nosuch.yaml");
}

static void yaml_names_everything(void **state)
{
    dms_label_set *set = parse(put("set.yaml", "kind: one-of\n"
                                               "column: DR grade\n"
                                               "nothing-found: r0\n"
                                               "labels:\n"
                                               "- code: r0\n"
                                               "  name: Keine Retinopathie\n"
                                               "- r1\n"
                                               "- {code: r2, name: schwer}\n"));

    (void)state;
    assert_int_equal(dms_label_set_count(set), 3);
    assert_true(dms_label_set_ordered(set));
    assert_string_equal(dms_label_set_column(set), "DR grade");
    assert_string_equal(dms_label_set_name(set, 0), "Keine Retinopathie");
    assert_string_equal(dms_label_set_name(set, 1), "r1");
    assert_int_equal(dms_label_set_nothing_found(set), 0);
    dms_label_set_destroy(set);
    set = parse(put("set.json", "{\"kind\": \"any-of\", \"labels\": [\"x\"]}"));
    assert_int_equal(dms_label_set_task(set), DMS_TASK_MULTI_LABEL);
    dms_label_set_destroy(set);
}

static void yaml_that_is_wrong_is_named_by_line(void **state)
{
    static const char *const cases[][2] = {
        {"kind: some-of\nlabels: [a]\n", ".yaml:1: kind: expected one-of or"},
        {"labels: [a]\n", "there is no kind"},
        {"kind: any-of\nlabels: a\n", ".yaml:2: labels: expected a list"},
        {"kind: any-of\nlabels: [a]\ncolour: b\n", ".yaml:3: unknown"},
        {"kind: any-of\nlabels: [a]\nnothing-found: b\n",
         "nothing-found: 'b' is not one of the codes"},
        {"kind: any-of\nlabels: [{name: x}]\n", ".yaml:2: a label is a code"},
        {"kind: any-of\nlabels: [a, a]\n", "code 'a' is there twice"},
        {"kind: any-of\nlabels: [a\n", "not YAML"},
        {"- a\n", "expected kind, labels"},
        {"", "expected kind, labels"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_unparsed(put("bad.yaml", cases[i][0]), cases[i][1]);
}

static void a_patient_has_the_worse_grade_of_the_eyes(void **state)
{
    static const struct {
        int left, right, patient; /* -1: unknown */
    } cases[] = {{0, 3, 3}, {2, 1, 2},   {4, -1, 4},
                 {1, 1, 1}, {-1, 1, -1}, {-1, -1, -1}};
    dms_label_set *set = parse(GRADES);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t eyes[2][5], patient[5];

        for (int k = 0; k < 5; k++) {
            eyes[0][k] = cases[i].left < 0 ? UNKNOWN : cases[i].left == k;
            eyes[1][k] = cases[i].right < 0 ? UNKNOWN : cases[i].right == k;
        }
        dms_labels_of_eyes(patient, set, eyes[0], eyes[1]);
        assert_int_equal(class_of(patient, 5), cases[i].patient);
        assert_int_equal(dms_labels_known(patient, 5), cases[i].patient >= 0);
        dms_labels_of_eyes(patient, set, NULL, eyes[1]);
        assert_int_equal(class_of(patient, 5), cases[i].right);
    }
    dms_label_set_destroy(set);
}

static void either_eye_gives_the_patient_a_label(void **state)
{
    const uint8_t left[] = {1, 0, 0, UNKNOWN}, right[] = {0, 1, 0, 0};
    const uint8_t none[] = {1, 0, 0, 0};
    dms_label_set *set =
        parse(put("n.yaml", "{kind: any-of, nothing-found: n, labels: [n, a, "
                            "b, c]}"));
    uint8_t patient[4];

    (void)state;
    dms_labels_of_eyes(patient, set, left, right);
    assert_memory_equal(patient, ((uint8_t[]){0, 1, 0, UNKNOWN}), 4);
    dms_labels_of_eyes(patient, set, left, none);
    assert_memory_equal(patient, ((uint8_t[]){UNKNOWN, 0, 0, UNKNOWN}), 4);
    dms_labels_of_eyes(patient, set, none, none);
    assert_memory_equal(patient, none, 4);
    dms_label_set_destroy(set);
}

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
                   ":1: there is no column 'grade' for the labels; the "
                   "columns are id, left, right, note");
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
                   "column 'age' is asked for as a label");
    assert_refused("id,left,right,split\n1,a,b,train\n", "split=train,test",
                   "column 'split' is asked for as a label");
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

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_list_is_any_of_and_an_equation_one_of),
        TEST(odirs_codes_are_odirs_set),
        TEST(one_label_and_256_are_sets_and_no_more),
        TEST(wrong_sets_say_what_is_wrong),
        TEST(yaml_names_everything),
        TEST(yaml_that_is_wrong_is_named_by_line),
        TEST(a_patient_has_the_worse_grade_of_the_eyes),
        TEST(either_eye_gives_the_patient_a_label),
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
