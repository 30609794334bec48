/* Model files: what is written is read, what others wrote too, and what is
 * wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "dms/model.h"
#include "formats/safetensors.h"
#include "net/model_file.h"
#include "net/provenance.h"

/* A small model on disk, and room for a changed copy of it. */
typedef struct fixture {
    char folder[64], model[96], other[96];
    dms_safetensors *file;
    dms_tensor_view *views;
    size_t count;
} fixture;

static int setup(void **state)
{
    static fixture f;
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;

    snprintf(f.folder, sizeof f.folder, "/tmp/dms_model_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    snprintf(f.model, sizeof f.model, "%s/m.safetensors", f.folder);
    snprintf(f.other, sizeof f.other, "%s/o.safetensors", f.folder);
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16;
    arch.size = 96;
    if (dms_model_create(&model, &arch, NULL, 5, NULL) != DMS_OK ||
        dms_model_write(model, f.model, NULL) != DMS_OK ||
        dms_safetensors_open(&f.file, f.model, NULL) != DMS_OK)
        return -1;
    dms_model_destroy(model);
    f.count = dms_safetensors_count(f.file);
    f.views = dms_calloc(f.count + 1, sizeof *f.views);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[96];

    dms_safetensors_close(f->file);
    dms_free(f->views);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    return system(command);
}

/* The fixture's tensors again, to be changed by the test. */
static dms_tensor_view *views_of(fixture *f)
{
    for (size_t i = 0; i < f->count; i++)
        f->views[i] = *dms_safetensors_at(f->file, i);
    return f->views;
}

static dms_tensor_view *view_named(fixture *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->views[i].name, name) == 0)
            return &f->views[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static void write_other(fixture *f, size_t count, const char *json)
{
    dms_metadata metadata = {"dmsnet", json};
    dms_error err = {0};

    if (dms_safetensors_write(f->other, f->views, count, &metadata,
                              json ? 1 : 0, &err) != DMS_OK)
        fail_msg("%s", err.message);
}

static const char *own_json(const fixture *f)
{
    return dms_safetensors_metadata(f->file, "dmsnet");
}

static void assert_refused(const fixture *f, dms_status want,
                           const char *reason)
{
    dms_model *model = NULL;
    dms_error err = {0};

    assert_int_equal(dms_model_open(&model, f->other, NULL, &err), want);
    if (!strstr(err.message, reason))
        fail_msg("'%s' does not say '%s'", err.message, reason);
    assert_null(model);
}

static void assert_accepted(const fixture *f)
{
    dms_model *model = NULL;

    assert_int_equal(dms_model_open(&model, f->other, NULL, NULL), DMS_OK);
    dms_model_destroy(model);
}

/* The description of a file of 0.1.0: codes and task, no label set. */
static void a_file_from_before_label_sets_is_of_odirs_labels(void **state)
{
    static const char *const tasks[] = {"multi-label", "single-label"};

    (void)state;
    for (int task = 0; task < 2; task++) {
        dms_model_config config;
        char text[512];

        snprintf(text, sizeof text,
                 "{\"format\":\"dmsnet-1\",\"architecture\":{\"task\":"
                 "\"%s\",\"labels\":[\"N\",\"D\",\"G\",\"C\",\"A\",\"H\","
                 "\"M\",\"O\"]},\"thresholds\":[0.1,0.2,0.3,0.4,0.5,0.6,0.7,"
                 "0.8]}",
                 tasks[task]);
        assert_int_equal(dms_model_config_parse(&config, text, "old", NULL),
                         DMS_OK);
        assert_true(dms_label_set_is_odir(config.labels));
        assert_string_equal(dms_label_set_name(config.labels, 3), "Cataract");
        assert_int_equal(dms_label_set_task(config.labels), task);
        assert_true(config.thresholds[7] == 0.8);
        dms_model_config_release(&config);
    }
}

static void a_label_set_survives_its_description(void **state)
{
    static const char many[] = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t";
    const char *const sets[] = {"grade=none,mild,severe", "one", many};

    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        dms_label_set *set = NULL;
        dms_model_config config, back;
        char *text;

        assert_int_equal(dms_label_set_parse(&set, sets[i], NULL), DMS_OK);
        assert_int_equal(dms_model_config_init(&config, set, NULL), DMS_OK);
        config.thresholds[0] = 0.25;
        text = dms_model_config_json(&config);
        assert_int_equal(dms_model_config_parse(&back, text, "m", NULL),
                         DMS_OK);
        assert_true(dms_label_sets_equal(back.labels, set));
        assert_int_equal(back.architecture.labels, dms_label_set_count(set));
        assert_true(back.thresholds[0] == 0.25);
        if (i == 0)
            assert_string_equal(dms_label_set_column(back.labels), "grade");
        dms_free(text);
        dms_model_config_release(&config);
        dms_model_config_release(&back);
        dms_label_set_destroy(set);
    }
}

