/* Every public call that runs a network on a thread of 128 KB. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "data/labels.h"
#include "dms/compare.h"
#include "formats/safetensors.h"
#include "stack_rig.h"

/* ---- prediction ---- */

static dms_status predict_by(const fixture *f, const dms_compute *compute,
                             const char *path, dms_error *err)
{
    dms_pair pairs[4];
    dms_predictions *p = NULL;
    dms_session *session = NULL;
    dms_model *opened = NULL;
    dms_status st = dms_model_open(&opened, path, NULL, err);

    for (int i = 0; i < 4; i++)
        pairs[i] = (dms_pair){.id = "1", .path = {f->image[0], f->image[1]}};
    if (st == DMS_OK)
        st = dms_session_create_with(&session, opened, 2, compute, 4, err);
    if (st == DMS_OK)
        st = dms_predictions_create(&p, opened, 4, err);
    if (st == DMS_OK)
        st = dms_predictions_want_features(p, err);
    if (st == DMS_OK)
        st = dms_session_predict(session, p, pairs, 4, NULL, err);
    for (size_t i = 0; i < 4 && st == DMS_OK; i++)
        if ((st = dms_predictions_get(p, i)->error.code) != DMS_OK)
            *err = dms_predictions_get(p, i)->error;
    for (int i = 0; i < 3 && st == DMS_OK; i++) {
        char *text = NULL;

        st = dms_predictions_print(&text, p, pairs, (dms_prediction_format)i,
                                   err);
        dms_text_free(text);
    }
    dms_predictions_destroy(p);
    dms_session_destroy(session);
    dms_model_destroy(opened);
    return st;
}

static dms_status predict_pair(const fixture *f, dms_error *err)
{
    dms_prediction *p = NULL;
    dms_status st =
        dms_predict_pair(f->model, f->image[0], f->image[1], &p, err);

    dms_prediction_destroy(p);
    return st;
}

static dms_status predict(const fixture *f, dms_error *err)
{
    return predict_by(f, NULL, at(f, "model.st"), err);
}

static dms_status predict_by_workers(const fixture *f, dms_error *err)
{
    const dms_compute compute = {
        .struct_size = sizeof compute, .threads = 2, .workers = 2};

    return predict_by(f, &compute, at(f, "model.st"), err);
}

static dms_status predict_in_winograd(const fixture *f, dms_error *err)
{
    const dms_compute compute = {.struct_size = sizeof compute,
                                 .winograd = DMS_WINOGRAD_YES};

    return predict_by(f, &compute, at(f, "model.st"), err);
}

static dms_status predict_in_bf16(const fixture *f, dms_error *err)
{
    const dms_compute compute = {.struct_size = sizeof compute,
                                 .precision = DMS_PRECISION_BF16};

    return predict_by(f, &compute, at(f, "model.st"), err);
}

static dms_status pair_list(const fixture *f, dms_error *err)
{
    dms_pair_list list = {0};
    char images[128];
    dms_status st;

    snprintf(images, sizeof images, "%s/images", f->data);
    st = dms_pair_list_read(&list, images, err);
    dms_pair_list_release(&list);
    return st;
}

/* ---- work on data sets ---- */

/* The evaluation's predictions beside themselves, in every form. */
static dms_status compare(const fixture *f, dms_error *err)
{
    dms_status (*const writers[])(char **, const dms_comparison *,
                                  dms_error *) = {
        dms_comparison_text, dms_comparison_markdown, dms_comparison_csv,
        dms_comparison_json};
    char figures[256]; /* at() has room for one name */
    const char *const paths[] = {figures, figures};
    dms_compare_files_options o;
    dms_compare_options few;
    dms_comparison *comparison = NULL;
    dms_status st;

    snprintf(figures, sizeof figures, "%s", at(f, "figures"));
    dms_compare_options_init(&few, sizeof few);
    dms_compare_files_options_init(&o, sizeof o);
    few.resamples = 20;
    o.labels_table = f->data, o.predictions = paths, o.count = 2;
    o.measuring = &few;
    st = dms_compare_files(&comparison, &o, NULL, err);
    for (size_t i = 0; i < 4 && st == DMS_OK; i++) {
        char *text = NULL;

        st = writers[i](&text, comparison, err);
        dms_text_free(text);
    }
    if (st == DMS_OK)
        st = dms_comparison_draw(figures, comparison, err);
    dms_comparison_destroy(comparison);
    return st;
}

