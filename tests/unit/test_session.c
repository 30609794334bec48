/* Sessions: photographs from files and from memory, pair by pair, and the
 * numbers behind the answers. */
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

#include "alloc_fault.h"
#include "net/model.h"
#include "base/alloc.h"
#include "base/file.h"
#include "data/labels.h"
#include "dms/session.h"

enum { WIDTH = 16, FEATURES = 2 * WIDTH, SIDE = 120, TALL = 100 };

/* Two retinas: on disk, as the files' bytes and as pixels. */
typedef struct fixture {
    char folder[64];
    char path[2][96];
    uint8_t *bytes[2];
    size_t sizes[2];
    dms_image images[2];
    dms_model *model;
    dms_session *session;         /* a batch of 2 */
    dms_predictions *predictions; /* of the last predict; without features */
    dms_predictions *featured;    /* the same, with features */
} fixture;

enum { PAIRS_MAX = 8 };

/* An orange disc with a gradient, other for either eye. */
static dms_image draw(int eye)
{
    dms_image im = {SIDE, TALL, dms_calloc(SIDE * TALL, 3)};

    assert_non_null(im.rgb);
    for (int y = 0; y < TALL; y++)
        for (int x = 0; x < SIDE; x++) {
            uint8_t *p = im.rgb + 3 * (y * SIDE + x);
            int dx = x - SIDE / 2, dy = y - TALL / 2;

            if (dx * dx + dy * dy > 46 * 46)
                continue;
            p[0] = (uint8_t)(150 + (eye ? x : y) % 90);
            p[1] = (uint8_t)(60 + (eye ? y : x) % 50);
            p[2] = (uint8_t)(20 + (x + y) % 30);
        }
    return im;
}

static int setup(void **state)
{
    static fixture f;
    dms_architecture arch = dms_architecture_default();
    dms_error err = {0};

    snprintf(f.folder, sizeof f.folder, "/tmp/dms_session_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    for (int eye = 0; eye < 2; eye++) {
        f.images[eye] = draw(eye);
        snprintf(f.path[eye], sizeof f.path[eye], "%s/%d.png", f.folder, eye);
        if (dms_image_write_png(&f.images[eye], f.path[eye], &err) != DMS_OK ||
            dms_file_read(&f.bytes[eye], &f.sizes[eye], f.path[eye], 1 << 20,
                          &err) != DMS_OK)
            return -1;
    }
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = WIDTH;
    arch.size = 64;
    if (dms_model_create(&f.model, &arch, NULL, 5, &err) != DMS_OK ||
        dms_session_create(&f.session, f.model, 2, &err) != DMS_OK ||
        dms_predictions_create(&f.predictions, f.model, PAIRS_MAX, &err) !=
            DMS_OK ||
        dms_predictions_create(&f.featured, f.model, PAIRS_MAX, &err) !=
            DMS_OK ||
        dms_predictions_want_features(f.featured, &err) != DMS_OK)
        return -1;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[96];

    dms_session_destroy(f->session);
    dms_predictions_destroy(f->predictions);
    dms_predictions_destroy(f->featured);
    dms_model_destroy(f->model);
    for (int eye = 0; eye < 2; eye++) {
        dms_image_release(&f->images[eye]);
        dms_free(f->bytes[eye]);
    }
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    return system(command);
}

static dms_pair of_files(const fixture *f)
{
    return (dms_pair){.id = "7", .path = {f->path[0], f->path[1]}};
}

static dms_photograph bytes_of(const fixture *f, int eye)
{
    return (dms_photograph){.data = f->bytes[eye], .size = f->sizes[eye]};
}

static dms_photograph pixels_of(const fixture *f, int eye)
{
    return (dms_photograph){.data = f->images[eye].rgb,
                            .size = (size_t)SIDE * TALL * 3,
                            .width = SIDE,
                            .height = TALL};
}

/* p gets the answers, whose arrays the fixture keeps until the next call;
 * features: count x 2 x F, or NULL. */
