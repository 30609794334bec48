/* Runs with a teacher: what the student learns, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "dms/model.h"
#include "dms/train.h"
#include "net/model.h"
#include "train/trainer.h"
#include "unit/small_training.h"

enum { PATIENTS = 30, SIZE = 64, LABELS = 8 };

static int setup(void **state)
{
    return small_training_make(state, PATIENTS);
}

static void assert_ok(dms_status st, const dms_error *err)
{
    if (st != DMS_OK)
        fail_msg("%s: %s", dms_status_name(st), err->message);
}

/* A model of random weights in the folder; returns its path. Its heads' weights
 * are larger than fresh ones, so that it has opinions. */
static char *teacher_of(const small_training *f, const char *name, int size,
                        const char *labels)
{
    dms_architecture arch = dms_architecture_default();
    dms_label_set *set = NULL;
    dms_model *model = NULL;
    char *path = keep_text("%s/%s", f->folder, name);
    dms_error err = {0};

    arch.backbone = DMS_BACKBONE_RESNET18, arch.width = 16, arch.size = size;
    if (labels)
        assert_ok(dms_label_set_parse(&set, labels, &err), &err);
    assert_ok(dms_model_create(&model, &arch, set, 9, &err), &err);
    for (size_t i = 0; i < model->params->count; i++) {
        const dms_param *p = &model->params->items[i];

        if (strncmp(p->name, "head.", 5) == 0 ||
            strncmp(p->name, "eye_head.", 9) == 0)
            for (size_t k = 0; k < p->len; k++)
                model->params->value[p->offset + k] *= 6;
    }
    assert_ok(dms_model_write(model, path, &err), &err);
    dms_model_destroy(model);
    dms_label_set_destroy(set);
    return path;
}

static dms_train_options student(const small_training *f, const char *run,
                                 char *teacher)
{
    dms_train_options o = small_training_options(f, run);

    o.teacher = teacher;
    return o;
}

static uint8_t *content(size_t *size, const char *run, const char *name)
{
    char path[400];
    uint8_t *data = NULL;

    snprintf(path, sizeof path, "%s/%s", run, name);
    assert_int_equal(dms_file_read(&data, size, path, 1 << 30, NULL), DMS_OK);
    return data;
}

static void assert_same_models(const char *run_a, const char *run_b)
{
    size_t size_a, size_b;
    uint8_t *a = content(&size_a, run_a, "last.safetensors");
    uint8_t *b = content(&size_b, run_b, "last.safetensors");

    assert_int_equal(size_a, size_b);
    assert_memory_equal(a, b, size_a);
    dms_free(a);
    dms_free(b);
}

/* The loss of each epoch, by name from metrics.jsonl. */
static double loss_of(const char *run, size_t epoch)
{
    dms_metrics_log log = {0};
    size_t size;
    uint8_t *text = content(&size, run, "metrics.jsonl");
    double loss;

    assert_int_equal(dms_metrics_log_parse(&log, (char *)text, NULL), DMS_OK);
    assert_true(epoch < log.count);
    loss = log.records[epoch].train_loss;
    dms_metrics_log_release(&log);
    dms_free(text);
    return loss;
}

/* With teacher-weight 1 the loss is nothing but the distance to the teacher. */
static void a_student_of_random_weights_moves_toward_its_teacher(void **state)
{
    const small_training *f = *state;
    dms_train_options o =
        student(f, "toward", teacher_of(f, "random.st", SIZE, NULL));
    dms_error err = {0};

    o.teacher_weight = 1, o.teacher_maps = 100;
    o.epochs = 8, o.lr = 0.05, o.dropout = 0, o.augment = false;
    o.schedule = DMS_SCHEDULE_CONSTANT;
    assert_ok(dms_train(NULL, &o, NULL, &err), &err);
    if (!(loss_of(o.run, 7) < 0.5 * loss_of(o.run, 0)))
        fail_msg("the loss was %g and is %g", loss_of(o.run, 0),
                 loss_of(o.run, 7));
}

/* A trainer as dms_train sets one up, with the first epoch's order. */
static void open_trainer(dms_trainer *t, const dms_train_options *o)
{
    dms_error err = {0};

    *t = (dms_trainer){.options = o};
    assert_ok(dms_train_outputs_find(t, &err), &err);
    assert_ok(dms_run_folder_open(o->run, &err), &err);
    assert_ok(dms_trainer_setup(t, &err), &err);
    dms_train_patients_shuffle(&t->patients, 0);
}

