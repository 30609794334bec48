/* Label sets; the tables that carry them are in test_label_tables.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "label_tables.h"

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
    assert_unparsed("a,b,A", "duplicate code 'A', labels 1 and 3");
    assert_unparsed("a,,b", "code 2 is empty");
    assert_unparsed("a b,c", "'a b' is not one word");
    assert_unparsed("grade=only", "single-label with 1 label, expected 2");
    assert_unparsed("=a,b", "column '' is not");
    assert_unparsed("abcdefghijklmnopqrstuvwxyzabcdefghi",
                    "has 35 bytes, expected at most 32");
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
        {"labels: [a]\n", "'kind' is missing"},
        {"kind: any-of\nlabels: a\n", ".yaml:2: labels: expected a list"},
        {"kind: any-of\nlabels: [a]\ncolour: b\n", ".yaml:3: unknown"},
        {"kind: any-of\nlabels: [a]\nnothing-found: b\n",
         "nothing-found: 'b' is not one of the codes"},
        {"kind: any-of\nlabels: [{name: x}]\n", ".yaml:2: a label is a code"},
        {"kind: any-of\nlabels: [a, a]\n", "duplicate code 'a'"},
        {"kind: any-of\nlabels: [a\n", "not YAML"},
        {"- a\n", "expected a mapping with kind"},
        {"", "expected a mapping with kind"},
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
