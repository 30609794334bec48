/* Every public call on a thread of 128 KB, which is what musl and many thread
 * pools give. The threads that the library starts have no more: workers, and
 * OpenMP's where OMP_STACKSIZE says nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/rng.h"
#include "data/labels.h"
#include "dms/dms.h"
#include "formats/safetensors.h"

enum {
    STACK = 128 << 10,
    ROOM = 1 << 20, /* of a stack that is measured: who needs more is named */
    PATIENTS = 8,
    SIDE = 32,
    PAINT = 0xa5
};

/* Sanitizers' red zones and shadow calls are not the library's need. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

typedef struct fixture {
    char folder[64];
    char data[96];
    char image[2][160];
    dms_model *model;
} fixture;

typedef dms_status (*call)(const fixture *f, dms_error *err);

typedef struct visit {
    call run;
    const fixture *f;
    dms_status st;
    dms_error err;
} visit;

static void *visit_main(void *arg)
{
    visit *v = arg;

    v->err = (dms_error){0};
    v->st = v->run(v->f, &v->err);
    return NULL;
}

static void visit_on(visit *v, void *stack, size_t size)
{
    pthread_attr_t attr;
    pthread_t thread;

    assert_int_equal(pthread_attr_init(&attr), 0);
    if (stack)
        assert_int_equal(pthread_attr_setstack(&attr, stack, size), 0);
    else
        assert_int_equal(pthread_attr_setstacksize(&attr, size), 0);
    assert_int_equal(pthread_create(&thread, &attr, visit_main, v), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
    if (v->st != DMS_OK)
        fail_msg("%s", v->err.message);
}

/* First on a painted stack with room to spare, so that a call that needs too
 * much is a number and not a crash; then on one of that size. */
static void assert_runs_in_128_kb(const char *name, call run, const fixture *f)
{
    visit v = {.run = run, .f = f};
#ifndef SANITIZED
    uint8_t *stack = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t free_bytes = 0;

    assert_ptr_not_equal(stack, MAP_FAILED);
    memset(stack, PAINT, ROOM);
    visit_on(&v, stack, ROOM);
    while (free_bytes < ROOM && stack[free_bytes] == PAINT)
        free_bytes++;
    munmap(stack, ROOM);
    print_message("%-28s %4zu KB\n", name, (ROOM - free_bytes + 1023) >> 10);
    if (ROOM - free_bytes > STACK)
        fail_msg("%s takes %zu bytes of stack", name, ROOM - free_bytes);
    visit_on(&v, NULL, STACK);
#else
    (void)name;
    visit_on(&v, NULL, ROOM);
#endif
}

#define ASSERT_RUNS(run, f) assert_runs_in_128_kb(#run, run, f)

static const char *at(const fixture *f, const char *name)
{
    static _Thread_local char path[4][256];
    static _Thread_local int next;

    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", f->folder, name);
    return path[next];
}

/* A folder that no call before has written to. */
static const char *fresh(const fixture *f, const char *name)
{
    static int number;
    char numbered[64];

    snprintf(numbered, sizeof numbered, "%s%d", name, ++number);
    return at(f, numbered);
}

static int setup(void **state)
{
    static fixture f;
    const dms_synth_options synth = {.struct_size = sizeof synth,
                                     .patients = PATIENTS,
                                     .seed = 3,
                                     .size = 96};
    dms_architecture arch = dms_architecture_default();

    snprintf(f.folder, sizeof f.folder, "/tmp/dms_stack_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    snprintf(f.data, sizeof f.data, "%s/data", f.folder);
    snprintf(f.image[0], sizeof f.image[0], "%s/images/1_left.jpg", f.data);
    snprintf(f.image[1], sizeof f.image[1], "%s/images/1_right.jpg", f.data);
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16, arch.size = SIDE;
    *state = &f;
    return dms_synth_write(f.data, &synth, NULL, NULL) ||
           dms_model_create(&f.model, &arch, NULL, 1, NULL) ||
           dms_model_write(f.model, at(&f, "model.st"), NULL);
}

static int teardown(void **state)
{
    const fixture *f = *state;
    char command[96];

    dms_model_destroy(f->model);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    return system(command);
}

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
    if (st == DMS_OK && dms_train(NULL, o, NULL, NULL) != DMS_EMISMATCH)
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
    ASSERT_RUNS(pair_list, *state);
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
    ASSERT_RUNS(tensor_door, *state);
}

static void prediction_takes_little_stack(void **state)
{
    dms_compute bf16 = {.precision = DMS_PRECISION_BF16};

    ASSERT_RUNS(predict_pair, *state);
    ASSERT_RUNS(predict, *state);
    ASSERT_RUNS(predict_by_workers, *state);
    ASSERT_RUNS(predict_in_winograd, *state);
    if (dms_compute_check(&bf16, NULL) == DMS_OK)
        ASSERT_RUNS(predict_in_bf16, *state);
    ASSERT_RUNS(evaluate, *state);
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
        cmocka_unit_test(prediction_takes_little_stack),
        cmocka_unit_test(integers_take_little_stack),
        cmocka_unit_test(training_takes_little_stack),
        cmocka_unit_test(measuring_speed_takes_little_stack),
        cmocka_unit_test(files_made_to_hurt_take_little_stack),
    };
    pthread_attr_t attr;

#ifndef SANITIZED
    /* before any thread: what is started without saying how large */
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
#else
    (void)attr;
#endif
    return cmocka_run_group_tests(tests, setup, teardown);
}