/* The teacher's logits and map of these images, from a net of that batch. */
static dms_net *reference(const dms_trainer *t, const float *images,
                          int patients)
{
    const dms_model *model = t->teacher.model;
    dms_net_options options = {.patients = patients, .attention = true};
    dms_net *net = NULL;
    dms_error err = {0};

    assert_ok(dms_net_create(&net, &model->config.architecture, model->params,
                             &options, &err),
              &err);
    memcpy(dms_net_images(net), images,
           (size_t)patients * 2 * 3 * SIZE * SIZE * sizeof *images);
    assert_ok(dms_net_forward(net, 0, &err), &err);
    return net;
}

static void assert_near(const float *got, const float *want, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(got[i] - want[i]) <= 1e-3f * (1 + fabsf(want[i]))))
            fail_msg("value %zu: got %.9g, want %.9g", i, (double)got[i],
                     (double)want[i]);
}

/* More patients than the teacher is shown at once, and not a multiple. */
static void the_teacher_answers_the_images_that_the_student_is_shown(void **s)
{
    const small_training *f = *s;
    enum { SHOWN = 19 };
    dms_train_options o =
        student(f, "shown", teacher_of(f, "random.st", SIZE, NULL));
    float *images = dms_calloc(SHOWN * 2, 3 * SIZE * SIZE * sizeof *images);
    dms_rng rng = dms_rng_seeded(3);
    dms_error err = {0};
    dms_trainer t;
    dms_net *net;

    o.batch = SHOWN, o.deterministic = true, o.teacher_maps = 1;
    open_trainer(&t, &o);
    for (size_t i = 0; i < SHOWN * 2 * 3 * SIZE * SIZE; i++)
        images[i] = (float)dms_rng_normal(&rng);
    assert_ok(dms_train_teacher_look(&t, images, t.patients.order, SHOWN, &err),
              &err);
    net = reference(&t, images, SHOWN);
    assert_int_equal(t.teacher.positions, 4);
    assert_near(t.teacher.patient_logits, dms_net_patient_logits(net),
                SHOWN * LABELS);
    assert_near(t.teacher.eye_logits, dms_net_eye_logits(net),
                2 * SHOWN * LABELS);
    assert_near(t.teacher.attention, dms_net_attention(net), 2 * SHOWN * 4);
    dms_net_destroy(net);
    dms_trainer_release(&t);
    dms_free(images);
}

/* Wishes to stop at the n-th time of being asked. */
static bool stop_at(void *user)
{
    int *left = user;

    return --*left == 0;
}

static void a_run_repeats_and_resumes_to_the_same_bits(void **state)
{
    const small_training *f = *state;
    char *teacher = teacher_of(f, "random.st", SIZE, NULL);
    char *moved = teacher_of(f, "moved.st", SIZE, NULL);
    dms_train_options o = student(f, "once", teacher);
    int asked = 3;
    dms_monitor monitor = {.user = &asked, .should_stop = stop_at};
    dms_error err = {0};
    char *once = o.run;

    o.mixup = 0.3, o.teacher_maps = 10, o.epochs = 1;
    assert_ok(dms_train(NULL, &o, NULL, &err), &err);
    o.run = keep_text("%s/twice", f->folder);
    assert_ok(dms_train(NULL, &o, NULL, &err), &err);
    assert_same_models(once, o.run);
    o.run = keep_text("%s/broken", f->folder);
    assert_int_equal(dms_train(NULL, &o, &monitor, NULL), DMS_ESTOPPED);
    o.resume = DMS_TRAIN_RESUME_YES;
    o.checkpoint_activations = true; /* no bit changes */
    o.teacher = moved; /* the same bytes elsewhere: a file may move */
    assert_ok(dms_train(NULL, &o, NULL, &err), &err);
    /* provenance has the file's name; the weights are compared by the curve */
    assert_true(loss_of(once, 0) == loss_of(o.run, 0));
}

static void expect_refusal(dms_train_options o, dms_status status,
                           const char *words)
{
    dms_error err = {0};
    dms_status st = dms_train(NULL, &o, NULL, &err);

    if (st != status || !strstr(err.message, words))
        fail_msg("%s: %s; expected %s: '%s'", dms_status_name(st), err.message,
                 dms_status_name(status), words);
}