static dms_status evaluate(const fixture *f, dms_error *err)
{
    dms_evaluate_options o;
    char model[256], out[256]; /* at() has room for one name */
    dms_report *report = NULL;
    dms_report_options few;
    dms_score_options score;
    dms_status st;

    dms_evaluate_options_init(&o, sizeof o);
    snprintf(model, sizeof model, "%s", at(f, "model.st"));
    snprintf(out, sizeof out, "%s", at(f, "figures"));
    o.model = model, o.data = f->data, o.out = out;
    o.split = DMS_SPLIT_NONE, o.resamples = 20, o.batch = 2;
    dms_report_options_init(&few, sizeof few);
    dms_score_options_init(&score, sizeof score);
    few.resamples = 20;
    score.report = &few;
    st = dms_evaluate(&report, NULL, &o, NULL, err);
    dms_report_destroy(report), report = NULL;
    if (st == DMS_OK)
        st = dms_score_files(&report, f->data, at(f, "figures/predictions.csv"),
                             &score, NULL, err);
    dms_report_destroy(report);
    return st == DMS_OK ? compare(f, err) : st;
}

static dms_status calibrate(const fixture *f, dms_error *err)
{
    dms_calibrate_options o;
    dms_calibrate_report *report = NULL;
    char model_path[256], out[256]; /* at() has room for one name */
    char *text = NULL;
    dms_status st;

    dms_calibrate_options_init(&o, sizeof o);
    snprintf(model_path, sizeof model_path, "%s", at(f, "model.st"));
    snprintf(out, sizeof out, "%s", at(f, "calibrated.st"));
    o.model = model_path, o.data = f->data, o.out = out;
    o.split = DMS_SPLIT_NONE, o.batch = 2;
    st = dms_calibrate(&report, &o, NULL, err);
    if (st == DMS_OK)
        st = dms_calibrate_report_print(&text, report, true, err);
    dms_calibrate_report_destroy(report);
    dms_text_free(text);
    return st;
}

static dms_status train_with(const fixture *f, const char *run, bool frozen,
                             dms_error *err)
{
    const dms_option_table *table = dms_train_option_table();
    dms_train_options *o = NULL;
    dms_status st = dms_train_options_create(&o, err);

    if (st == DMS_OK)
        st = dms_options_set(o, table, "data", f->data, err);
    if (st == DMS_OK)
        st = dms_options_set(o, table, "run", fresh(f, run), err);
    if (st == DMS_OK)
        st = dms_options_set(o, table, "pretrained", at(f, "model.st"), err);
    assert_int_equal(st, DMS_OK);
    o->backbone = DMS_BACKBONE_RESNET18;
    o->width = 16, o->size = SIDE, o->epochs = 1, o->batch = 2;
    o->val = 0.3, o->threads = 2;
    o->augment = !frozen;
    o->checkpoint_activations = !frozen;
    if (frozen)
        o->backbone_lr = 0;
    st = dms_train(NULL, o, NULL, err);
    o->epochs = 2, o->resume = true, o->schedule = DMS_SCHEDULE_COSINE;
    if (st == DMS_OK && dms_train(NULL, o, NULL, NULL) != DMS_EINVAL)
        st = DMS_EINTERNAL; /* a cosine's length may not change */
    dms_train_options_destroy(o);
    return st;
}

static dms_status train(const fixture *f, dms_error *err)
{
    return train_with(f, "run", false, err);
}

static dms_status train_frozen(const fixture *f, dms_error *err)
{
    return train_with(f, "frozen", true, err);
}

static dms_status quantize(const fixture *f, dms_error *err)
{
    const dms_compute compute = {.struct_size = sizeof compute,
                                 .precision = DMS_PRECISION_INT8};
    dms_quantize_options o;
    dms_quantize_report *report = NULL;
    char model_path[256], out[256]; /* at() has room for one name */
    char *text = NULL;
    dms_status st;

    dms_quantize_options_init(&o, sizeof o);
    snprintf(model_path, sizeof model_path, "%s", at(f, "model.st"));
    snprintf(out, sizeof out, "%s", at(f, "int8.st"));
    o.model = model_path, o.data = f->data, o.out = out;
    o.split = DMS_SPLIT_NONE, o.patients = 2;
    o.method = DMS_QUANTIZE_ENTROPY;
    st = dms_quantize(&report, &o, NULL, err);
    if (st == DMS_OK)
        st = dms_quantize_report_print(&text, report, true, err);
    dms_quantize_report_destroy(report);
    dms_text_free(text);
    return st != DMS_OK ? st : predict_by(f, &compute, at(f, "int8.st"), err);
}

