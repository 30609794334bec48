/* The mean of several models' weights, and which models have none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "dms/average.h"
#include "dms/model.h"
#include "net/model.h"

enum { MODELS = 3, PATH = 128 };

/* Model files of one architecture, each with statistics of its own. */
typedef struct fixture {
    char folder[64];
    char path[MODELS][PATH], out[PATH];
    dms_model *models[MODELS];
} fixture;

static dms_model *make_model(int width, uint64_t seed)
{
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;

    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = width, arch.size = 64;
    assert_int_equal(dms_model_create(&model, &arch, NULL, seed, NULL), DMS_OK);
    for (size_t i = 0; i < model->params->count; i++) {
        const dms_param *p = &model->params->items[i];

        for (size_t k = p->offset; k < p->offset + p->len; k++)
            if (p->role == DMS_PARAM_STAT)
                model->params->value[k] += 0.1f * (float)seed;
            else if (p->role == DMS_PARAM_COUNT)
                model->params->value[k] = (float)(10 * seed);
    }
    return model;
}

static void write_model(const dms_model *model, const char *path)
{
    dms_error err = {0};

    if (dms_model_write(model, path, &err) != DMS_OK)
        fail_msg("%s", err.message);
}

static int setup(void **state)
{
    static fixture f;

    snprintf(f.folder, sizeof f.folder, "/tmp/dms_average_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    snprintf(f.out, sizeof f.out, "%s/mean.safetensors", f.folder);
    for (int i = 0; i < MODELS; i++) {
        snprintf(f.path[i], PATH, "%s/%d.safetensors", f.folder, i);
        f.models[i] = make_model(16, (uint64_t)i + 1);
        snprintf(f.models[i]->config.provenance, 4096,
                 "{\"split\": {\"val\": 0.5, \"seed\": \"7\"}}");
        write_model(f.models[i], f.path[i]);
    }
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    const fixture *f = *state;
    char command[128];

    for (int i = 0; i < MODELS; i++)
        dms_model_destroy(f->models[i]);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    return system(command);
}

static dms_model *mean_of(const fixture *f, const char *const *paths,
                          size_t count)
{
    dms_model *model = NULL;
    dms_error err = {0};

    if (dms_average(f->out, paths, count, NULL, &err) != DMS_OK ||
        dms_model_open(&model, f->out, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return model;
}

/* The values of row i; dms_free. */
static float *row(const dms_model *model, size_t i)
{
    float *values = dms_calloc(model->params->items[i].len, sizeof *values);

    assert_non_null(values);
    dms_param_read(values, model->params, i);
    return values;
}

static void weights_statistics_and_counts_are_means(void **state)
{
    const fixture *f = *state;
    const char *paths[] = {f->path[0], f->path[1], f->path[2]};
    dms_model *mean = mean_of(f, paths, MODELS);
    size_t statistics = 0;

    for (size_t i = 0; i < mean->params->count; i++) {
        const dms_param *p = &mean->params->items[i];
        float *got = row(mean, i), *own[MODELS];

        for (int m = 0; m < MODELS; m++)
            own[m] = row(f->models[m], i);
        for (size_t k = 0; k < p->len; k++) {
            double sum =
                (double)own[0][k] + (double)own[1][k] + (double)own[2][k];

            if (got[k] != (float)(sum / MODELS))
                fail_msg("%s[%zu]: %.9g, not %.9g", p->name, k, (double)got[k],
                         sum / MODELS);
        }
        statistics += p->role == DMS_PARAM_STAT || p->role == DMS_PARAM_COUNT;
        for (int m = 0; m < MODELS; m++)
            dms_free(own[m]);
        dms_free(got);
    }
    assert_true(statistics > 0);
    dms_model_destroy(mean);
}

static void the_mean_of_a_model_with_itself_is_its_bits(void **state)
{
    const fixture *f = *state;
    const char *paths[] = {f->path[1], f->path[1], f->path[1]};
    dms_model *mean = mean_of(f, paths, 3);

    for (size_t i = 0; i < mean->params->count; i++) {
        float *got = row(mean, i), *own = row(f->models[1], i);

        assert_memory_equal(got, own, mean->params->items[i].len * sizeof *got);
        dms_free(got);
        dms_free(own);
    }
    dms_model_destroy(mean);
}

static void provenance_lists_the_files_and_keeps_a_common_split(void **state)
{
    const fixture *f = *state;
    const char *paths[] = {f->path[0], f->path[2]};
    dms_model *mean = mean_of(f, paths, 2);
    const char *made = dms_model_get_provenance(mean);

    assert_non_null(strstr(made, "/0.safetensors\""));
    assert_non_null(strstr(made, "/2.safetensors\""));
    assert_non_null(strstr(made, "\"weights\""));
    assert_non_null(strstr(made, "\"seed\""));
    assert_null(strstr(made, "/tmp")); /* a name and its folder's, no more */
    dms_model_destroy(mean);
}

static void what_the_models_do_not_share_the_mean_does_not_have(void **state)
{
    const fixture *f = *state;
    char other[PATH];
    const char *paths[] = {f->path[0], other};
    uint64_t digest = 5;
    dms_model *model = make_model(16, 4), *mean;

    snprintf(other, sizeof other, "%s/other.safetensors", f->folder);
    f->models[0]->config.thresholds[1] = 0.25;
    model->config.thresholds[1] = 0.25;
    model->config.temperature = 2;
    assert_int_equal(
        dms_trained_on_add(&model->config.trained_on, &digest, 1, NULL),
        DMS_OK);
    write_model(f->models[0], f->path[0]);
    write_model(model, other);
    mean = mean_of(f, paths, 2);
    assert_true(dms_model_threshold(mean, 1) == 0.25);
    assert_true(dms_model_temperature(mean) == 1);
    assert_null(strstr(dms_model_get_provenance(mean), "split"));
    assert_null(mean->config.trained_on.digests); /* one does not say */
    dms_model_destroy(mean);
    paths[0] = other;
    mean = mean_of(f, paths, 2);
    assert_true(dms_model_temperature(mean) == 2);
    assert_int_equal(mean->config.trained_on.count, 1);
    dms_model_destroy(mean);
    model->config.thresholds[1] = 0.75;
    write_model(model, other);
    paths[0] = f->path[0];
    mean = mean_of(f, paths, 2);
    assert_true(dms_model_threshold(mean, 1) == 0.5);
    dms_model_destroy(mean);
    f->models[0]->config.thresholds[1] = 0.5;
    write_model(f->models[0], f->path[0]);
    dms_model_destroy(model);
}

static void another_architecture_is_refused_and_nothing_is_written(void **state)
{
    const fixture *f = *state;
    char wide[PATH], out[PATH];
    const char *paths[] = {f->path[0], wide};
    dms_model *model = make_model(32, 4);
    dms_error err = {0};

    snprintf(wide, sizeof wide, "%s/wide.safetensors", f->folder);
    snprintf(out, sizeof out, "%s/none.safetensors", f->folder);
    write_model(model, wide);
    assert_int_equal(dms_average(out, paths, 2, NULL, &err), DMS_EMISMATCH);
    assert_non_null(strstr(err.message, "wide.safetensors: has another width"));
    assert_int_equal(access(out, F_OK), -1);
    err = (dms_error){0};
    assert_int_equal(dms_average(out, paths, 1, NULL, &err), DMS_EINVAL);
    assert_string_equal(err.message, "1 models to average, expected 2 to 32");
    dms_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_statistics_and_counts_are_means),
        cmocka_unit_test(the_mean_of_a_model_with_itself_is_its_bits),
        cmocka_unit_test(provenance_lists_the_files_and_keeps_a_common_split),
        cmocka_unit_test(what_the_models_do_not_share_the_mean_does_not_have),
        cmocka_unit_test(
            another_architecture_is_refused_and_nothing_is_written),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
