/* Every public call of photographs, data sets and model files on a thread of
 * 128 KB; those that run a network are in test_stack_runs.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "data/labels.h"
#include "stack_rig.h"

/* ---- photographs ---- */

static dms_status synth(const fixture *f, dms_error *err)
{
    const dms_synth_options options = {
        .struct_size = sizeof options, .patients = 2, .seed = 1, .size = 64};

    return dms_synth_write(fresh(f, "synth"), &options, NULL, err);
}

/* Every codec: the corpus has a file for each way into one. */
static dms_status decode(const fixture *f, dms_error *err)
{
    static const char *const names[] = {
        "progressive.jpg", "baseline.jpg", "cmyk.jpg",      "grey16.png",
        "palette.png",     "lzw.tif",      "lossless.webp", "lossy.webp",
        "orient6.webp",    "orient5.jpg",  "restart440.jpg"};
    dms_status st = DMS_OK;

    (void)f;
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        dms_image image = {0};
        char path[512];

        snprintf(path, sizeof path, "%s/fuzz/corpus/image/%s", DMS_TESTS_DIR,
                 names[i / 2]);
        st = dms_image_read(&image, path, i % 2 ? 3 : 0, err);
        dms_image_release(&image);
        if (st != DMS_OK)
            break;
    }
    return st;
}

static dms_status image(const fixture *f, dms_error *err)
{
    dms_image read = {0}, small = {0};
    dms_field field;
    dms_status st = dms_image_read(&read, f->image[0], 0, err);

    if (st == DMS_OK)
        st = dms_field_find(&field, &read, err);
    if (st == DMS_OK)
        st = dms_image_resize(&small, &read, 40, 40, DMS_FILTER_LANCZOS, NULL,
                              err);
    if (st == DMS_OK)
        st = dms_image_write_jpeg(&small, at(f, "a.jpg"), 90, err);
    if (st == DMS_OK)
        st = dms_image_write_png(&small, at(f, "a.png"), err);
    dms_image_release(&read);
    dms_image_release(&small);
    return st;
}

static dms_status preprocess(const fixture *f, dms_error *err)
{
    static uint8_t rgb[SIDE * SIDE * 3];
    static float planes[SIDE * SIDE * 3];
    dms_preprocess settings = dms_preprocess_default(SIDE);
    dms_status st = DMS_OK;

    for (int enhance = 0; enhance < 3 && st == DMS_OK; enhance++) {
        settings.enhance = (dms_enhance)enhance;
        st = dms_preprocess_file(rgb, NULL, f->image[0], &settings, err);
    }
    dms_pixels_normalise(planes, rgb, SIDE);
    return st;
}

/* ---- data ---- */

static dms_status data(const fixture *f, dms_error *err)
{
    dms_split_options split;
    dms_dataset *set = NULL;
    dms_data_report *report = NULL;
    dms_status st = dms_dataset_open(&set, f->data, NULL, NULL, err);

    dms_split_options_init(&split, sizeof split);
    split.val = split.test = 0.25;

    if (st == DMS_OK)
        st = dms_dataset_group_duplicates(set, NULL, err);
    if (st == DMS_OK)
        st = dms_dataset_split(set, &split, err);
    if (st == DMS_OK)
        st = dms_data_check(&report, set, NULL, err);
    dms_data_report_destroy(report);
    dms_dataset_close(set);
    return st;
}

/* The parts of a workbook go through zlib and expat; the table is no data set
 * of ours, and is refused as that. */
static dms_status workbook(const fixture *f, dms_error *err)
{
    dms_dataset *set = NULL;
    char path[512];
    dms_status st;

    (void)f;
    snprintf(path, sizeof path, "%s/fuzz/corpus/xlsx/shared.xlsx",
             DMS_TESTS_DIR);
    st = dms_dataset_open(&set, path, NULL, NULL, err);
    dms_dataset_close(set);
    return st == DMS_EFORMAT || st == DMS_OK ? DMS_OK : st;
}