static void a_calibration_survives_its_description(void **state)
{
    dms_model_config config, back;
    char *text;
    bool dropped;

    (void)state;
    assert_int_equal(dms_model_config_init(&config, dms_label_set_odir(), NULL),
                     DMS_OK);
    assert_false(dms_model_config_calibrated(&config));
    config.temperature = 1.7;
    for (int k = 0; k < 8; k++)
        config.calibration[k] = (dms_calibration){1 / 1.7, 0};
    config.calibration[3] = (dms_calibration){1.0 / 3, -0.1};
    text = dms_model_config_json(&config);
    assert_int_equal(dms_model_config_parse(&back, text, "m", NULL), DMS_OK);
    assert_true(back.temperature == 1.7);
    assert_memory_equal(back.calibration, config.calibration,
                        8 * sizeof *back.calibration);
    assert_true(dms_model_config_calibrated(&back));
    assert_int_equal(dms_model_config_undecide(&back, &dropped, "m", NULL),
                     DMS_OK);
    assert_true(dropped && !dms_model_config_calibrated(&back));
    assert_int_equal(dms_model_config_undecide(&back, &dropped, "m", NULL),
                     DMS_OK);
    assert_false(dropped);
    dms_free(text);
    dms_model_config_release(&config);
    dms_model_config_release(&back);
}

static void a_temperature_alone_is_every_labels(void **state)
{
    static const char text[] =
        "{\"format\":\"dmsnet-1\",\"calibration\":{\"temperature\":4}}";
    dms_model_config config;

    (void)state;
    assert_int_equal(dms_model_config_parse(&config, text, "m", NULL), DMS_OK);
    for (int k = 0; k < 8; k++)
        assert_true(config.calibration[k].slope == 0.25 &&
                    config.calibration[k].intercept == 0);
    dms_model_config_release(&config);
}

/* Such as other programs may write: a model whose provenance nothing can be
 * added to could be described, calibrated and quantised no more. */
static void a_provenance_that_is_no_object_is_dropped(void **state)
{
    static const char *const made[] = {"\"by hand\"", "[1]", "7", "null"};

    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        char text[80];
        dms_model_config config;

        snprintf(text, sizeof text,
                 "{\"format\":\"dmsnet-1\",\"provenance\":%s}", made[i]);
        assert_int_equal(dms_model_config_parse(&config, text, "m", NULL),
                         DMS_OK);
        assert_int_equal(
            dms_provenance_set(&config, "a", json_integer(1), "m", NULL),
            DMS_OK);
        assert_string_equal(config.provenance, "{\"a\":1}");
        dms_model_config_release(&config);
    }
}

static void a_provenance_that_is_too_long_changes_nothing(void **state)
{
    dms_model_config config = {.provenance = "{\"a\":1}"};
    char longer[sizeof config.provenance];
    dms_error err = {0};

    (void)state;
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(
        dms_provenance_set(&config, "b", json_string(longer), "m", &err),
        DMS_ELIMIT);
    assert_non_null(strstr(err.message, "m: provenance too long: 4109 bytes"));
    assert_string_equal(config.provenance, "{\"a\":1}");
    assert_int_equal(dms_provenance_write(&config, NULL, "m", NULL),
                     DMS_ENOMEM);
    assert_string_equal(config.provenance, "{\"a\":1}");
}

