/* An engine without memory, at whichever allocation. Apart from test_engine,
 * which the thread sanitizer runs: there this would take minutes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc_fault.h"
#include "dms/session.h"

static void a_failed_allocation_of_an_engine_is_out_of_memory(void **state)
{
    const dms_compute compute = {
        .struct_size = sizeof compute, .threads = 2, .workers = 2};
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;
    alloc_fault fault = {0};

    (void)state;
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16;
    arch.size = 64;
    assert_int_equal(dms_model_create(&model, &arch, NULL, 5, NULL), DMS_OK);
    while (alloc_fault_next(&fault)) {
        dms_session *session = NULL;
        dms_error err = {0};
        dms_status st =
            dms_session_create_with(&session, model, 2, &compute, 0, &err);

        alloc_fault_end(&fault, st);
        assert_int_equal(st, err.code);
        dms_session_destroy(session);
    }
    dms_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_allocation_of_an_engine_is_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