static dms_status bench_with(const fixture *f, bool train_it, int workers,
                             dms_error *err)
{
    const dms_compute compute = {
        .struct_size = sizeof compute, .threads = 2, .workers = workers};
    dms_bench_options o;
    dms_bench_report *report = NULL;
    dms_bench *bench = NULL;
    char *text = NULL;
    dms_status st;

    dms_bench_options_init(&o, sizeof o);
    o.patients = 2, o.repeats = 3, o.seconds = 0.05, o.train = train_it;
    o.compute = &compute;
    st = dms_bench_run(&report, f->model, &o, NULL, err);
    if (st == DMS_OK)
        st = dms_bench_print(&text, report, false, true, err);
    dms_text_free(text);
    text = NULL;
    dms_bench_report_destroy(report);
    if (st == DMS_OK)
        st = dms_bench_create(&bench, f->model, &o, err);
    if (st == DMS_OK)
        st = dms_bench_print_memory(&text, bench, false, err);
    dms_text_free(text);
    dms_bench_destroy(bench);
    return st;
}

static dms_status bench(const fixture *f, dms_error *err)
{
    return bench_with(f, false, 2, err);
}

static dms_status bench_training(const fixture *f, dms_error *err)
{
    return bench_with(f, true, 0, err);
}

/* ---- the door for numbers ---- */

static dms_status tensor_door(const fixture *f, dms_error *err)
{
    static float pixels[2][3 * SIDE * SIDE], labels[2 * DMS_ODIR_LABELS];
    const int64_t n = 2, side = SIDE;
    const dms_tensor_view inputs[] = {{.name = "left",
                                       .dtype = DMS_DTYPE_F32,
                                       .axes = 4,
                                       .shape = {n, 3, side, side},
                                       .data = (const void *)pixels,
                                       .size = sizeof pixels},
                                      {.name = "right",
                                       .dtype = DMS_DTYPE_F32,
                                       .axes = 4,
                                       .shape = {n, 3, side, side},
                                       .data = (const void *)pixels,
                                       .size = sizeof pixels},
                                      {.name = "labels",
                                       .dtype = DMS_DTYPE_F32,
                                       .axes = 2,
                                       .shape = {n, DMS_ODIR_LABELS},
                                       .data = (const void *)labels,
                                       .size = sizeof labels}};
    const dms_backward_options options = {
        .struct_size = sizeof options, .eye_weight = 0.3, .dropout = 0.2};
    dms_status st =
        dms_safetensors_write(at(f, "in.st"), inputs, 3, NULL, 0, err);

    if (st == DMS_OK)
        st = dms_tensor_backward(f->model, at(f, "in.st"), at(f, "grad.st"),
                                 &options, err);
    return st != DMS_OK ? st
                        : dms_tensor_forward(f->model, at(f, "in.st"),
                                             at(f, "out.st"), NULL, err);
}

/* ---- the tests ---- */

static void prediction_takes_little_stack(void **state)
{
    dms_compute bf16 = {.precision = DMS_PRECISION_BF16};

    ASSERT_RUNS(pair_list, *state);
    ASSERT_RUNS(predict_pair, *state);
    ASSERT_RUNS(predict, *state);
    ASSERT_RUNS(predict_by_workers, *state);
    ASSERT_RUNS(predict_in_winograd, *state);
    if (dms_compute_check(&bf16, NULL) == DMS_OK)
        ASSERT_RUNS(predict_in_bf16, *state);
    ASSERT_RUNS(tensor_door, *state);
    ASSERT_RUNS(evaluate, *state);
    ASSERT_RUNS(calibrate, *state);
}

static void integers_take_little_stack(void **state)
{
    dms_compute int8 = {.struct_size = sizeof int8,
                        .precision = DMS_PRECISION_INT8};

    if (dms_compute_check(&int8, NULL) != DMS_OK)
        skip();
    ASSERT_RUNS(quantize, *state);
}

static void training_takes_little_stack(void **state)
{
    ASSERT_RUNS(train, *state);
    ASSERT_RUNS(train_frozen, *state);
}

static void measuring_speed_takes_little_stack(void **state)
{
    ASSERT_RUNS(bench, *state);
    ASSERT_RUNS(bench_training, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prediction_takes_little_stack),
        cmocka_unit_test(integers_take_little_stack),
        cmocka_unit_test(training_takes_little_stack),
        cmocka_unit_test(measuring_speed_takes_little_stack),
    };

    make_all_stacks_small();
    return cmocka_run_group_tests(tests, setup, teardown);
}