static void another_teacher_or_none_is_refused_on_resume(void **state)
{
    const small_training *f = *state;
    dms_train_options o =
        student(f, "resumed", teacher_of(f, "random.st", SIZE, NULL));
    dms_train_options other = small_training_options(f, "other");
    int asked = 2;
    dms_monitor monitor = {.user = &asked, .should_stop = stop_at};
    dms_error err = {0};

    other.epochs = 1;
    assert_ok(dms_train(NULL, &other, NULL, &err), &err);
    assert_int_equal(dms_train(NULL, &o, &monitor, NULL), DMS_ESTOPPED);
    o.resume = DMS_TRAIN_RESUME_YES;
    o.teacher = keep_text("%s/last.safetensors", other.run);
    expect_refusal(o, DMS_EMISMATCH, "teacher: ");
    o.teacher = keep_text("%s", "");
    expect_refusal(o, DMS_EMISMATCH, "now it is none");
}

static void a_teacher_that_does_not_fit_is_refused_with_the_reason(void **state)
{
    const small_training *f = *state;
    char *good = teacher_of(f, "random.st", SIZE, NULL);
    dms_train_options o = student(f, "refused", good);

    o.cache = keep_text("%s/unread", f->folder);
    o.teacher = teacher_of(f, "small.st", 32, NULL);
    expect_refusal(o, DMS_EMISMATCH, "photographs of 32 px");
    o.teacher = teacher_of(f, "two.st", SIZE, "N,D");
    expect_refusal(o, DMS_EMISMATCH, "is a model of the labels N,D");
    o.teacher = keep_text("%s/data/annotations.csv", f->folder);
    expect_refusal(o, DMS_EFORMAT, "annotations.csv");
    o.teacher = keep_text("%s/nowhere.st", f->folder);
    expect_refusal(o, DMS_EIO, "nowhere.st");
    o.teacher = good, o.enhance = DMS_ENHANCE_CLAHE;
    expect_refusal(o, DMS_EMISMATCH, "clahe");
    o.enhance = DMS_ENHANCE_NONE, o.eyes = DMS_EYES_LEFT;
    expect_refusal(o, DMS_EMISMATCH, "eyes both");
    o.eyes = DMS_EYES_BOTH, o.teacher_weight = 0;
    expect_refusal(o, DMS_EINVAL, "teaches nothing");
    o.teacher_weight = 1, o.start_size = 32;
    expect_refusal(o, DMS_EINVAL, "start-size 32");
    o.start_size = 0, o.teacher_maps = 1, o.backbone_lr = 0;
    expect_refusal(o, DMS_EINVAL, "frozen for the whole run");
    o.teacher = keep_text("%s", "");
    expect_refusal(o, DMS_EINVAL, "no teacher is given");
    assert_int_equal(access(o.cache, F_OK), -1); /* no photograph was read */
}

/* The data set's table, in which nothing is known of patient 1. */
static char *table_without_a_label(const small_training *f)
{
    char *path = keep_text("%s/data/unknown.csv", f->folder);
    const char *whole = keep_text("%s/data/annotations.csv", f->folder);
    uint8_t *text = NULL;
    const char *header, *row;
    size_t size;
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    assert_int_equal(dms_file_read(&text, &size, whole, 1 << 20, NULL), DMS_OK);
    header = strchr((char *)text, '\n') + 1;
    row = strchr(header, '\n') + 1;
    fwrite(text, 1, (size_t)(header - (char *)text), out);
    fputs("1,57,Male,1_left.jpg,1_right.jpg,,,,,,,,,,\n", out);
    fwrite(row, 1, size - (size_t)(row - (char *)text), out);
    assert_int_equal(fclose(out), 0);
    dms_free(text);
    return path;
}

/* How many patients train, and how many of them by the teacher alone. */
static size_t count_trained(size_t *taught, const dms_train_options *o)
{
    dms_trainer t;
    size_t count;

    open_trainer(&t, o);
    count = t.patients.train_count;
    *taught = t.patients.taught;
    dms_trainer_release(&t);
    return count;
}

