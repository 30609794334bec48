/* Programs and libraries of different versions: structs of options grow, and
 * whoever knows less of them is served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/growing.h"
#include "dms/dms.h"

typedef struct old_options {
    size_t struct_size;
    int epochs;
} old_options;

typedef struct options {
    size_t struct_size;
    int epochs;
    double rate;
} options;

typedef struct new_options {
    size_t struct_size;
    int epochs;
    double rate;
    const char *unheard_of;
} new_options;

static const options defaults = {.epochs = 60, .rate = 0.1};

static dms_status take(options *own, const void *given, dms_error *err)
{
    dms_growing_init(own, sizeof *own, &defaults, sizeof defaults);
    return dms_growing_take(own, sizeof *own, given, "options", err);
}

static void an_older_program_gets_defaults_for_what_it_lacks(void **state)
{
    struct {
        old_options given;
        unsigned char behind[32];
    } caller;
    options own;

    (void)state;
    memset(&caller, 0xee, sizeof caller);
    dms_growing_init(&caller.given, sizeof caller.given, &defaults,
                     sizeof defaults);
    assert_int_equal(caller.given.epochs, 60);
    for (size_t i = 0; i < sizeof caller.behind; i++)
        assert_int_equal(caller.behind[i], 0xee);
    caller.given.epochs = 5;
    assert_int_equal(take(&own, &caller.given, NULL), DMS_OK);
    assert_int_equal(own.epochs, 5);
    assert_true(own.rate == 0.1);
    assert_int_equal(own.struct_size, sizeof own);
}

static void
a_newer_program_may_leave_new_fields_zero_but_not_set_them(void **state)
{
    new_options given;
    options own;
    dms_error err = {0};

    (void)state;
    memset(&given, 0xee, sizeof given);
    dms_growing_init(&given, sizeof given, &defaults, sizeof defaults);
    assert_null(given.unheard_of);
    given.rate = 0.5;
    assert_int_equal(take(&own, &given, NULL), DMS_OK);
    assert_true(own.rate == 0.5);
    given.unheard_of = "x";
    assert_int_equal(take(&own, &given, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "does not know"));
    assert_true(own.rate == 0.1); /* unchanged */
}

static void no_options_at_all_are_the_defaults(void **state)
{
    options own;

    (void)state;
    assert_int_equal(take(&own, NULL, NULL), DMS_OK);
    assert_int_equal(own.epochs, 60);
}

static void a_struct_that_was_not_initialised_is_refused(void **state)
{
    static const size_t sizes[] = {0, 4, 1 << 20, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        options given = {.struct_size = sizes[i], .epochs = 7}, own;
        dms_error err = {0};

        assert_int_equal(take(&own, &given, &err), DMS_EINVAL);
        assert_non_null(strstr(err.message, "init function"));
        assert_int_equal(own.epochs, 60);
    }
}