static void predict(const fixture *f, dms_prediction *p, float *features,
                    const dms_pair *pairs, size_t count)
{
    dms_predictions *into = features ? f->featured : f->predictions;
    dms_error err = {0};

    if (dms_session_predict(f->session, into, pairs, count, NULL, &err) !=
        DMS_OK)
        fail_msg("%s", err.message);
    assert_null(dms_predictions_get(into, count));
    for (size_t i = 0; i < count; i++) {
        p[i] = *dms_predictions_get(into, i);
        for (size_t eye = 0; eye < 2; eye++)
            if (features)
                memcpy(features + (2 * i + eye) * FEATURES, p[i].features[eye],
                       FEATURES * sizeof *features);
            else
                assert_null(p[i].features[eye]);
    }
}

static void assert_answered(const dms_prediction *p)
{
    if (p->error.code != DMS_OK)
        fail_msg("%s", p->error.message);
}

static void files_bytes_and_pixels_give_the_same_answer(void **state)
{
    const fixture *f = *state;
    dms_pair pairs[4];
    dms_prediction p[4];
    float features[4][2][FEATURES];

    pairs[0] = of_files(f);
    pairs[1] = (dms_pair){.memory = {bytes_of(f, 0), bytes_of(f, 1)}};
    pairs[2] = (dms_pair){.memory = {pixels_of(f, 0), pixels_of(f, 1)}};
    pairs[3] =
        (dms_pair){.path = {NULL, f->path[1]}, .memory = {pixels_of(f, 0)}};
    predict(f, p, &features[0][0][0], pairs, 4);
    assert_answered(&p[0]);
    for (int i = 1; i < 4; i++) {
        assert_answered(&p[i]);
        assert_memory_equal(p[i].patient, p[0].patient,
                            DMS_ODIR_LABELS * sizeof(double));
        for (int eye = 0; eye < 2; eye++) {
            assert_memory_equal(p[i].eye[eye], p[0].eye[eye],
                                DMS_ODIR_LABELS * sizeof(double));
            assert_memory_equal(p[i].eye_logits[eye], p[0].eye_logits[eye],
                                DMS_ODIR_LABELS * sizeof(float));
        }
        assert_memory_equal(features[i], features[0], sizeof features[0]);
        assert_true(p[i].field[0].radius == p[0].field[0].radius);
    }
    assert_memory_not_equal(features[0][0], features[0][1],
                            sizeof features[0][0]);
}

static void memory_goes_before_a_path_which_is_then_its_name(void **state)
{
    const fixture *f = *state;
    dms_pair pair = of_files(f);
    dms_prediction p;

    pair.path[0] = "not/there.png";
    pair.memory[0] = bytes_of(f, 0);
    predict(f, &p, NULL, &pair, 1);
    assert_answered(&p);
    pair.memory[0].size = 40;
    predict(f, &p, NULL, &pair, 1);
    assert_int_equal(p.error.code, DMS_EFORMAT);
    assert_int_equal(strncmp(p.error.message, "not/there.png: ", 15), 0);
}

static void a_missing_eye_is_stood_in_for_and_said_so(void **state)
{
    const fixture *f = *state;
    dms_pair pair = {.id = "8", .memory = {[DMS_RIGHT] = pixels_of(f, 1)}};
    dms_prediction p;
    float features[2][FEATURES];

    predict(f, &p, features[0], &pair, 1);
    assert_answered(&p);
    assert_false(p.present[DMS_LEFT]);
    assert_true(p.present[DMS_RIGHT]);
    assert_memory_equal(features[0], features[1], sizeof features[0]);
    assert_memory_equal(p.eye_logits[0], p.eye_logits[1],
                        DMS_ODIR_LABELS * sizeof(float));
}

typedef struct bad_case {
    dms_photograph photograph;
    dms_status code;
    const char *message;
} bad_case;

