/* The recipes in configs/: training accepts each as it stands. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <string.h>

#include "dms/train.h"

static void read_recipe(dms_train_options *o, const char *path)
{
    const dms_option_table *table = dms_train_option_table();
    dms_error err = {0};

    if (dms_options_read_yaml(o, table, path, NULL, &err) != DMS_OK ||
        dms_options_set(o, table, "data", "data", &err) != DMS_OK ||
        dms_train_options_check(o, &err) != DMS_OK)
        fail_msg("%s", err.message);
}

static void training_accepts_every_recipe(void **state)
{
    glob_t found = {0};

    (void)state;
    assert_int_equal(glob(DMS_TESTS_DIR "/../configs/*.yaml", 0, NULL, &found),
                     0);
    assert_true(found.gl_pathc >= 8);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        dms_train_options *o = NULL;

        assert_int_equal(dms_train_options_create(&o, NULL), DMS_OK);
        read_recipe(o, found.gl_pathv[i]);
        /* where things are is the user's to say */
        assert_string_equal(o->run, "run");
        assert_string_equal(o->pretrained, "");
        dms_train_options_destroy(o);
    }
    globfree(&found);
}

static void ablations_differ_in_the_parts_alone(void **state)
{
    const dms_option_table *table = dms_train_option_table();
    dms_train_options *whole = NULL, *plain = NULL;

    (void)state;
    assert_int_equal(dms_train_options_create(&whole, NULL), DMS_OK);
    assert_int_equal(dms_train_options_create(&plain, NULL), DMS_OK);
    read_recipe(whole, DMS_TESTS_DIR "/../configs/ablation-whole.yaml");
    read_recipe(plain, DMS_TESTS_DIR "/../configs/ablation-plain.yaml");
    for (size_t i = 0; i < table->count; i++) {
        const dms_option *option = &table->options[i];
        bool part = strcmp(option->name, "context") == 0 ||
                    strcmp(option->name, "fusion") == 0;
        char a[256], b[256];

        dms_option_get(a, sizeof a, whole, option);
        dms_option_get(b, sizeof b, plain, option);
        assert_int_equal(strcmp(a, b) == 0, !part);
    }
    dms_train_options_destroy(whole);
    dms_train_options_destroy(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_accepts_every_recipe),
        cmocka_unit_test(ablations_differ_in_the_parts_alone)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