/* Each public call looks at the size before anything else. */
static void
every_call_with_options_refuses_a_struct_without_a_size(void **state)
{
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;
    dms_session *session = NULL;
    dms_bench *bench = NULL;
    dms_bench_report *measured = NULL;
    dms_quantize_report *quantised = NULL;
    dms_dataset data = {0}, *opened = NULL;
    dms_label_set *labels = NULL;
    const dms_answers answers = {0};
    dms_report *report = NULL;
    dms_calibrate_report *calibrated = NULL;
    const dms_compare_input input = {0};
    dms_comparison *comparison = NULL;
    dms_status st[18];

    (void)state;
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16, arch.size = 32;
    assert_int_equal(dms_model_create(&model, &arch, NULL, 1, NULL), DMS_OK);
    st[0] = dms_compute_check(&(dms_compute){0}, NULL);
    st[1] =
        dms_session_create_with(&session, model, 1, &(dms_compute){0}, 0, NULL);
    st[2] = dms_model_import(&model, NULL, "x", &(dms_import_options){0}, NULL,
                             NULL);
    st[3] = dms_model_export_onnx(model, "x", &(dms_onnx_options){0}, NULL);
    st[4] = dms_model_export_safetensors(model, "x", &(dms_export_options){0},
                                         NULL);
    st[5] =
        dms_tensor_backward(model, "x", "y", &(dms_backward_options){0}, NULL);
    st[6] = dms_bench_create(&bench, model, &(dms_bench_options){0}, NULL);
    st[7] =
        dms_bench_run(&measured, model, &(dms_bench_options){0}, NULL, NULL);
    st[8] = dms_quantize(&quantised, &(dms_quantize_options){0}, NULL, NULL);
    st[9] = dms_evaluate(&report, NULL, &(dms_evaluate_options){0}, NULL, NULL);
    st[10] = dms_dataset_split(&data, &(dms_split_options){0}, NULL);
    st[11] =
        dms_dataset_open_with(&opened, "x", &(dms_dataset_options){0}, NULL);
    st[12] = dms_label_set_create(&labels, &(dms_label_options){0}, NULL);
    st[13] =
        dms_report_measure(&report, &answers, &(dms_report_options){0}, NULL);
    st[14] =
        dms_score_files(&report, "x", "y", &(dms_score_options){0}, NULL, NULL);
    st[15] =
        dms_calibrate(&calibrated, &(dms_calibrate_options){0}, NULL, NULL);
    st[16] = dms_compare(&comparison, &input, &(dms_compare_options){0}, NULL);
    st[17] = dms_compare_files(&comparison, &(dms_compare_files_options){0},
                               NULL, NULL);
    for (size_t i = 0; i < sizeof st / sizeof *st; i++)
        if (st[i] != DMS_EINVAL)
            fail_msg("call %zu: %s", i, dms_status_name(st[i]));
    dms_model_destroy(model);
}

static void missing_paths_are_said(void **state)
{
    dms_evaluate_options evaluate;
    dms_quantize_options quantize;
    dms_quantize_report *quantised = NULL;
    dms_calibrate_options calibrate;
    dms_calibrate_report *calibrated = NULL;
    dms_report *report = NULL;
    dms_error err = {0};

    (void)state;
    dms_evaluate_options_init(&evaluate, sizeof evaluate);
    assert_int_equal(evaluate.batch, 8);
    assert_int_equal(dms_evaluate(&report, NULL, &evaluate, NULL, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "missing"));
    err = (dms_error){0};
    dms_quantize_options_init(&quantize, sizeof quantize);
    assert_int_equal(dms_quantize(&quantised, &quantize, NULL, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "one is missing"));
    assert_null(quantised);
    err = (dms_error){0};
    dms_calibrate_options_init(&calibrate, sizeof calibrate);
    assert_string_equal(calibrate.point, "f1");
    assert_int_equal(dms_calibrate(&calibrated, &calibrate, NULL, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "one is missing"));
    assert_null(calibrated);
}

static void the_library_and_its_headers_have_one_version(void **state)
{
    char text[32];

    (void)state;
    snprintf(text, sizeof text, "%d.%d.%d", DMS_VERSION_MAJOR,
             DMS_VERSION_MINOR, DMS_VERSION_PATCH);
    assert_string_equal(dms_version(), text);
    assert_int_equal(dms_version_number(), DMS_VERSION_NUMBER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_program_gets_defaults_for_what_it_lacks),
        cmocka_unit_test(
            a_newer_program_may_leave_new_fields_zero_but_not_set_them),
        cmocka_unit_test(no_options_at_all_are_the_defaults),
        cmocka_unit_test(a_struct_that_was_not_initialised_is_refused),
        cmocka_unit_test(
            every_call_with_options_refuses_a_struct_without_a_size),
        cmocka_unit_test(missing_paths_are_said),
        cmocka_unit_test(the_library_and_its_headers_have_one_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