/* Their softmax would no longer choose the class of the largest logit. */
static void classes_with_slopes_of_their_own_are_refused(void **state)
{
    static const char *const bad[] = {
        "\"slopes\":[1,2],\"intercepts\":[0,0]",
        "\"slopes\":[2,2],\"intercepts\":[0,1]",
    };

    (void)state;
    for (int i = 0; i < 2; i++) {
        char text[400];
        dms_model_config config;
        dms_error err = {0};

        snprintf(text, sizeof text,
                 "{\"format\":\"dmsnet-1\",\"architecture\":{\"task\":"
                 "\"single-label\",\"labels\":[\"a\",\"b\"]},"
                 "\"label_set\":{\"kind\":\"one-of\",\"labels\":"
                 "[{\"code\":\"a\"},{\"code\":\"b\"}]},"
                 "\"calibration\":{%s}}",
                 bad[i]);
        assert_int_equal(dms_model_config_parse(&config, text, "m", &err),
                         DMS_EFORMAT);
        if (!strstr(err.message, "one-of labels have the same slope"))
            fail_msg("%s", err.message);
        dms_model_config_release(&config);
    }
}

static void labels_that_contradict_each_other_are_refused(void **state)
{
    static const char *const texts[] = {
        "{\"format\":\"dmsnet-1\",\"architecture\":{\"labels\":[\"a\"]},"
        "\"label_set\":{\"kind\":\"any-of\",\"labels\":[{\"code\":\"b\"}]}}",
        "{\"format\":\"dmsnet-1\",\"label_set\":{\"kind\":\"some-of\","
        "\"labels\":[{\"code\":\"b\"}]}}",
        "{\"format\":\"dmsnet-1\",\"label_set\":{\"kind\":\"any-of\","
        "\"labels\":[{\"code\":\"a b\"}]}}",
        "{\"format\":\"dmsnet-1\",\"architecture\":{\"labels\":[]}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        dms_model_config config;
        dms_error err = {0};

        assert_int_equal(dms_model_config_parse(&config, texts[i], "m", &err),
                         DMS_EFORMAT);
        assert_non_null(strstr(err.message, "m: metadata: label"));
        dms_model_config_release(&config);
    }
}

static void what_is_written_is_read_bit_for_bit(void **state)
{
    fixture *f = *state;
    dms_model *model = NULL;
    uint8_t *a, *b;
    size_t size_a, size_b;

    assert_int_equal(dms_model_open(&model, f->model, NULL, NULL), DMS_OK);
    assert_int_equal(dms_model_get_architecture(model)->width, 16);
    assert_int_equal(dms_model_get_preprocess(model)->size, 96);
    assert_int_equal(dms_model_write(model, f->other, NULL), DMS_OK);
    dms_model_destroy(model);
    assert_int_equal(dms_file_read(&a, &size_a, f->model, 1 << 30, NULL),
                     DMS_OK);
    assert_int_equal(dms_file_read(&b, &size_b, f->other, 1 << 30, NULL),
                     DMS_OK);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(a, b, size_a);
    dms_free(a);
    dms_free(b);
}

static void count_warning(void *user, dms_log_level level, const char *text)
{
    if (level == DMS_LOG_WARNING && strstr(text, "assuming"))
        ++*(int *)user;
}

static void without_metadata_the_architecture_is_inferred_and_said(void **state)
{
    fixture *f = *state;
    int warnings = 0;
    dms_monitor monitor = {.user = &warnings, .message = count_warning};
    dms_model *model = NULL;
    const dms_architecture *arch;

    views_of(f);
    write_other(f, f->count, NULL);
    assert_int_equal(dms_model_open(&model, f->other, &monitor, NULL), DMS_OK);
    arch = dms_model_get_architecture(model);
    assert_int_equal(arch->backbone, DMS_BACKBONE_RESNET18);
    assert_int_equal(arch->width, 16);
    assert_int_equal(arch->context, DMS_CONTEXT_MSCAM);
    assert_int_equal(arch->fusion, DMS_FUSION_DMFF);
    assert_int_equal(warnings, 1);
    dms_model_destroy(model);
}