static void a_bad_picture_in_memory_is_that_pairs_error(void **state)
{
    static const uint8_t text[] = "this is no picture";
    const fixture *f = *state;
    const bad_case cases[] = {
        {{text, sizeof text, 0, 0},
         DMS_EFORMAT,
         "right photograph: the content is not a JPEG, PNG, TIFF or WebP "
         "picture"},
        {{text, 0, 0, 0}, DMS_EFORMAT, "right photograph: the file is empty"},
        {{text, 12, 2, 3},
         DMS_EINVAL,
         "right photograph: 12 bytes for 2 x 3 pixels of 3 bytes; expected "
         "18"},
        {{text, 12, -2, -2},
         DMS_EINVAL,
         "right photograph: -2 x -2 pixels: a side is negative"},
        {{text, 0, 5, 0}, DMS_EFORMAT, "right photograph: "},
        {{text, 300, 30000, 1}, DMS_ELIMIT, "right photograph: "},
        {{f->bytes[1], 100, 0, 0}, DMS_EFORMAT, "right photograph: "}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const dms_pair pairs[] = {
            {.id = "1", .memory = {pixels_of(f, 0), cases[i].photograph}},
            of_files(f)};
        dms_prediction p[2];
        float features[2][2][FEATURES];

        predict(f, p, &features[0][0][0], pairs, 2);
        assert_int_equal(p[0].error.code, cases[i].code);
        if (strncmp(p[0].error.message, cases[i].message,
                    strlen(cases[i].message)) != 0)
            fail_msg("'%s', not '%s'", p[0].error.message, cases[i].message);
        assert_true(p[0].patient[0] == 0 && p[0].eye_logits[0][0] == 0);
        for (int k = 0; k < FEATURES; k++)
            assert_true(features[0][0][k] == 0 && features[0][1][k] == 0);
        assert_answered(&p[1]);
        assert_true(p[1].patient[0] > 0);
    }
}

static const float *tensor(const dms_model *model, const char *name)
{
    const dms_params *params = model->params;

    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->items[i].name, name) == 0)
            return dms_param_value(params, i);
    fail_msg("no tensor %s", name);
    return NULL;
}

static void linear(const dms_model *model, const char *name, double *y,
                   const double *x, int outputs, int inputs)
{
    char weight[64], bias[64];
    const float *w, *b;

    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    w = tensor(model, weight), b = tensor(model, bias);
    for (int o = 0; o < outputs; o++) {
        y[o] = b[o];
        for (int i = 0; i < inputs; i++)
            y[o] += x[i] * (double)w[o * inputs + i];
    }
}

static void assert_near(const float *got, const double *want, const char *what)
{
    for (int k = 0; k < DMS_ODIR_LABELS; k++)
        if (!(fabs((double)got[k] - want[k]) <= 1e-4 * (1 + fabs(want[k]))))
            fail_msg("%s: logit %d is %.6g, the head gives %.6g", what, k,
                     (double)got[k], want[k]);
}

static void norm_relu(const dms_model *model, double *z)
{
    const float *gain = tensor(model, "fuse_bn.weight");
    const float *shift = tensor(model, "fuse_bn.bias");
    const float *mean = tensor(model, "fuse_bn.running_mean");
    const float *var = tensor(model, "fuse_bn.running_var");

    for (int d = 0; d < WIDTH; d++)
        z[d] = fmax(0, (z[d] - (double)mean[d]) / sqrt((double)var[d] + 1e-5) *
                               (double)gain[d] +
                           (double)shift[d]);
}

/* Redo both heads' arithmetic from the features. */
static void assert_heads_read(const dms_model *model, const dms_prediction *p,
                              float h[2][FEATURES])
{
    double x[2 * FEATURES], z[WIDTH], y[DMS_ODIR_LABELS];

    for (int eye = 0; eye < 2; eye++) {
        for (int i = 0; i < FEATURES; i++)
            x[i] = (double)h[eye][i];
        linear(model, "eye_head", y, x, DMS_ODIR_LABELS, FEATURES);
        assert_near(p->eye_logits[eye], y, eye ? "right" : "left");
    }
    for (int i = 0; i < FEATURES; i++) {
        x[i] = (double)h[0][i] + (double)h[1][i];
        x[FEATURES + i] = fabs((double)h[0][i] - (double)h[1][i]);
    }
    linear(model, "fuse", z, x, WIDTH, 2 * FEATURES);
    norm_relu(model, z);
    linear(model, "head", y, z, DMS_ODIR_LABELS, WIDTH);
    assert_near(p->patient_logits, y, "patient");
}

