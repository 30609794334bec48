/* Several models that answer as one: means of logits, one model's bits, what is
 * common to them and what may not differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "dms/data.h"
#include "dms/ensemble.h"
#include "eval/probability.h"
#include "net/model.h"

enum { PATIENTS = 3, MODELS = 3, K = 8 };

/* Drawn patients, and three models: the second is wider, the third takes larger
 * photographs. */
typedef struct fixture {
    char folder[64];
    dms_pair_list list;
    dms_model *models[MODELS];
} fixture;

static dms_model *make_model(int width, int size, uint64_t seed)
{
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;

    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = width, arch.size = size;
    assert_int_equal(dms_model_create(&model, &arch, NULL, seed, NULL), DMS_OK);
    return model;
}

static int setup(void **state)
{
    static fixture f;
    dms_synth_options synth = {.struct_size = sizeof synth,
                               .patients = PATIENTS,
                               .seed = 3,
                               .size = 96};
    char images[128];

    snprintf(f.folder, sizeof f.folder, "/tmp/dms_ensemble_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    snprintf(images, sizeof images, "%s/images", f.folder);
    f.models[0] = make_model(16, 64, 1);
    f.models[1] = make_model(32, 64, 2);
    f.models[2] = make_model(16, 96, 3);
    *state = &f;
    return dms_synth_write(f.folder, &synth, NULL, NULL) ||
           dms_pair_list_read(&f.list, images, NULL);
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[128];

    for (int i = 0; i < MODELS; i++)
        dms_model_destroy(f->models[i]);
    dms_pair_list_release(&f->list);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    return system(command);
}

/* The numbers of one answer. */
typedef struct numbers {
    float logits[3][K]; /* patient, left, right */
    double probabilities[3][K];
    bool finding[K];
} numbers;

static numbers numbers_of(const dms_prediction *p)
{
    const float *logits[] = {p->patient_logits, p->eye_logits[0],
                             p->eye_logits[1]};
    const double *probabilities[] = {p->patient, p->eye[0], p->eye[1]};
    numbers n = {0}; /* its padding too, for assert_memory_equal */

    assert_int_equal(p->error.code, DMS_OK);
    assert_int_equal(p->label_count, K);
    for (int row = 0; row < 3; row++) {
        memcpy(n.logits[row], logits[row], sizeof n.logits[row]);
        memcpy(n.probabilities[row], probabilities[row],
               sizeof n.probabilities[row]);
    }
    memcpy(n.finding, p->finding, sizeof n.finding);
    return n;
}

/* What the ensemble answers for the pairs. */
static void answer_with(numbers *out, const dms_ensemble *ensemble,
                        const dms_pair *pairs, const dms_compute *compute)
{
    dms_session *session = NULL;
    dms_predictions *p = NULL;
    dms_error err = {0};

    if (dms_predictions_create(&p, dms_ensemble_get(ensemble, 0), PATIENTS,
                               &err) != DMS_OK ||
        dms_session_create_ensemble(&session, ensemble, 2, compute, 0, &err) !=
            DMS_OK ||
        dms_session_predict(session, p, pairs, PATIENTS, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < PATIENTS; i++)
        out[i] = numbers_of(dms_predictions_get(p, i));
    dms_session_destroy(session);
    dms_predictions_destroy(p);
}

static void answer(numbers *out, const dms_ensemble *ensemble,
                   const dms_pair *pairs, int workers)
{
    const dms_compute compute = {
        .struct_size = sizeof compute, .threads = 2, .workers = workers};

    answer_with(out, ensemble, pairs, &compute);
}

static dms_ensemble *ensemble_of(const dms_model *const *models, size_t count)
{
    dms_ensemble *ensemble = NULL;
    dms_error err = {0};

    if (dms_ensemble_create(&ensemble, models, count, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dms_ensemble_count(ensemble), count);
    return ensemble;
}

/* What models answer together. */
static void answer_of(numbers *out, const fixture *f,
                      const dms_model *const *models, size_t count)
{
    dms_ensemble *ensemble = ensemble_of(models, count);

    answer(out, ensemble, f->list.pairs, 1);
    dms_ensemble_destroy(ensemble);
}

static void one_model_gives_the_bits_of_its_own_session(void **state)
{
    const fixture *f = *state;
    const dms_model *model = f->models[0];
    const dms_compute compute = {
        .struct_size = sizeof compute, .threads = 2, .workers = 1};
    numbers ensemble[PATIENTS], own;
    dms_session *session = NULL;
    dms_predictions *p = NULL;

    answer_of(ensemble, f, &model, 1);
    assert_int_equal(
        dms_session_create_with(&session, model, 2, &compute, 0, NULL), DMS_OK);
    assert_int_equal(dms_predictions_create(&p, model, PATIENTS, NULL), DMS_OK);
    assert_int_equal(
        dms_session_predict(session, p, f->list.pairs, PATIENTS, NULL, NULL),
        DMS_OK);
    for (size_t i = 0; i < PATIENTS; i++) {
        own = numbers_of(dms_predictions_get(p, i));
        assert_memory_equal(&ensemble[i], &own, sizeof own);
    }
    dms_session_destroy(session);
    dms_predictions_destroy(p);
}

/* Also of models of another width and another size of photographs. */
static void logits_are_means_and_probabilities_follow_from_them(void **state)
{
    const fixture *f = *state;
    const dms_model *models[MODELS] = {f->models[0], f->models[1],
                                       f->models[2]};
    numbers all[PATIENTS], own[MODELS][PATIENTS];

    answer_of(all, f, models, MODELS);
    for (size_t m = 0; m < MODELS; m++)
        answer_of(own[m], f, &models[m], 1);
    for (int i = 0; i < PATIENTS; i++)
        for (int row = 0; row < 3; row++) {
            double p[K];

            for (int k = 0; k < K; k++) {
                double sum = (double)own[0][i].logits[row][k] +
                             (double)own[1][i].logits[row][k] +
                             (double)own[2][i].logits[row][k];

                assert_true(all[i].logits[row][k] == (float)(sum / MODELS));
            }
            dms_probabilities(p, all[i].logits[row],
                              dms_model_get_labels(models[0]), NULL);
            assert_memory_equal(all[i].probabilities[row], p, sizeof p);
        }
    assert_true(own[0][0].logits[0][0] != own[1][0].logits[0][0]);
}

static void each_model_is_averaged_over_its_own_mirror_images(void **state)
{
    const fixture *f = *state;
    const dms_model *models[] = {f->models[0], f->models[2]};
    const dms_compute compute = {
        .struct_size = sizeof compute, .threads = 2, .tta = DMS_TTA_FLIPS};
    numbers all[PATIENTS], own[2][PATIENTS], plain[PATIENTS];
    dms_ensemble *ensemble = ensemble_of(models, 2);

    answer_with(all, ensemble, f->list.pairs, &compute);
    answer(plain, ensemble, f->list.pairs, 1);
    dms_ensemble_destroy(ensemble);
    for (int m = 0; m < 2; m++) {
        ensemble = ensemble_of(&models[m], 1);
        answer_with(own[m], ensemble, f->list.pairs, &compute);
        dms_ensemble_destroy(ensemble);
    }
    for (int i = 0; i < PATIENTS; i++)
        for (int row = 0; row < 3; row++)
            for (int k = 0; k < K; k++)
                assert_true(all[i].logits[row][k] ==
                            (float)(((double)own[0][i].logits[row][k] +
                                     (double)own[1][i].logits[row][k]) /
                                    2));
    assert_true(all[0].logits[0][0] != plain[0].logits[0][0]);
}

static void exchanging_eyes_exchanges_eye_answers_only(void **state)
{
    const fixture *f = *state;
    const dms_model *models[] = {f->models[0], f->models[2]};
    dms_ensemble *ensemble = ensemble_of(models, 2);
    dms_pair exchanged[PATIENTS];
    numbers one[PATIENTS], other[PATIENTS];

    for (int i = 0; i < PATIENTS; i++) {
        exchanged[i] = f->list.pairs[i];
        exchanged[i].path[DMS_LEFT] = f->list.pairs[i].path[DMS_RIGHT];
        exchanged[i].path[DMS_RIGHT] = f->list.pairs[i].path[DMS_LEFT];
    }
    answer(one, ensemble, f->list.pairs, 1);
    answer(other, ensemble, exchanged, 1);
    for (int i = 0; i < PATIENTS; i++)
        for (int k = 0; k < K; k++) {
            const numbers *a = &one[i], *b = &other[i];

            assert_true(fabsf(a->logits[0][k] - b->logits[0][k]) < 1e-5f);
            assert_true(fabsf(a->logits[1][k] - b->logits[2][k]) < 1e-5f);
            assert_true(fabsf(a->logits[2][k] - b->logits[1][k]) < 1e-5f);
            assert_true(fabsf(a->logits[1][k] - a->logits[2][k]) > 1e-7f);
        }
    dms_ensemble_destroy(ensemble);
}

static void answers_repeat_bit_by_bit_with_any_number_of_workers(void **state)
{
    const fixture *f = *state;
    const dms_model *models[] = {f->models[0], f->models[2], f->models[1]};
    dms_ensemble *ensemble = ensemble_of(models, 3);
    numbers first[PATIENTS], again[PATIENTS];

    answer(first, ensemble, f->list.pairs, 2);
    for (int workers = 1; workers <= 3; workers++) {
        answer(again, ensemble, f->list.pairs, workers);
        assert_memory_equal(first, again, sizeof first);
    }
    dms_ensemble_destroy(ensemble);
}

/* Predict the first pair, or what stands for it; its error's code. */
static dms_status code_of(const dms_ensemble *ensemble, const dms_pair *pairs,
                          numbers *second)
{
    dms_session *session = NULL;
    dms_predictions *p = NULL;
    const dms_prediction *bad;
    dms_status code;

    assert_int_equal(
        dms_predictions_create(&p, dms_ensemble_get(ensemble, 0), 2, NULL),
        DMS_OK);
    assert_int_equal(
        dms_session_create_ensemble(&session, ensemble, 2, NULL, 0, NULL),
        DMS_OK);
    assert_int_equal(dms_session_predict(session, p, pairs, 2, NULL, NULL),
                     DMS_OK);
    bad = dms_predictions_get(p, 0);
    code = bad->error.code;
    for (int k = 0; k < K; k++) {
        assert_true(bad->patient[k] == 0 && bad->patient_logits[k] == 0);
        assert_true(bad->eye[0][k] == 0 && bad->eye[1][k] == 0);
    }
    if (second)
        *second = numbers_of(dms_predictions_get(p, 1));
    dms_session_destroy(session);
    dms_predictions_destroy(p);
    return code;
}

static void a_pair_that_cannot_be_read_fails_alone(void **state)
{
    const fixture *f = *state;
    const dms_model *models[] = {f->models[0], f->models[2]};
    dms_ensemble *ensemble = ensemble_of(models, 2);
    dms_pair pairs[] = {{.id = "bad", .path = {"nosuch.png", NULL}},
                        f->list.pairs[1]};
    numbers whole[PATIENTS], second;

    answer(whole, ensemble, f->list.pairs, 1);
    assert_int_equal(code_of(ensemble, pairs, &second), DMS_EIO);
    for (int k = 0; k < K; k++)
        assert_true(fabsf(second.logits[0][k] - whole[1].logits[0][k]) < 1e-5f);
    dms_ensemble_destroy(ensemble);
}

static void values_that_overflow_in_a_later_model_leave_no_numbers(void **state)
{
    const fixture *f = *state;
    dms_model *broken = make_model(16, 64, 9);
    const dms_model *models[] = {f->models[0], broken};
    const dms_param *weight = dms_params_find(broken->params, "head.weight");
    dms_ensemble *ensemble = ensemble_of(models, 2);

    assert_non_null(weight);
    for (size_t i = 0; i < weight->len; i++)
        broken->params->value[weight->offset + i] = FLT_MAX;
    assert_int_equal(code_of(ensemble, f->list.pairs, NULL), DMS_EFORMAT);
    dms_ensemble_destroy(ensemble);
    dms_model_destroy(broken);
}

typedef struct heard {
    int warnings;
    char last[512];
} heard;

static void hear(void *user, dms_log_level level, const char *text)
{
    heard *h = user;

    if (level != DMS_LOG_WARNING)
        return;
    h->warnings++;
    snprintf(h->last, sizeof h->last, "%s", text);
}

static void thresholds_are_the_models_if_all_agree_else_one_half(void **state)
{
    dms_model *own[] = {make_model(16, 64, 1), make_model(16, 64, 2)};
    const dms_model *models[] = {own[0], own[1]};
    heard h = {0};
    const dms_monitor monitor = {.user = &h, .message = hear};
    dms_ensemble *ensemble = NULL;

    (void)state;
    own[0]->config.thresholds[2] = own[1]->config.thresholds[2] = 0.25;
    assert_int_equal(dms_ensemble_create(&ensemble, models, 2, &monitor, NULL),
                     DMS_OK);
    assert_true(dms_ensemble_threshold(ensemble, 2) == 0.25);
    assert_true(dms_ensemble_threshold(ensemble, 3) == 0.5);
    assert_true(isnan(dms_ensemble_threshold(ensemble, K)));
    assert_int_equal(h.warnings, 0);
    dms_ensemble_destroy(ensemble);
    own[1]->config.thresholds[3] = 0.75;
    assert_int_equal(dms_ensemble_create(&ensemble, models, 2, &monitor, NULL),
                     DMS_OK);
    assert_true(dms_ensemble_threshold(ensemble, 2) == 0.5);
    assert_int_equal(h.warnings, 1);
    assert_string_equal(h.last, "the 2 models have different thresholds: the "
                                "ensemble uses 0.5 for every label");
    dms_ensemble_destroy(ensemble);
    dms_model_destroy(own[0]);
    dms_model_destroy(own[1]);
}

static void other_labels_tasks_and_eyes_are_refused(void **state)
{
    const fixture *f = *state;
    dms_architecture arch = dms_architecture_default();
    dms_label_set *labels = NULL;
    const dms_model *models[] = {f->models[0], NULL};
    dms_ensemble *ensemble = NULL;
    dms_model *other = NULL;
    dms_error err = {0};

    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16, arch.size = 64;
    assert_int_equal(dms_label_set_parse(&labels, "D,G", NULL), DMS_OK);
    assert_int_equal(dms_model_create(&other, &arch, labels, 1, NULL), DMS_OK);
    models[1] = other;
    err = (dms_error){0};
    assert_int_equal(dms_ensemble_create(&ensemble, models, 2, NULL, &err),
                     DMS_EMISMATCH);
    assert_string_equal(err.message,
                        "model 2: is a model of any of D,G, but model 1 is a "
                        "model of any of N,D,G,C,A,H,M,O; an ensemble needs "
                        "the same labels");
    dms_model_destroy(other);
    arch.task = DMS_TASK_SINGLE_LABEL;
    assert_int_equal(dms_model_create(&other, &arch, NULL, 1, NULL), DMS_OK);
    models[1] = other;
    err = (dms_error){0};
    assert_int_equal(dms_ensemble_create(&ensemble, models, 2, NULL, &err),
                     DMS_EMISMATCH);
    assert_non_null(strstr(err.message, "one of N,D,G,C,A,H,M,O"));
    dms_model_destroy(other);
    arch.task = DMS_TASK_MULTI_LABEL, arch.eyes = DMS_EYES_LEFT;
    assert_int_equal(dms_model_create(&other, &arch, NULL, 1, NULL), DMS_OK);
    models[1] = other;
    err = (dms_error){0};
    assert_int_equal(dms_ensemble_create(&ensemble, models, 2, NULL, &err),
                     DMS_EMISMATCH);
    assert_non_null(strstr(err.message, "uses the eyes 'left'"));
    dms_model_destroy(other);
    assert_int_equal(dms_ensemble_create(&ensemble, models, 0, NULL, &err),
                     DMS_EINVAL);
    assert_null(ensemble);
    dms_label_set_destroy(labels);
}

static void features_are_of_one_model_only(void **state)
{
    const fixture *f = *state;
    const dms_model *models[] = {f->models[0], f->models[1]};
    dms_ensemble *ensemble = ensemble_of(models, 2);
    dms_session *session = NULL;
    dms_predictions *p = NULL;
    dms_error err = {0};

    assert_int_equal(dms_predictions_create(&p, models[0], 1, NULL), DMS_OK);
    assert_int_equal(dms_predictions_want_features(p, NULL), DMS_OK);
    assert_int_equal(
        dms_session_create_ensemble(&session, ensemble, 1, NULL, 0, NULL),
        DMS_OK);
    assert_int_equal(
        dms_session_predict(session, p, f->list.pairs, 1, NULL, &err),
        DMS_EINVAL);
    assert_string_equal(err.message,
                        "features are wanted, but they are those of one model, "
                        "and the session is of 2 models");
    dms_session_destroy(session);
    dms_predictions_destroy(p);
    dms_ensemble_destroy(ensemble);
}

/* Write model i as the folder's best model of that fold. */
static void write_fold(const fixture *f, int i, int fold)
{
    char path[128];

    snprintf(path, sizeof path, "%s/run/fold%d", f->folder, fold);
    assert_int_equal(dms_folder_make(path, NULL), DMS_OK);
    snprintf(path, sizeof path, "%s/run/fold%d/best.safetensors", f->folder,
             fold);
    assert_int_equal(dms_model_write(f->models[i], path, NULL), DMS_OK);
}

static void a_runs_folder_stands_for_the_models_of_its_folds(void **state)
{
    const fixture *f = *state;
    char run[128], file[160];
    const char *paths[] = {run, file};
    heard h = {0};
    const dms_monitor monitor = {.user = &h, .message = hear};
    dms_ensemble *ensemble = NULL;
    dms_error err = {0};

    snprintf(run, sizeof run, "%s/run", f->folder);
    snprintf(file, sizeof file, "%s/run/fold2/best.safetensors", f->folder);
    assert_int_equal(dms_folder_make(run, NULL), DMS_OK);
    assert_int_equal(dms_ensemble_open(&ensemble, paths, 1, &monitor, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "without fold1/best.safetensors"));
    write_fold(f, 0, 1);
    write_fold(f, 1, 2);
    assert_int_equal(dms_ensemble_open(&ensemble, paths, 2, &monitor, NULL),
                     DMS_OK);
    assert_int_equal(dms_ensemble_count(ensemble), 3);
    assert_int_equal(dms_model_feature_width(dms_ensemble_get(ensemble, 2)),
                     64);
    assert_null(dms_ensemble_get(ensemble, 3));
    assert_int_equal(h.warnings, 1); /* there is no out-of-fold.csv */
    assert_non_null(strstr(h.last, "the run has not ended; the models of 2"));
    dms_ensemble_destroy(ensemble);
    assert_int_equal(dms_folder_write(run, "out-of-fold.csv", "", NULL),
                     DMS_OK);
    assert_int_equal(dms_ensemble_open(&ensemble, paths, 1, &monitor, NULL),
                     DMS_OK);
    assert_int_equal(dms_ensemble_count(ensemble), 2);
    assert_int_equal(h.warnings, 1);
    dms_ensemble_destroy(ensemble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_model_gives_the_bits_of_its_own_session),
        cmocka_unit_test(logits_are_means_and_probabilities_follow_from_them),
        cmocka_unit_test(each_model_is_averaged_over_its_own_mirror_images),
        cmocka_unit_test(exchanging_eyes_exchanges_eye_answers_only),
        cmocka_unit_test(answers_repeat_bit_by_bit_with_any_number_of_workers),
        cmocka_unit_test(a_pair_that_cannot_be_read_fails_alone),
        cmocka_unit_test(
            values_that_overflow_in_a_later_model_leave_no_numbers),
        cmocka_unit_test(thresholds_are_the_models_if_all_agree_else_one_half),
        cmocka_unit_test(other_labels_tasks_and_eyes_are_refused),
        cmocka_unit_test(features_are_of_one_model_only),
        cmocka_unit_test(a_runs_folder_stands_for_the_models_of_its_folds),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
