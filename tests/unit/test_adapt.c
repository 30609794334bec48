/* Batch norms on other photographs: before training, and of a model file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "dms/adapt.h"
#include "dms/data.h"
#include "dms/model.h"
#include "dms/train.h"
#include "net/model.h"
#include "unit/train_texts.h"

enum { PATIENTS = 12, SIZE = 64, PATH = 256 };

/* One synthetic data set and one fresh model for all tests. */
typedef struct fixture {
    char folder[64];
    char data[PATH], model[PATH];
} fixture;

static int setup(void **state)
{
    static fixture f;
    dms_synth_options synth = {.struct_size = sizeof synth,
                               .patients = PATIENTS,
                               .seed = 3,
                               .size = SIZE};
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;
    dms_status st;

    snprintf(f.folder, sizeof f.folder, "/tmp/dms_adapt_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    snprintf(f.data, sizeof f.data, "%s/data", f.folder);
    snprintf(f.model, sizeof f.model, "%s/model.safetensors", f.folder);
    *state = &f;
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16, arch.size = SIZE;
    if (dms_synth_write(f.data, &synth, NULL, NULL) != DMS_OK ||
        dms_model_create(&model, &arch, NULL, 5, NULL) != DMS_OK)
        return -1;
    st = dms_model_write(model, f.model, NULL);
    dms_model_destroy(model);
    return st == DMS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    const fixture *f = *state;
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    return system(command);
}

static dms_adapt_options options_of(const fixture *f, const char *out)
{
    dms_adapt_options o;

    dms_adapt_options_init(&o, sizeof o);
    o.model = f->model, o.data = f->data, o.out = out;
    o.split = DMS_SPLIT_NONE;
    o.batches = 3, o.batch = 4;
    return o;
}

static dms_model *adapted(const dms_adapt_options *o)
{
    dms_model *model = NULL;
    dms_error err = {0};

    if (dms_adapt(o, NULL, &err) != DMS_OK ||
        dms_model_open(&model, o->out, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return model;
}

static dms_model *opened(const char *path)
{
    dms_model *model = NULL;

    assert_int_equal(dms_model_open(&model, path, NULL, NULL), DMS_OK);
    return model;
}

/* Row i of both, equal bit by bit? */
static bool same_row(const dms_model *a, const dms_model *b, size_t i)
{
    size_t len = a->params->items[i].len;
    float *x = dms_calloc(len, sizeof *x), *y = dms_calloc(len, sizeof *y);
    bool same;

    assert_non_null(x), assert_non_null(y);
    dms_param_read(x, a->params, i);
    dms_param_read(y, b->params, i);
    same = memcmp(x, y, len * sizeof *x) == 0;
    dms_free(x), dms_free(y);
    return same;
}

static void statistics_change_and_weights_do_not(void **state)
{
    const fixture *f = *state;
    char out[PATH];
    dms_adapt_options o = options_of(f, out);
    dms_model *before = opened(f->model), *after;
    size_t statistics = 0;

    snprintf(out, sizeof out, "%s/a.safetensors", f->folder);
    after = adapted(&o);
    for (size_t i = 0; i < before->params->count; i++) {
        const dms_param *param = &before->params->items[i];
        bool changes =
            param->role == DMS_PARAM_STAT || param->role == DMS_PARAM_COUNT;

        statistics += changes;
        if (same_row(before, after, i) == changes)
            fail_msg("%s", param->name);
    }
    assert_true(statistics > 60);
    dms_model_destroy(before);
    dms_model_destroy(after);
}

static float count_of(const dms_model *model)
{
    const dms_param *count =
        dms_params_find(model->params, "backbone.bn1.num_batches_tracked");
    float value;

    dms_param_read(&value, model->params,
                   (size_t)(count - model->params->items));
    return value;
}

static void batches_are_counted_from_the_first(void **state)
{
    const fixture *f = *state;
    char out[PATH], again[PATH];
    dms_adapt_options o = options_of(f, out);
    dms_model *model;

    snprintf(out, sizeof out, "%s/once.safetensors", f->folder);
    model = adapted(&o);
    assert_true(count_of(model) == 3);
    dms_model_destroy(model);
    snprintf(again, sizeof again, "%s/twice.safetensors", f->folder);
    o.model = out, o.out = again, o.batches = 2;
    model = adapted(&o);
    assert_true(count_of(model) == 2);
    dms_model_destroy(model);
}

static void the_same_seed_gives_the_same_bits(void **state)
{
    const fixture *f = *state;
    char first[PATH], second[PATH];
    dms_adapt_options a = options_of(f, first), b = options_of(f, second);
    dms_model *x, *y;

    snprintf(first, sizeof first, "%s/1.safetensors", f->folder);
    snprintf(second, sizeof second, "%s/2.safetensors", f->folder);
    x = adapted(&a), y = adapted(&b);
    for (size_t i = 0; i < x->params->count; i++)
        if (!same_row(x, y, i))
            fail_msg("%s", x->params->items[i].name);
    dms_model_destroy(x);
    dms_model_destroy(y);
}

static bool stop(void *user)
{
    (void)user;
    return true;
}

static void a_wish_to_stop_leaves_no_file(void **state)
{
    const fixture *f = *state;
    char out[PATH];
    dms_adapt_options o = options_of(f, out);
    dms_monitor monitor = {.should_stop = stop};
    dms_model *model = NULL;

    snprintf(out, sizeof out, "%s/stopped.safetensors", f->folder);
    assert_int_equal(dms_adapt(&o, &monitor, NULL), DMS_ESTOPPED);
    assert_int_equal(dms_model_open(&model, out, NULL, NULL), DMS_EIO);
}

static void what_cannot_be_done_is_refused(void **state)
{
    const fixture *f = *state;
    char out[PATH];
    dms_adapt_options o = options_of(f, out);
    dms_error err = {0};

    snprintf(out, sizeof out, "%s/refused.safetensors", f->folder);
    o.batch = 1;
    assert_int_equal(dms_adapt(&o, NULL, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "a batch of 1"));
    o.batch = 4, o.batches = 0;
    assert_int_equal(dms_adapt(&o, NULL, &err), DMS_EINVAL);
    o.batches = 1, o.out = NULL;
    assert_int_equal(dms_adapt(&o, NULL, &err), DMS_EINVAL);
}

static dms_train_options run_of(const fixture *f, const char *run)
{
    dms_train_options o = default_train_options();

    o.data = keep_text("%s", f->data);
    o.run = keep_text("%s/%s", f->folder, run);
    o.cache = keep_text("%s", f->folder);
    o.init = keep_text("%s", f->model);
    o.backbone = DMS_BACKBONE_RESNET18;
    o.width = 16, o.size = SIZE;
    o.epochs = 1, o.batch = 3, o.threads = 1, o.val = 0;
    o.augment = false;
    return o;
}

static dms_model *trained(const dms_train_options *o)
{
    char path[PATH];
    dms_error err = {0};

    if (dms_train(NULL, o, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    snprintf(path, sizeof path, "%s/last.safetensors", o->run);
    return opened(path);
}

static void a_run_begins_with_adapted_norms_frozen_ones_too(void **state)
{
    const fixture *f = *state;
    dms_train_options o = run_of(f, "frozen");
    dms_model *before = opened(f->model), *after;

    o.backbone_lr = 0, o.adapt_norms = 3;
    after = trained(&o);
    for (size_t i = 0; i < before->params->count; i++) {
        const dms_param *param = &before->params->items[i];

        if (strncmp(param->name, "backbone.", 9) == 0 &&
            same_row(before, after, i) == (param->role == DMS_PARAM_STAT ||
                                           param->role == DMS_PARAM_COUNT))
            fail_msg("%s", param->name);
    }
    assert_true(count_of(after) == 3);
    dms_model_destroy(before);
    dms_model_destroy(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_change_and_weights_do_not),
        cmocka_unit_test(batches_are_counted_from_the_first),
        cmocka_unit_test(the_same_seed_gives_the_same_bits),
        cmocka_unit_test(a_wish_to_stop_leaves_no_file),
        cmocka_unit_test(what_cannot_be_done_is_refused),
        cmocka_unit_test(a_run_begins_with_adapted_norms_frozen_ones_too)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
