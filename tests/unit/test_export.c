/* Export: what happens without memory, and options that make no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc_fault.h"
#include "dms/export.h"
#include "dms/model.h"

typedef struct fixture {
    char folder[64], path[96];
    dms_model *model;
    dms_model *plain; /* the same backbone, and as little as may be behind it */
} fixture;

static int setup(void **state)
{
    static fixture f;
    dms_architecture arch = dms_architecture_default();

    snprintf(f.folder, sizeof f.folder, "/tmp/dms_export_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    snprintf(f.path, sizeof f.path, "%s/m", f.folder);
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16;
    arch.size = 32;
    *state = &f;
    if (dms_model_create(&f.model, &arch, NULL, 5, NULL) != DMS_OK)
        return -1;
    arch.context = DMS_CONTEXT_NONE, arch.fusion = DMS_FUSION_CONCAT;
    return dms_model_create(&f.plain, &arch, NULL, 5, NULL) == DMS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    fixture *f = *state;

    dms_model_destroy(f->model);
    dms_model_destroy(f->plain);
    remove(f->path);
    return rmdir(f->folder); /* which says that nothing else was left */
}

typedef dms_status exporter(const fixture *f, dms_error *err);

/* Of the backbone, for each round copies its weights. */
static dms_status export_folded(const fixture *f, dms_error *err)
{
    dms_onnx_options options = {.struct_size = sizeof options,
                                .preprocessing = true,
                                .probabilities = true};

    return dms_model_export_onnx(f->plain, f->path, &options, err);
}

static dms_status export_norms(const fixture *f, dms_error *err)
{
    dms_onnx_options options = {.struct_size = sizeof options,
                                .keep_norms = true};

    return dms_model_export_onnx(f->model, f->path, &options, err);
}

static dms_status export_halves(const fixture *f, dms_error *err)
{
    dms_export_options options = {.struct_size = sizeof options,
                                  .type = DMS_WEIGHT_F16};

    return dms_model_export_safetensors(f->model, f->path, &options, err);
}

/* Fail each allocation; returns how many there were. That of the folder's name,
 * to be synced, is done without. */
static size_t fail_each(const fixture *f, exporter *run)
{
    alloc_fault fault = {0};

    while (alloc_fault_next(&fault)) {
        dms_error err = {0};
        dms_status st = run(f, &err);

        alloc_fault_end_lenient(&fault, st);
        assert_int_equal(st, err.code);
        assert_int_equal(remove(f->path) == 0, st == DMS_OK);
    }
    return fault.count - 1;
}

static void onnx_without_memory_is_an_error_that_writes_nothing(void **state)
{
    assert_true(fail_each(*state, export_folded) > 300);
    assert_true(fail_each(*state, export_norms) > 300);
}

static void
weights_without_memory_are_an_error_that_writes_nothing(void **state)
{
    assert_true(fail_each(*state, export_halves) > 5);
}

static void options_that_are_none_are_refused(void **state)
{
    const fixture *f = *state;
    dms_error err = {0};

    assert_int_equal(
        dms_model_export_safetensors(
            f->model, f->path,
            &(dms_export_options){.struct_size = sizeof(dms_export_options),
                                  .type = (dms_weight_type)3},
            &err),
        DMS_EINVAL);
    assert_non_null(strstr(err.message, "weight type 3"));
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            dms_model_export_onnx(
                f->model, f->path,
                &(dms_onnx_options){.struct_size = sizeof(dms_onnx_options),
                                    .size = (int[]){-1, 31, 4097}[i]},
                NULL),
            DMS_EINVAL);
    assert_int_not_equal(access(f->path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(onnx_without_memory_is_an_error_that_writes_nothing),
        cmocka_unit_test(
            weights_without_memory_are_an_error_that_writes_nothing),
        cmocka_unit_test(options_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