static void a_missing_tensor_is_named(void **state)
{
    fixture *f = *state;

    views_of(f);
    *view_named(f, "dmff.key.weight") = f->views[f->count - 1];
    write_other(f, f->count - 1, own_json(f));
    assert_refused(f, DMS_EMISMATCH, "tensor dmff.key.weight is missing");
}

static void another_shape_is_named_with_both_shapes(void **state)
{
    fixture *f = *state;
    dms_tensor_view *view;

    views_of(f);
    view = view_named(f, "head.weight");
    view->shape[0] = 4;
    view->shape[1] = 32;
    write_other(f, f->count, own_json(f));
    assert_refused(f, DMS_EMISMATCH,
                   "tensor head.weight has shape [4, 32], expected [8, 16]");
}

static void counters_may_be_missing_and_strangers_are_left_out(void **state)
{
    fixture *f = *state;
    dms_model *model = NULL;
    size_t kept = 0;

    views_of(f);
    for (size_t i = 0; i < f->count; i++)
        if (!strstr(f->views[i].name, "num_batches_tracked"))
            f->views[kept++] = f->views[i];
    f->views[kept] = f->views[0];
    f->views[kept++].name = "optimizer.something";
    write_other(f, kept, own_json(f));
    assert_int_equal(dms_model_open(&model, f->other, NULL, NULL), DMS_OK);
    dms_model_destroy(model);
}

static void half_precision_tensors_are_read(void **state)
{
    fixture *f = *state;
    static const uint16_t halves[8] = {0x3c00, 0xc000, 0x0000, 0x3800,
                                       0x3c00, 0x3c00, 0x3c00, 0x7bff};
    dms_model *model = NULL;
    dms_safetensors *again = NULL;
    dms_tensor_view *view;
    float values[8];

    views_of(f);
    view = view_named(f, "head.bias");
    view->dtype = DMS_DTYPE_F16;
    view->data = halves;
    view->size = sizeof halves;
    write_other(f, f->count, own_json(f));
    assert_int_equal(dms_model_open(&model, f->other, NULL, NULL), DMS_OK);
    assert_int_equal(dms_model_write(model, f->other, NULL), DMS_OK);
    dms_model_destroy(model);
    assert_int_equal(dms_safetensors_open(&again, f->other, NULL), DMS_OK);
    memcpy(values, dms_safetensors_find(again, "head.bias")->data,
           sizeof values);
    assert_true(values[0] == 1.0f && values[1] == -2.0f && values[2] == 0.0f &&
                values[3] == 0.5f && values[7] == 65504.0f);
    dms_safetensors_close(again);
}

static void a_value_that_is_not_finite_is_refused_by_name(void **state)
{
    fixture *f = *state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        float values[8] = {1, 2, 3, 4, 5, 6, 7, bad[i]};

        views_of(f);
        view_named(f, "head.bias")->data = values;
        write_other(f, f->count, own_json(f));
        assert_refused(f, DMS_EFORMAT,
                       "tensor head.bias holds a value that is not finite");
    }
}

/* Its root would be NaN, and a relu makes that 0. */
static void a_negative_variance_is_refused_by_name(void **state)
{
    fixture *f = *state;
    float values[64] = {0};
    const char *name = "backbone.bn1.running_var";

    views_of(f);
    view_named(f, name)->data = values;
    values[0] = -0.0f;
    write_other(f, f->count, own_json(f));
    assert_accepted(f);
    values[63] = -1e-30f;
    write_other(f, f->count, own_json(f));
    assert_refused(f, DMS_EFORMAT,
                   "tensor backbone.bn1.running_var holds a value that is "
                   "negative, but a variance cannot be");
    views_of(f);
    view_named(f, "backbone.bn1.running_mean")->data = values;
    write_other(f, f->count, own_json(f));
    assert_accepted(f);
}