static dms_status labels(const fixture *f, dms_error *err)
{
    dms_label_set *set = NULL;
    char text[256 * 6] = "k=";
    const char *yaml = at(f, "labels.yaml");
    dms_status st;

    for (int k = 0; k < DMS_LABELS_MAX; k++)
        snprintf(text + strlen(text), 8, "%sa%d", k ? "," : "", k);
    st = dms_label_set_parse(&set, text, err);
    dms_label_set_destroy(set), set = NULL;
    if (st == DMS_OK)
        st = dms_file_write(yaml, "{kind: any-of, labels: [a, b]}", 30, err);
    if (st == DMS_OK)
        st = dms_label_set_parse(&set, yaml, err);
    dms_label_set_destroy(set);
    return st;
}

static dms_status metrics(const fixture *f, dms_error *err)
{
    uint8_t labels[PATIENTS * DMS_ODIR_LABELS] = {0};
    double p[PATIENTS * DMS_ODIR_LABELS], thresholds[DMS_ODIR_LABELS];
    dms_report_options options;
    dms_report *report = NULL;
    dms_label_set *set = NULL;
    dms_answers answers = {NULL, labels, p, PATIENTS};
    char *text = NULL, *json = NULL;
    dms_rng rng = dms_rng_seeded(1);
    dms_status st;

    (void)f;
    for (size_t i = 0; i < PATIENTS * DMS_ODIR_LABELS; i++) {
        labels[i] = i % DMS_ODIR_LABELS == i / DMS_ODIR_LABELS;
        p[i] = dms_rng_uniform(&rng);
    }
    dms_report_options_init(&options, sizeof options);
    options.resamples = 20;
    st = dms_label_set_with_task(&set, dms_label_set_odir(),
                                 DMS_TASK_SINGLE_LABEL, err);
    answers.set = set;
    if (st == DMS_OK)
        st = dms_report_measure(&report, &answers, &options, err);
    if (st == DMS_OK)
        st = dms_thresholds_tune(thresholds, &answers, DMS_CRITERION_F1, err);
    if (st == DMS_OK)
        st = dms_report_json(&json, report, err);
    if (st == DMS_OK)
        st = dms_report_text(&text, report, err);
    dms_text_free(json);
    dms_text_free(text);
    dms_report_destroy(report);
    dms_label_set_destroy(set);
    return st;
}

/* ---- options ---- */

static dms_status options(const fixture *f, dms_error *err)
{
    const dms_option_table *table = dms_train_option_table();
    dms_train_options *o = NULL;
    char *text = malloc(16 << 10);
    dms_status st;

    (void)f;
    assert_int_equal(dms_train_options_create(&o, err), DMS_OK);
    assert_non_null(text);
    dms_options_format_yaml(text, 16 << 10, o, table, "train");
    st =
        dms_options_parse_yaml(o, table, text, strlen(text), "x", "train", err);
    if (st == DMS_OK)
        st = dms_options_set(o, table, "epochs", "7", err);
    if (st == DMS_OK)
        st = dms_options_check(o, table, err);
    assert_int_equal(dms_options_set(o, table, "epoch", "7", NULL), DMS_EINVAL);
    free(text);
    dms_train_options_destroy(o);
    return st;
}

/* ---- models ---- */

static dms_status model(const fixture *f, dms_error *err)
{
    dms_model *opened = NULL;
    char *text = NULL;
    dms_status st = dms_model_open(&opened, at(f, "model.st"), NULL, err);

    if (st == DMS_OK)
        st = dms_model_describe(&text, opened, true, err);
    if (st == DMS_OK)
        st = dms_model_write(opened, at(f, "again.st"), err);
    dms_text_free(text);
    dms_model_destroy(opened);
    return st;
}

static dms_status export(const fixture *f, dms_error *err)
{
    const dms_export_options halves = {.struct_size = sizeof halves,
                                       .type = DMS_WEIGHT_F16};
    const dms_onnx_options onnx = {.struct_size = sizeof onnx,
                                   .preprocessing = true,
                                   .probabilities = true};
    dms_status st =
        dms_model_export_safetensors(f->model, at(f, "plain.st"), &halves, err);

    return st != DMS_OK
               ? st
               : dms_model_export_onnx(f->model, at(f, "net.onnx"), &onnx, err);
}

static dms_import_options import_options(const fixture *f)
{
    dms_import_options o;

    dms_import_options_init(&o, sizeof o);
    o.architecture = dms_model_get_architecture(f->model);
    return o;
}