static void patients_without_a_label_learn_from_the_teacher_alone(void **state)
{
    const small_training *f = *state;
    char *none = keep_text("%s", "");
    dms_train_options o = student(f, "unlabelled", none);
    dms_error err = {0};
    size_t taught;

    o.data = table_without_a_label(f), o.val = 0;
    assert_int_equal(count_trained(&taught, &o), PATIENTS - 1);
    assert_int_equal(taught, 0);
    o.teacher = teacher_of(f, "random.st", SIZE, NULL);
    assert_int_equal(count_trained(&taught, &o), PATIENTS);
    assert_int_equal(taught, 1);
    o.epochs = 1, o.sampling = DMS_SAMPLING_BALANCED, o.mixup = 0.2;
    o.pos_weight = true;
    assert_ok(dms_train(NULL, &o, NULL, &err), &err);
    assert_true(isfinite(loss_of(o.run, 0)));
}

/* What the teacher was trained on, its student knows too. */
static void the_student_records_its_teachers_photographs(void **state)
{
    const small_training *f = *state;
    dms_train_options o = small_training_options(f, "elder");
    dms_model *elder = NULL, *younger = NULL;
    dms_error err = {0};

    o.epochs = 1, o.val = 0.5;
    assert_ok(dms_train(NULL, &o, NULL, &err), &err);
    o = student(f, "younger",
                keep_text("%s/elder/last.safetensors", f->folder));
    o.epochs = 1, o.val = 0.5, o.seed = 2; /* another split */
    assert_ok(dms_train(NULL, &o, NULL, &err), &err);
    assert_ok(dms_model_open(&elder, o.teacher, NULL, &err), &err);
    assert_ok(dms_model_open(&younger, keep_text("%s/last.safetensors", o.run),
                             NULL, &err),
              &err);
    assert_true(younger->config.trained_on.count >
                elder->config.trained_on.count);
    for (size_t i = 0; i < elder->config.trained_on.count; i++)
        assert_true(dms_trained_on_has(&younger->config.trained_on,
                                       elder->config.trained_on.digests[i]));
    assert_non_null(strstr(dms_model_get_provenance(younger),
                           "\"teacher\":\"last.safetensors\""));
    dms_model_destroy(elder);
    dms_model_destroy(younger);
}

/* A student behind stored maps never sees pixels; its teacher does. */
static void a_frozen_student_on_stored_maps_is_taught_too(void **state)
{
    const small_training *f = *state;
    dms_train_options o =
        student(f, "mapped", teacher_of(f, "random.st", SIZE, NULL));
    dms_error err = {0};

    o.backbone_lr = 0, o.augment = false, o.dropout = 0, o.teacher_weight = 1;
    o.epochs = 6, o.lr = 0.05, o.schedule = DMS_SCHEDULE_CONSTANT;
    assert_ok(dms_train(NULL, &o, NULL, &err), &err);
    assert_true(loss_of(o.run, 5) < 0.8 * loss_of(o.run, 0));
}

/* While its last stage is frozen, a student's maps cannot follow. */
static void maps_are_compared_once_the_backbone_is_unfrozen(void **state)
{
    const small_training *f = *state;
    dms_train_options o =
        student(f, "thawed", teacher_of(f, "random.st", SIZE, NULL));
    dms_error err = {0};

    o.freeze = DMS_FREEZE_STAGE4, o.unfreeze_after = 1, o.epochs = 2;
    o.teacher_maps = 1000;
    assert_ok(dms_train(NULL, &o, NULL, &err), &err);
    assert_true(loss_of(o.run, 1) > loss_of(o.run, 0) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_student_of_random_weights_moves_toward_its_teacher),
        cmocka_unit_test(
            the_teacher_answers_the_images_that_the_student_is_shown),
        cmocka_unit_test(a_run_repeats_and_resumes_to_the_same_bits),
        cmocka_unit_test(another_teacher_or_none_is_refused_on_resume),
        cmocka_unit_test(
            a_teacher_that_does_not_fit_is_refused_with_the_reason),
        cmocka_unit_test(patients_without_a_label_learn_from_the_teacher_alone),
        cmocka_unit_test(the_student_records_its_teachers_photographs),
        cmocka_unit_test(a_frozen_student_on_stored_maps_is_taught_too),
        cmocka_unit_test(maps_are_compared_once_the_backbone_is_unfrozen),
    };

    return cmocka_run_group_tests(tests, setup, small_training_remove);
}