#define CALIBRATED(text) "{\"format\":\"dmsnet-1\",\"calibration\":{" text "}}"

static void metadata_that_is_wrong_is_named(void **state)
{
    static const struct {
        const char *json, *reason;
    } cases[] = {
        {"{\"format\":\"dmsnet-9\"}", "format is 'dmsnet-9'"},
        {"{\"format\":\"dmsnet-1\",\"architecture\":{\"backbone\":\"vgg\"}}",
         "backbone is 'vgg'"},
        {"{\"format\":\"dmsnet-1\",\"architecture\":{\"width\":17}}",
         "width 17 is not a multiple of 16"},
        {"{\"format\":\"dmsnet-1\",\"thresholds\":[2]}", "threshold of N"},
        {"{\"format\":", "metadata 'dmsnet'"},
        {CALIBRATED("\"temperature\":-1"), "temperature is not a number"},
        {CALIBRATED("\"temperature\":1e-320"), "temperature is not a number"},
        {CALIBRATED("\"slopes\":[1,1,1,1,1,1,1,1]"),
         "intercepts is not a list of 8"},
        {CALIBRATED("\"slopes\":[1],\"intercepts\":[0]"),
         "slopes is not a list of 8"},
        {CALIBRATED("\"slopes\":[1,1,0,1,1,1,1,1],"
                    "\"intercepts\":[0,0,0,0,0,0,0,0]"),
         "slope of G is not a number above 0"},
        {CALIBRATED("\"slopes\":[1,\"1\",1,1,1,1,1,1],"
                    "\"intercepts\":[0,0,0,0,0,0,0,0]"),
         "slope of D is not a number above 0"},
        {CALIBRATED("\"slopes\":[1,1,1,1,1,1,1,1],"
                    "\"intercepts\":[0,0,0,0,0,0,0,null]"),
         "intercept of O is not a number"},
    };
    fixture *f = *state;

    views_of(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dms_model *model = NULL;
        dms_error err = {0};

        write_other(f, f->count, cases[i].json);
        assert_int_not_equal(dms_model_open(&model, f->other, NULL, &err),
                             DMS_OK);
        if (!strstr(err.message, cases[i].reason))
            fail_msg("'%s' does not say '%s'", err.message, cases[i].reason);
    }
}

static void a_file_that_is_no_model_is_refused(void **state)
{
    fixture *f = *state;

    assert_int_equal(dms_file_write(f->other, "hello", 5, NULL), DMS_OK);
    assert_refused(f, DMS_EFORMAT, f->other);
    unlink(f->other);
    assert_refused(f, DMS_EIO, "No such file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_from_before_label_sets_is_of_odirs_labels),
        cmocka_unit_test(a_label_set_survives_its_description),
        cmocka_unit_test(a_calibration_survives_its_description),
        cmocka_unit_test(a_temperature_alone_is_every_labels),
        cmocka_unit_test(classes_with_slopes_of_their_own_are_refused),
        cmocka_unit_test(a_provenance_that_is_no_object_is_dropped),
        cmocka_unit_test(a_provenance_that_is_too_long_changes_nothing),
        cmocka_unit_test(labels_that_contradict_each_other_are_refused),
        cmocka_unit_test(what_is_written_is_read_bit_for_bit),
        cmocka_unit_test(
            without_metadata_the_architecture_is_inferred_and_said),
        cmocka_unit_test(a_missing_tensor_is_named),
        cmocka_unit_test(another_shape_is_named_with_both_shapes),
        cmocka_unit_test(counters_may_be_missing_and_strangers_are_left_out),
        cmocka_unit_test(half_precision_tensors_are_read),
        cmocka_unit_test(a_value_that_is_not_finite_is_refused_by_name),
        cmocka_unit_test(a_negative_variance_is_refused_by_name),
        cmocka_unit_test(metadata_that_is_wrong_is_named),
        cmocka_unit_test(a_file_that_is_no_model_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