static void features_are_what_the_heads_read(void **state)
{
    const fixture *f = *state;
    const dms_pair pair = of_files(f);
    const dms_fusion fusions[] = {DMS_FUSION_DMFF, DMS_FUSION_CONCAT};
    const dms_precision precisions[] = {DMS_PRECISION_FP32, DMS_PRECISION_AUTO};

    for (int i = 0; i < 4; i++) {
        dms_architecture arch = *dms_model_get_architecture(f->model);
        const dms_compute compute = {.struct_size = sizeof compute,
                                     .precision = precisions[i / 2]};
        dms_model *model = NULL;
        dms_session *session = NULL;
        dms_predictions *into = NULL;
        const dms_prediction *p;
        float h[2][FEATURES];

        arch.fusion = fusions[i % 2];
        assert_int_equal(dms_model_create(&model, &arch, NULL, 9, NULL),
                         DMS_OK);
        assert_int_equal(
            dms_session_create_with(&session, model, 3, &compute, 0, NULL),
            DMS_OK);
        assert_int_equal(dms_model_feature_width(model), FEATURES);
        assert_int_equal(dms_predictions_create(&into, model, 1, NULL), DMS_OK);
        assert_int_equal(dms_predictions_want_features(into, NULL), DMS_OK);
        assert_int_equal(
            dms_session_predict(session, into, &pair, 1, NULL, NULL), DMS_OK);
        p = dms_predictions_get(into, 0);
        assert_answered(p);
        memcpy(h[0], p->features[0], sizeof h[0]);
        memcpy(h[1], p->features[1], sizeof h[1]);
        assert_heads_read(model, p, h);
        dms_predictions_destroy(into);
        dms_session_destroy(session);
        dms_model_destroy(model);
    }
}

static void probabilities_are_sigmoids_of_the_logits(void **state)
{
    const fixture *f = *state;
    const dms_pair pair = of_files(f);
    dms_prediction p;

    predict(f, &p, NULL, &pair, 1);
    for (int k = 0; k < DMS_ODIR_LABELS; k++)
        assert_true(fabs(p.patient[k] -
                         1 / (1 + exp(-(double)p.patient_logits[k]))) < 1e-6);
}

/* More pairs than the batch: each answer is at its own place. */
static void features_of_many_batches_stand_in_the_pairs_order(void **state)
{
    const fixture *f = *state;
    dms_pair pairs[5];
    dms_prediction p[5];
    float features[5][2][FEATURES];

    for (int i = 0; i < 5; i++) {
        pairs[i] = of_files(f);
        if (i % 2) {
            pairs[i].path[0] = f->path[1];
            pairs[i].path[1] = f->path[0];
        }
    }
    predict(f, p, &features[0][0][0], pairs, 5);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < FEATURES; k++)
            assert_true(fabsf(features[i][0][k] - features[0][i % 2][k]) <=
                        1e-4f * (1 + fabsf(features[0][i % 2][k])));
}

static bool stop_at_once(void *user)
{
    (void)user;
    return true;
}

static void a_stop_leaves_the_error_on_every_pair(void **state)
{
    const fixture *f = *state;
    const dms_pair pairs[] = {of_files(f), of_files(f), of_files(f)};
    const dms_monitor monitor = {.should_stop = stop_at_once};
    dms_error err = {0};

    assert_int_equal(dms_session_predict(f->session, f->predictions, pairs, 3,
                                         &monitor, &err),
                     DMS_ESTOPPED);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(dms_predictions_get(f->predictions, i)->error.code,
                         DMS_ESTOPPED);
}

static void pictures_in_memory_print_as_json_without_a_path(void **state)
{
    const fixture *f = *state;
    const dms_pair pair = {.id = "9", .memory = {pixels_of(f, 0)}};
    dms_prediction p;
    char *text = NULL;

    predict(f, &p, NULL, &pair, 1);
    assert_int_equal(dms_predictions_print(&text, f->predictions, &pair,
                                           DMS_PREDICTION_JSON, NULL),
                     DMS_OK);
    assert_non_null(strstr(text, "\"path\": null"));
    assert_non_null(strstr(text, "\"right\": null"));
    dms_text_free(text);
}