static dms_status import(const fixture *f, dms_error *err)
{
    dms_import_options o = import_options(f);
    dms_import_report *report = NULL;
    dms_model *imported = NULL;
    char *text = NULL;
    dms_status st =
        dms_model_import(&imported, &report, at(f, "plain.st"), &o, NULL, err);

    if (st == DMS_OK)
        st = dms_import_report_print(&text, report, true, err);
    dms_text_free(text);
    dms_import_report_destroy(report);
    dms_model_destroy(imported);
    return st;
}

/* A file of torch.save, of tensors that no ResNet has. */
static dms_status import_pth(const fixture *f, dms_error *err)
{
    dms_import_options o = import_options(f);
    static const char *const names[] = {"zip.pth", "stream.pth"};
    dms_status st = DMS_OK;

    for (int i = 0; i < 2 && st == DMS_OK; i++) {
        dms_model *imported = NULL;
        dms_error why = {0};
        char path[512];

        snprintf(path, sizeof path, "%s/fuzz/corpus/torch_pth/%s",
                 DMS_TESTS_DIR, names[i]);
        dms_model_import(&imported, NULL, path, &o, NULL, &why);
        if (!strstr(why.message, "no ResNet backbone in its"))
            *err = why, st = DMS_EINTERNAL;
        dms_model_destroy(imported);
    }
    return st;
}

/* ---- files made to hurt ---- */

/* {"__metadata__": {"dmsnet": KEY}} where KEY, as a JSON text, or the header
 * itself, is a list in a list and so on. */
static dms_status write_nested(const char *path, bool in_config, dms_error *err)
{
    enum { DEPTH = 2000 };
    static _Thread_local char nested[2 * DEPTH + 1], file[3 * DEPTH];
    uint64_t len;

    memset(nested, '[', DEPTH);
    memset(nested + DEPTH, ']', DEPTH);
    len =
        (uint64_t)snprintf(file + 8, sizeof file - 8,
                           in_config ? "{\"__metadata__\":{\"dmsnet\":\"%s\"}}"
                                     : "{\"__metadata__\":%s}",
                           nested);
    memcpy(file, &len, 8);
    return dms_file_write(path, file, len + 8, err);
}

static dms_status nested_json(const fixture *f, dms_error *err)
{
    dms_status st = DMS_OK;

    for (int i = 0; i < 2 && st == DMS_OK; i++) {
        dms_model *opened = NULL;

        st = write_nested(at(f, "nested.st"), i == 1, err);
        if (st == DMS_OK &&
            dms_model_open(&opened, at(f, "nested.st"), NULL, NULL) == DMS_OK)
            st = DMS_EINTERNAL;
        dms_model_destroy(opened);
    }
    return st;
}

static dms_status nested_yaml(const fixture *f, dms_error *err)
{
    enum { DEPTH = 4000 };
    static char nested[DEPTH];
    dms_train_options *o = calloc(1, sizeof *o);

    (void)f;
    (void)err;
    assert_non_null(o);
    memset(nested, '[', DEPTH);
    assert_int_equal(dms_options_parse_yaml(o, dms_train_option_table(), nested,
                                            DEPTH, "x", NULL, NULL),
                     DMS_EINVAL);
    free(o);
    return DMS_OK;
}

/* ---- the tests ---- */

static void photographs_and_data_sets_take_little_stack(void **state)
{
    ASSERT_RUNS(synth, *state);
    ASSERT_RUNS(decode, *state);
    ASSERT_RUNS(image, *state);
    ASSERT_RUNS(preprocess, *state);
    ASSERT_RUNS(data, *state);
    ASSERT_RUNS(workbook, *state);
    ASSERT_RUNS(labels, *state);
    ASSERT_RUNS(metrics, *state);
    ASSERT_RUNS(options, *state);
}

static void models_are_read_and_written_with_little_stack(void **state)
{
    ASSERT_RUNS(model, *state);
    ASSERT_RUNS(export, *state);
    ASSERT_RUNS(import, *state);
    ASSERT_RUNS(import_pth, *state);
}

static void files_made_to_hurt_take_little_stack(void **state)
{
    ASSERT_RUNS(nested_json, *state);
    ASSERT_RUNS(nested_yaml, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(photographs_and_data_sets_take_little_stack),
        cmocka_unit_test(models_are_read_and_written_with_little_stack),
        cmocka_unit_test(files_made_to_hurt_take_little_stack),
    };

    make_all_stacks_small();
    return cmocka_run_group_tests(tests, setup, teardown);
}
