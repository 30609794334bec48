/* How a user's wishes become a net's options. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "net/compute.h"

static dms_net_options apply(const dms_compute *compute, size_t patients,
                             bool training)
{
    dms_net_options options = {.mode = training ? DMS_RUN_TRAINING
                                                : DMS_RUN_INFERENCE};
    dms_error err = {0};

    if (dms_compute_apply(&options, compute, NULL, patients, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return options;
}

static void many_patients_pay_for_winograd(void **state)
{
    const dms_compute compute = {.struct_size = sizeof compute,
                                 .precision = DMS_PRECISION_FP32};

    (void)state;
    assert_false(apply(&compute, 1, false).winograd);
    assert_true(apply(&compute, 1000, false).winograd);
    assert_true(apply(&compute, 1, true).winograd);
}

static void deterministic_does_not_look_at_work_or_machine(void **state)
{
    const dms_compute compute = {.struct_size = sizeof compute,
                                 .precision = DMS_PRECISION_AUTO,
                                 .deterministic = true};

    (void)state;
    for (size_t patients = 1; patients <= 1000; patients *= 10)
        for (int training = 0; training < 2; training++) {
            dms_net_options o = apply(&compute, patients, training);

            assert_false(o.winograd);
            assert_int_equal(o.type, DMS_TYPE_F32);
            assert_false(o.int8);
        }
}

static void what_is_asked_for_stays_with_deterministic(void **state)
{
    const dms_compute compute = {.struct_size = sizeof compute,
                                 .precision = DMS_PRECISION_FP32,
                                 .winograd = DMS_WINOGRAD_YES,
                                 .deterministic = true};

    (void)state;
    assert_true(apply(&compute, 1, false).winograd);
}

static void int8_needs_a_quantised_model(void **state)
{
    const dms_compute compute = {.struct_size = sizeof compute,
                                 .precision = DMS_PRECISION_INT8};
    dms_net_options options = {0};
    dms_error err = {0};

    (void)state;
    assert_int_equal(dms_compute_apply(&options, &compute, NULL, 1, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "int8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_patients_pay_for_winograd),
        cmocka_unit_test(deterministic_does_not_look_at_work_or_machine),
        cmocka_unit_test(what_is_asked_for_stays_with_deterministic),
        cmocka_unit_test(int8_needs_a_quantised_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
