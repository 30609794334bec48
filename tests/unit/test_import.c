/* Import: which network of a file is found, what the report says, what happens
 * without memory; and models that lie in a file which goes away. */
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
#include "base/alloc.h"
#include "base/file.h"
#include "dms/export.h"
#include "dms/import.h"
#include "dms/model.h"
#include "formats/safetensors.h"

#define COUNT(array)    (sizeof(array) / sizeof *(array))
#define BACKBONE        "backbone."
#define BACKBONE_LENGTH (sizeof BACKBONE - 1)

enum { NETWORKS_MAX = 3, NAME_MAX = 400 };

/* A small model on disk; tensors of it under other names in another file. */
typedef struct fixture {
    char folder[64], model[96], other[96];
    dms_safetensors *file;
    dms_tensor_view *views;
    char (*names)[NAME_MAX];
    size_t count; /* of views so far */
} fixture;

static int setup(void **state)
{
    static fixture f;
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;
    size_t room;

    snprintf(f.folder, sizeof f.folder, "/tmp/dms_import_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    snprintf(f.model, sizeof f.model, "%s/m.safetensors", f.folder);
    snprintf(f.other, sizeof f.other, "%s/o.safetensors", f.folder);
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16;
    if (dms_model_create(&model, &arch, NULL, 5, NULL) != DMS_OK ||
        dms_model_write(model, f.model, NULL) != DMS_OK ||
        dms_safetensors_open(&f.file, f.model, NULL) != DMS_OK)
        return -1;
    dms_model_destroy(model);
    room = NETWORKS_MAX * dms_safetensors_count(f.file) + 1;
    f.views = dms_calloc(room, sizeof *f.views);
    f.names = dms_calloc(room, sizeof *f.names);
    *state = &f;
    return f.views && f.names ? 0 : -1;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[96];

    dms_safetensors_close(f->file);
    dms_free(f->views);
    dms_free(f->names);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    return system(command);
}

static int empty(void **state)
{
    fixture *f = *state;

    f->count = 0;
    return 0;
}

static void add(fixture *f, const char *prefix, const char *name,
                const dms_tensor_view *view)
{
    char *place = f->names[f->count];

    snprintf(place, NAME_MAX, "%s%s", prefix, name);
    f->views[f->count] = *view;
    f->views[f->count++].name = place;
}

static void add_whole(fixture *f, const char *prefix)
{
    for (size_t i = 0; i < dms_safetensors_count(f->file); i++) {
        const dms_tensor_view *view = dms_safetensors_at(f->file, i);

        add(f, prefix, view->name, view);
    }
}

static void add_backbone(fixture *f, const char *prefix)
{
    for (size_t i = 0; i < dms_safetensors_count(f->file); i++) {
        const dms_tensor_view *view = dms_safetensors_at(f->file, i);

        if (strncmp(view->name, BACKBONE, BACKBONE_LENGTH) == 0)
            add(f, prefix, view->name + BACKBONE_LENGTH, view);
    }
}

static dms_tensor_view *view_named(fixture *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->views[i].name, name) == 0)
            return &f->views[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static void drop(fixture *f, const char *name)
{
    dms_tensor_view *view = view_named(f, name);
    size_t behind = f->count - (size_t)(view - f->views) - 1;

    memmove(view, view + 1, behind * sizeof *view);
    f->count--;
}

static dms_status import_with(fixture *f, dms_model **model,
                              dms_import_report **report, const char *prefix,
                              dms_error *err)
{
    dms_architecture arch = dms_architecture_default();
    const dms_import_options options = {
        .struct_size = sizeof options, .architecture = &arch, .prefix = prefix};
    dms_error wrong = {0};

    arch.width = 16;
    if (f->count > 0 && dms_safetensors_write(f->other, f->views, f->count,
                                              NULL, 0, &wrong) != DMS_OK)
        fail_msg("%s", wrong.message);
    return dms_model_import(model, report, f->other, &options, NULL, err);
}

static void assert_found(fixture *f, const char *asked, const char *prefix,
                         bool whole)
{
    dms_import_report *report = NULL;
    dms_model *model = NULL;
    dms_error err = {0};

    if (import_with(f, &model, &report, asked, &err) != DMS_OK)
        fail_msg("%s", err.message);
    assert_string_equal(report->prefix, prefix);
    assert_int_equal(report->whole, whole);
    assert_int_equal(report->backbone, DMS_BACKBONE_RESNET18);
    assert_int_equal(report->fates[DMS_IMPORT_MISSING], 0);
    dms_import_report_destroy(report);
    dms_model_destroy(model);
}

static void assert_refused(fixture *f, const char *asked, dms_status want,
                           const char *reason)
{
    dms_import_report *report = NULL;
    dms_model *model = NULL;
    dms_error err = {0};

    assert_int_equal(import_with(f, &model, &report, asked, &err), want);
    if (!strstr(err.message, reason))
        fail_msg("'%s' does not say '%s'", err.message, reason);
    assert_null(model);
    dms_import_report_destroy(report);
}

static void known_wrappings_of_a_backbone_are_found(void **state)
{
    static const char *const prefixes[] = {
        "",         "state_dict.", "model.module.",
        "encoder.", "backbone.",   "_orig_mod.student.backbone."};
    fixture *f = *state;

    for (size_t i = 0; i < COUNT(prefixes); i++) {
        f->count = 0;
        add_backbone(f, prefixes[i]);
        assert_found(f, "", prefixes[i], false);
    }
}

static void known_wrappings_of_a_whole_network_are_found(void **state)
{
    static const char *const prefixes[] = {"", "model.", "state_dict.module."};
    fixture *f = *state;

    for (size_t i = 0; i < COUNT(prefixes); i++) {
        f->count = 0;
        add_whole(f, prefixes[i]);
        assert_found(f, "", prefixes[i], true);
    }
}

static void a_teacher_goes_before_its_student_in_either_order(void **state)
{
    fixture *f = *state;

    add_backbone(f, "student.module.");
    add_backbone(f, "teacher.");
    assert_found(f, "", "teacher.", false);
    f->count = 0;
    add_backbone(f, "teacher.");
    add_backbone(f, "student.module.");
    assert_found(f, "", "teacher.", false);
}

static void of_two_networks_one_must_be_named(void **state)
{
    fixture *f = *state;

    add_backbone(f, "encoder.");
    add_backbone(f, "momentum.");
    assert_found(f, "", "encoder.", false);
    assert_found(f, "momentum", "momentum.", false);
    add_backbone(f, "model.");
    assert_refused(f, "", DMS_EFORMAT, "several networks, 'encoder.' and");
    assert_found(f, "model.", "model.", false);
}

static void a_prefix_may_name_a_whole_network_or_its_backbone(void **state)
{
    fixture *f = *state;

    add_whole(f, "net.eyes.");
    assert_refused(f, "", DMS_EFORMAT, "no ResNet backbone in its");
    assert_found(f, "net.eyes", "net.eyes.", true);
    assert_found(f, "net.eyes.backbone", "net.eyes.", true);
    assert_refused(f, "net.eye", DMS_EFORMAT, "under the prefix 'net.eye'");
}

static void a_prefix_of_any_length_overruns_nothing(void **state)
{
    fixture *f = *state;
    char wrapping[NAME_MAX - 100] = "", asked[256];

    while (strlen(wrapping) + strlen("module.") < sizeof wrapping)
        strcat(wrapping, "module.");
    add_backbone(f, wrapping);
    assert_refused(f, "", DMS_EFORMAT, "no ResNet backbone in its");
    memset(asked, 'x', sizeof asked - 1);
    for (size_t len = sizeof asked - 20; len < sizeof asked; len++) {
        char shorter[sizeof asked];

        snprintf(shorter, len + 1, "%s", asked);
        assert_refused(f, shorter, DMS_EFORMAT, "under the prefix 'xxx");
    }
}

static void the_stem_alone_is_no_network(void **state)
{
    fixture *f = *state;

    add_backbone(f, "");
    drop(f, "layer1.0.conv1.weight");
    assert_refused(f, "", DMS_EFORMAT, "no ResNet backbone in its");
}

static void a_depth_that_no_resnet_has_is_refused(void **state)
{
    fixture *f = *state;

    add_backbone(f, "");
    drop(f, "layer3.1.conv1.weight");
    assert_refused(f, "", DMS_EFORMAT, "layer3 has 1 blocks without conv3");
}

static const dms_import_row *row_named(const dms_import_report *report,
                                       const char *name)
{
    for (size_t i = 0; i < report->count; i++)
        if (strcmp(dms_import_report_row(report, i)->name, name) == 0)
            return dms_import_report_row(report, i);
    fail_msg("no row of %s", name);
    return NULL;
}

static void assert_row(const dms_import_report *report,
                       const dms_import_row *want)
{
    const dms_import_row *row = row_named(report, want->name);

    assert_int_equal(row->fate, want->fate);
    assert_string_equal(row->dtype, want->dtype);
    assert_string_equal(row->shape, want->shape);
    assert_string_equal(row->wanted, want->wanted);
}

static void the_report_has_every_tensor_and_the_missing_last(void **state)
{
    static char stem[] = "module.conv1.weight", bias[] = "module.bn1.bias",
                counter[] = "module.bn1.num_batches_tracked", epoch[] = "epoch",
                var[] = "module.layer4.0.bn2.running_var";
    static const dms_import_row rows[] = {
        {stem, DMS_IMPORT_TAKEN, "F32", "[64, 3, 7, 7]", "[64, 3, 7, 7]"},
        {counter, DMS_IMPORT_TAKEN, "I64", "[]", "[]"},
        {bias, DMS_IMPORT_MISSHAPEN, "F32", "[64, 1]", "[64]"},
        {epoch, DMS_IMPORT_LEFT, "F32", "[8]", ""},
        {var, DMS_IMPORT_MISSING, "", "", "[512]"}};
    fixture *f = *state;
    dms_import_report *report = NULL;
    dms_model *model = NULL;
    dms_error err = {0};
    dms_tensor_view *view;
    size_t sum = 0;

    add_backbone(f, "module.");
    add(f, "", epoch, dms_safetensors_find(f->file, "head.bias"));
    view = view_named(f, bias);
    view->axes = 2;
    view->shape[1] = 1;
    drop(f, var);
    assert_int_equal(import_with(f, &model, &report, "", &err), DMS_EMISMATCH);
    assert_null(model);
    assert_non_null(strstr(err.message, "1 missing and 1 of another shape"));
    assert_int_equal(report->count, f->count + 1);
    for (size_t i = 0; i < f->count; i++)
        row_named(report, f->views[i].name);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_row(report, &rows[i]);
    assert_int_equal(dms_import_report_row(report, f->count)->fate,
                     DMS_IMPORT_MISSING);
    assert_null(dms_import_report_row(report, report->count));
    for (int fate = 0; fate < DMS_IMPORT_FATES; fate++)
        sum += report->fates[fate];
    assert_int_equal(sum, report->count);
    dms_import_report_destroy(report);
}

static void a_name_cannot_steer_the_terminal(void **state)
{
    char name[] = "x\033[2Jy\177";
    dms_import_row row = {
        .name = name, .fate = DMS_IMPORT_LEFT, .dtype = "F32", .shape = "[]"};
    dms_import_report report = {.rows = &row, .count = 1, .prefix = "\033."};
    char *text = NULL;

    (void)state;
    for (int json = 0; json < 2; json++) {
        assert_int_equal(dms_import_report_print(&text, &report, json, NULL),
                         DMS_OK);
        assert_null(strchr(text, '\033'));
        assert_non_null(strstr(text, json ? "x\\u001B[2Jy" : "x\\x1B[2Jy"));
        dms_text_free(text);
    }
}

static void every_fate_has_a_name(void **state)
{
    (void)state;
    for (int fate = 0; fate < DMS_IMPORT_FATES; fate++)
        assert_non_null(dms_import_fate_name((dms_import_fate)fate));
    assert_null(dms_import_fate_name((dms_import_fate)DMS_IMPORT_FATES));
    assert_null(dms_weight_type_name(DMS_WEIGHT_BF16 + 1));
    assert_null(dms_weight_type_name(-1));
}

static void no_memory_at_any_moment_is_said_and_leaks_nothing(void **state)
{
    fixture *f = *state;
    alloc_fault fault = {0};

    add_backbone(f, "module.");
    assert_found(f, "", "module.", false);
    f->count = 0; /* the file is there already */
    while (alloc_fault_next(&fault)) {
        dms_import_report *report = NULL;
        dms_model *model = NULL;
        dms_error err = {0};

        alloc_fault_end(&fault, import_with(f, &model, &report, "", &err));
        assert_int_equal(model == NULL, fault.fired);
        assert_int_equal(err.code, fault.fired ? DMS_ENOMEM : DMS_OK);
        dms_import_report_destroy(report);
        dms_model_destroy(model);
    }
    assert_true(fault.count > 40);
}

static void assert_writes_the_same(const fixture *f, const dms_model *model,
                                   const char *path)
{
    uint8_t *a, *b;
    size_t size_a, size_b;

    assert_int_equal(dms_model_write(model, f->other, NULL), DMS_OK);
    assert_int_equal(dms_file_read(&a, &size_a, path, 1 << 30, NULL), DMS_OK);
    assert_int_equal(dms_file_read(&b, &size_b, f->other, 1 << 30, NULL),
                     DMS_OK);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(a, b, size_a);
    dms_free(a);
    dms_free(b);
}

static void an_open_model_outlives_its_files_name(void **state)
{
    fixture *f = *state;
    dms_model *first = NULL, *second = NULL, *fresh = NULL;
    char path[128];
    dms_architecture arch = dms_architecture_default();

    snprintf(path, sizeof path, "%s/replaced.safetensors", f->folder);
    assert_int_equal(dms_model_open(&first, f->model, NULL, NULL), DMS_OK);
    assert_int_equal(dms_model_write(first, path, NULL), DMS_OK);
    dms_model_destroy(first);

    assert_int_equal(dms_model_open(&first, path, NULL, NULL), DMS_OK);
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 32;
    assert_int_equal(dms_model_create(&fresh, &arch, NULL, 9, NULL), DMS_OK);
    assert_int_equal(dms_model_write(fresh, path, NULL), DMS_OK);
    dms_model_destroy(fresh);
    assert_writes_the_same(f, first, f->model);

    assert_int_equal(dms_model_open(&second, path, NULL, NULL), DMS_OK);
    assert_int_equal(dms_model_get_architecture(second)->width, 32);
    assert_int_equal(unlink(path), 0);
    assert_writes_the_same(f, first, f->model);
    /* over its own file, too */
    assert_int_equal(dms_model_write(second, path, NULL), DMS_OK);
    assert_writes_the_same(f, second, path);
    dms_model_destroy(first);
    dms_model_destroy(second);
}

static void batch_counts_of_any_number_type_are_kept(void **state)
{
    static const float as_float = 77;
    static const int32_t as_int = 77;
    const char *name = "backbone.layer2.0.bn1.num_batches_tracked";
    fixture *f = *state;
    dms_model *model = NULL;
    dms_safetensors *again = NULL;

    for (int kind = 0; kind < 2; kind++) {
        int64_t count = 0;
        dms_tensor_view *view;

        f->count = 0;
        add_whole(f, "");
        view = view_named(f, name);
        view->dtype = kind ? DMS_DTYPE_I32 : DMS_DTYPE_F32;
        view->data = kind ? (const void *)&as_int : &as_float;
        view->size = 4;
        assert_int_equal(
            dms_safetensors_write(f->other, f->views, f->count, NULL, 0, NULL),
            DMS_OK);
        assert_int_equal(dms_model_open(&model, f->other, NULL, NULL), DMS_OK);
        assert_int_equal(dms_model_write(model, f->other, NULL), DMS_OK);
        dms_model_destroy(model);
        assert_int_equal(dms_safetensors_open(&again, f->other, NULL), DMS_OK);
        memcpy(&count, dms_safetensors_find(again, name)->data, sizeof count);
        assert_int_equal(count, 77);
        dms_safetensors_close(again);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(known_wrappings_of_a_backbone_are_found),
        TEST(known_wrappings_of_a_whole_network_are_found),
        TEST(a_teacher_goes_before_its_student_in_either_order),
        TEST(of_two_networks_one_must_be_named),
        TEST(a_prefix_may_name_a_whole_network_or_its_backbone),
        TEST(a_prefix_of_any_length_overruns_nothing),
        TEST(the_stem_alone_is_no_network),
        TEST(a_depth_that_no_resnet_has_is_refused),
        TEST(the_report_has_every_tensor_and_the_missing_last),
        TEST(a_name_cannot_steer_the_terminal),
        TEST(every_fate_has_a_name),
        TEST(no_memory_at_any_moment_is_said_and_leaks_nothing),
        TEST(an_open_model_outlives_its_files_name),
        TEST(batch_counts_of_any_number_type_are_kept),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