static void a_probability_that_is_no_number_is_not_printed(void **state)
{
    const fixture *f = *state;
    const dms_pair pairs[] = {of_files(f), of_files(f)};
    dms_prediction p[2];

    predict(f, p, NULL, pairs, 2);
    p[1].patient[3] = NAN;
    for (int format = 0; format < 3; format++) {
        dms_error err = {0};
        char *text = NULL;

        assert_int_equal(dms_predictions_print(&text, f->predictions, pairs,
                                               (dms_prediction_format)format,
                                               &err),
                         DMS_EINVAL);
        assert_string_equal(err.message,
                            "patient 7: a probability of C is not finite");
        assert_null(text);
    }
}

static void
patients_whose_logits_overflow_have_errors_of_their_own(void **state)
{
    const fixture *f = *state;
    dms_model *model = NULL;
    dms_session *session = NULL;
    const dms_pair pairs[] = {
        of_files(f), {.id = "8", .memory = {[DMS_RIGHT] = pixels_of(f, 1)}}};
    const dms_prediction *p;

    assert_int_equal(dms_model_create(&model,
                                      dms_model_get_architecture(f->model),
                                      NULL, 5, NULL),
                     DMS_OK);
    ((float *)(uintptr_t)tensor(model, "head.bias"))[5] = INFINITY;
    assert_int_equal(dms_session_create(&session, model, 2, NULL), DMS_OK);
    assert_int_equal(
        dms_session_predict(session, f->featured, pairs, 2, NULL, NULL),
        DMS_OK);
    for (size_t i = 0; i < 2; i++) {
        char says[96];

        p = dms_predictions_get(f->featured, i);
        snprintf(says, sizeof says,
                 "logit H of patient %s overflows in fp32: the model has no "
                 "answer",
                 pairs[i].id);
        assert_int_equal(p->error.code, DMS_EFORMAT);
        assert_string_equal(p->error.message, says);
        assert_true(p->patient[0] == 0 && p->features[0][0] == 0);
    }
    dms_session_destroy(session);
    dms_model_destroy(model);
}

static void a_failed_allocation_anywhere_is_out_of_memory(void **state)
{
    const fixture *f = *state;
    const dms_pair pair = {.memory = {bytes_of(f, 0), pixels_of(f, 1)}};
    alloc_fault all = {0}, prediction = {0};

    while (alloc_fault_next(&all)) {
        dms_session *session = NULL;
        dms_predictions *p = NULL;
        dms_error err = {0};
        dms_status st = dms_predictions_create(&p, f->model, 1, &err);

        if (st == DMS_OK)
            st = dms_predictions_want_features(p, &err);
        if (st == DMS_OK)
            st = dms_session_create(&session, f->model, 1, &err);
        if (st == DMS_OK)
            st = dms_session_predict(session, p, &pair, 1, NULL, &err);
        assert_int_equal(st, err.code);
        alloc_fault_end(
            &all, st == DMS_OK ? dms_predictions_get(p, 0)->error.code : st);
        dms_predictions_destroy(p);
        dms_session_destroy(session);
    }
    while (alloc_fault_next(&prediction)) {
        dms_prediction p;

        predict(f, &p, NULL, &pair, 1);
        alloc_fault_end(&prediction, p.error.code);
    }
    assert_true(all.count > prediction.count && prediction.count > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_bytes_and_pixels_give_the_same_answer),
        cmocka_unit_test(memory_goes_before_a_path_which_is_then_its_name),
        cmocka_unit_test(a_missing_eye_is_stood_in_for_and_said_so),
        cmocka_unit_test(a_bad_picture_in_memory_is_that_pairs_error),
        cmocka_unit_test(features_are_what_the_heads_read),
        cmocka_unit_test(probabilities_are_sigmoids_of_the_logits),
        cmocka_unit_test(features_of_many_batches_stand_in_the_pairs_order),
        cmocka_unit_test(a_stop_leaves_the_error_on_every_pair),
        cmocka_unit_test(pictures_in_memory_print_as_json_without_a_path),
        cmocka_unit_test(a_probability_that_is_no_number_is_not_printed),
        cmocka_unit_test(
            patients_whose_logits_overflow_have_errors_of_their_own),
        cmocka_unit_test(a_failed_allocation_anywhere_is_out_of_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
