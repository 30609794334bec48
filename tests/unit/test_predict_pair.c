/* The plainest call, and the rooms that answers lie in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "dms/session.h"

enum { WIDTH = 16, SIDE = 96 };

typedef struct fixture {
    char folder[64];
    char path[2][96];
    dms_model *model;
    dms_session *session; /* a batch of 1 */
} fixture;

/* A disc that is brighter at one side, another one for either eye. */
static dms_status write_picture(const char *path, int eye)
{
    dms_image im = {SIDE, SIDE, dms_calloc(SIDE * SIDE, 3)};
    dms_status st;

    assert_non_null(im.rgb);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int dx = x - SIDE / 2, dy = y - SIDE / 2;
            uint8_t *p = im.rgb + 3 * (y * SIDE + x);

            if (dx * dx + dy * dy < 44 * 44)
                p[0] = (uint8_t)(120 + (eye ? x : y)), p[1] = 70, p[2] = 30;
        }
    st = dms_image_write_png(&im, path, NULL);
    dms_image_release(&im);
    return st;
}

static int setup(void **state)
{
    static fixture f;
    dms_architecture arch = dms_architecture_default();

    snprintf(f.folder, sizeof f.folder, "/tmp/dms_pair_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    for (int eye = 0; eye < 2; eye++) {
        snprintf(f.path[eye], sizeof f.path[eye], "%s/%d.png", f.folder, eye);
        if (write_picture(f.path[eye], eye) != DMS_OK)
            return -1;
    }
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = WIDTH;
    arch.size = 64;
    if (dms_model_create(&f.model, &arch, NULL, 5, NULL) != DMS_OK ||
        dms_session_create(&f.session, f.model, 1, NULL) != DMS_OK)
        return -1;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[96];

    dms_session_destroy(f->session);
    dms_model_destroy(f->model);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    return system(command);
}

static dms_pair of_files(const fixture *f)
{
    return (dms_pair){.id = "7", .path = {f->path[0], f->path[1]}};
}

static void a_pair_alone_gets_the_answer_of_a_session(void **state)
{
    const fixture *f = *state;
    const dms_pair pair = of_files(f);
    dms_predictions *of_session = NULL;
    const dms_prediction *want;
    dms_prediction *p = NULL;
    dms_error err = {0};

    assert_int_equal(dms_predictions_create(&of_session, f->model, 1, NULL),
                     DMS_OK);
    assert_int_equal(
        dms_session_predict(f->session, of_session, &pair, 1, NULL, NULL),
        DMS_OK);
    want = dms_predictions_get(of_session, 0);
    assert_int_equal(want->error.code, DMS_OK);
    if (dms_predict_pair(f->model, f->path[0], f->path[1], &p, &err) != DMS_OK)
        fail_msg("%s", err.message);
    assert_int_equal(p->label_count, dms_model_label_count(f->model));
    for (int k = 0; k < p->label_count; k++)
        assert_true(fabs(p->patient[k] - want->patient[k]) < 1e-5);
    assert_true(p->present[DMS_LEFT] && p->present[DMS_RIGHT]);
    dms_prediction_destroy(p);
    dms_prediction_destroy(NULL);
    dms_predictions_destroy(of_session);
}

/* What a session leaves to the pair's own error is the call's here. */
static void a_pair_alone_returns_what_is_wrong_with_it(void **state)
{
    const fixture *f = *state;
    dms_prediction *p = NULL;
    dms_error err = {0};

    assert_int_equal(
        dms_predict_pair(f->model, f->path[0], "not/there.jpg", &p, &err),
        DMS_EIO);
    assert_non_null(strstr(err.message, "not/there.jpg"));
    err = (dms_error){0};
    assert_int_equal(dms_predict_pair(f->model, NULL, NULL, &p, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "no photograph"));
    assert_null(p);
    assert_int_equal(dms_predict_pair(f->model, f->path[0], NULL, &p, NULL),
                     DMS_OK);
    assert_false(p->present[DMS_RIGHT]);
    dms_prediction_destroy(p);
}

static void predictions_of_another_size_are_refused(void **state)
{
    const fixture *f = *state;
    const dms_pair pairs[] = {of_files(f), of_files(f)};
    dms_architecture arch = *dms_model_get_architecture(f->model);
    dms_model *wide = NULL;
    dms_predictions *p = NULL;
    dms_error err = {0};

    assert_int_equal(dms_predictions_create(&p, f->model, 1, NULL), DMS_OK);
    assert_int_equal(dms_session_predict(f->session, p, pairs, 2, NULL, &err),
                     DMS_EINVAL);
    assert_string_equal(err.message,
                        "2 pairs, but the predictions have room for 1");
    dms_predictions_destroy(p);
    arch.width = 2 * WIDTH;
    assert_int_equal(dms_model_create(&wide, &arch, NULL, 1, NULL), DMS_OK);
    assert_int_equal(dms_predictions_create(&p, wide, 1, NULL), DMS_OK);
    assert_int_equal(dms_session_predict(f->session, p, pairs, 1, NULL, NULL),
                     DMS_EMISMATCH);
    assert_int_equal(dms_predictions_count(p), 0);
    dms_predictions_destroy(p);
    dms_model_destroy(wide);
}

static void the_model_names_its_labels(void **state)
{
    const fixture *f = *state;

    assert_int_equal(dms_model_label_count(f->model), 8);
    assert_string_equal(dms_model_label_code(f->model, 1), "D");
    assert_string_equal(dms_model_label_name(f->model, 1), "Diabetes");
    assert_true(dms_model_threshold(f->model, 7) == 0.5);
    for (int k = -1; k <= 8; k += 9) {
        assert_null(dms_model_label_code(f->model, k));
        assert_null(dms_model_label_name(f->model, k));
        assert_true(isnan(dms_model_threshold(f->model, k)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_alone_gets_the_answer_of_a_session),
        cmocka_unit_test(a_pair_alone_returns_what_is_wrong_with_it),
        cmocka_unit_test(predictions_of_another_size_are_refused),
        cmocka_unit_test(the_model_names_its_labels),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
