/* The teacher of a distillation: opened and checked once, then shown each batch
 * that the student is shown (Beyer et al. 2022, arXiv 2106.05237: the same
 * view, mixed photographs included). Relies on the engine, which runs it as
 * validation runs a model, and on distil.c for the losses. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "net/compute.h"
#include "net/model.h"
#include "train/distil.h"
#include "train/trainer.h"

/* Patients that the teacher is shown at once: more only take memory. */
enum { BATCH = 16 };

static dms_compute compute_of(const dms_train_options *o)
{
    return (dms_compute){.precision = DMS_PRECISION_AUTO,
                         .workers = 1,
                         .deterministic = o->deterministic};
}

/* Would the student's photographs be other ones than the teacher knows? */
static dms_status check_photographs(const dms_model_config *teacher,
                                    const dms_model_config *student,
                                    const char *path, dms_error *err)
{
    const dms_preprocess *a = &teacher->preprocess, *b = &student->preprocess;
    dms_eyes eyes = teacher->architecture.eyes;

    if (a->size != b->size)
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: this teacher reads photographs of %d px, the "
                        "student those of %d px; both see the same ones: give "
                        "size %d",
                        path, a->size, b->size, a->size);
    if (eyes != student->architecture.eyes)
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: this teacher reads eyes %s, the student eyes %s",
                        path, dms_eyes_name(eyes),
                        dms_eyes_name(student->architecture.eyes));
    if (a->crop != b->crop || a->filter != b->filter ||
        a->enhance != b->enhance)
        return dms_fail(
            err, DMS_EMISMATCH,
            "%s: this teacher's photographs have crop %s, filter "
            "%s, enhance %s; the student's have %s, %s, %s: give "
            "the same",
            path, a->crop ? "true" : "false", dms_filter_name(a->filter),
            dms_enhance_name(a->enhance), b->crop ? "true" : "false",
            dms_filter_name(b->filter), dms_enhance_name(b->enhance));
    return DMS_OK;
}

static dms_status make_engine(dms_trainer *t, dms_error *err)
{
    const dms_train_options *o = t->options;
    dms_train_teacher *teacher = &t->teacher;
    dms_engine_options options = dms_engine_options_of(teacher->model);
    dms_compute compute = compute_of(o);

    options.batch = o->batch < BATCH ? o->batch : BATCH;
    options.compute = &compute;
    options.patients = t->patients.train_count;
    options.attention = o->teacher_maps > 0;
    return dms_engine_create(&teacher->engine, &options, err);
}

static dms_status make_answers(dms_trainer *t, dms_error *err)
{
    dms_train_teacher *teacher = &t->teacher;
    size_t batch = (size_t)t->options->batch;
    size_t cells = batch * (size_t)t->config.architecture.labels;

    if (t->options->teacher_maps > 0)
        teacher->positions =
            dms_net_attention_size(dms_engine_net(teacher->engine, 0));
    teacher->patient_logits =
        dms_calloc(cells, sizeof *teacher->patient_logits);
    teacher->eye_logits = dms_calloc(2 * cells, sizeof *teacher->eye_logits);
    teacher->attention = dms_calloc(2 * batch * teacher->positions + 1,
                                    sizeof *teacher->attention);
    teacher->scratch = dms_calloc(
        dms_distil_scratch((int)batch, t->config.architecture.labels),
        sizeof *teacher->scratch);
    return teacher->patient_logits && teacher->eye_logits &&
                   teacher->attention && teacher->scratch
               ? DMS_OK
               : dms_fail_memory(err, "teacher");
}

static dms_status introduce(const dms_trainer *t, dms_error *err)
{
    const dms_model *model = t->teacher.model;
    dms_compute compute = compute_of(t->options);
    dms_net_options numbers = {0};
    dms_status st =
        dms_compute_apply(&numbers, &compute, model->params, 0, err);

    if (st != DMS_OK)
        return st;
    dms_log(t->monitor, DMS_LOG_INFO,
            "teacher: %s (%s, width %d, in %s), weight %g, temperature %g, "
            "maps %g",
            t->options->teacher,
            dms_backbone_name(model->config.architecture.backbone),
            model->config.architecture.width,
            dms_precision_name(numbers.int8 ? DMS_PRECISION_INT8
                               : numbers.type == DMS_TYPE_BF16
                                   ? DMS_PRECISION_BF16
                                   : DMS_PRECISION_FP32),
            t->options->teacher_weight, t->options->teacher_temperature,
            t->options->teacher_maps);
    if (!model->config.trained_on.digests)
        dms_log(t->monitor, DMS_LOG_INFO,
                "%s: does not say which photographs it was trained on, so "
                "models of this run will not know them either",
                t->options->teacher);
    return DMS_OK;
}

dms_status dms_train_teacher_open(dms_trainer *t, dms_error *err)
{
    const char *path = t->options->teacher;
    dms_train_teacher *teacher = &t->teacher;
    dms_status st;

    if (!path[0])
        return DMS_OK;
    TRY(dms_model_open(&teacher->model, path, t->monitor, err));
    TRY(dms_train_labels_check(t, path, teacher->model->config.labels, err));
    TRY(check_photographs(&teacher->model->config, &t->config, path, err));
    TRY(dms_sha256_file(teacher->digest,
                        dms_tensor_file_path(teacher->model->file), err));
done:
    return st;
}

dms_status dms_train_teacher_start(dms_trainer *t, dms_error *err)
{
    dms_status st;

    if (!t->teacher.model)
        return DMS_OK;
    TRY(make_engine(t, err));
    TRY(make_answers(t, err));
    TRY(introduce(t, err));
done:
    return st;
}

void dms_train_teacher_close(dms_train_teacher *teacher)
{
    dms_engine_destroy(teacher->engine);
    dms_model_destroy(teacher->model);
    dms_free(teacher->patient_logits);
    dms_free(teacher->eye_logits);
    dms_free(teacher->attention);
    dms_free(teacher->scratch);
}

/* A batch on its way through the teacher. */
typedef struct lesson {
    dms_trainer *trainer;
    const float *images;  /* the student's; NULL: it has maps */
    const size_t *places; /* of the batch's patients */
    size_t patients;
} lesson;

/* Copy the rows of patients [at, at + count) of a batch of n to the beginning
 * of each half of a table of 2 rows. */
static void copy_in(float *to, size_t rows, const float *from, size_t n,
                    const dms_engine_batch *b, size_t len)
{
    for (size_t eye = 0; eye < 2; eye++)
        memcpy(to + eye * rows * len, from + (eye * n + b->at) * len,
               b->count * len * sizeof *to);
}

static void copy_out(float *to, size_t n, const float *from, size_t rows,
                     const dms_engine_batch *b, size_t len)
{
    for (size_t eye = 0; eye < 2; eye++)
        memcpy(to + (eye * n + b->at) * len, from + eye * rows * len,
               b->count * len * sizeof *to);
}

/* A student that trains on stored maps has no images; its photographs are not
 * augmented, so the teacher gets them from the cache. */
static dms_status show(void *user, const dms_engine_batch *b, dms_error *err)
{
    const lesson *l = user;
    dms_trainer *t = l->trainer;
    size_t side = (size_t)t->options->size;
    float *images = dms_net_images(b->net);

    (void)err;
    if (l->images)
        copy_in(images, (size_t)b->size, l->images, l->patients, b,
                3 * side * side);
    else
        dms_train_patients_fill(&t->patients,
                                &(dms_train_batch){.images = images,
                                                   .places = l->places + b->at,
                                                   .count = b->count,
                                                   .padded = (size_t)b->size});
    return DMS_OK;
}

static dms_status take(void *user, const dms_engine_batch *b, dms_error *err)
{
    const lesson *l = user;
    dms_train_teacher *teacher = &l->trainer->teacher;
    const dms_dataset *dataset = l->trainer->patients.dataset;
    size_t rows = (size_t)b->size;
    size_t width = (size_t)l->trainer->config.architecture.labels;
    dms_error wrong = {0};
    char who[DMS_NET_WHO];

    for (size_t i = 0; i < b->count; i++) {
        const dms_patient *p = &dataset->patients[l->places[b->at + i]];

        if (dms_net_check(b->net, i, dms_net_who(who, p->id), &wrong) != DMS_OK)
            return dms_fail(err, DMS_EFORMAT, "%.200s: %.300s",
                            l->trainer->options->teacher, wrong.message);
    }
    memcpy(teacher->patient_logits + b->at * width, b->patient_logits,
           b->count * width * sizeof(float));
    copy_out(teacher->eye_logits, l->patients, b->eye_logits, rows, b, width);
    if (teacher->positions)
        copy_out(teacher->attention, l->patients, dms_net_attention(b->net),
                 rows, b, teacher->positions);
    return DMS_OK;
}

dms_status dms_train_teacher_look(dms_trainer *t, const float *images,
                                  const size_t *places, int patients,
                                  dms_error *err)
{
    lesson l = {t, images, places, (size_t)patients};
    const dms_feed feed = {
        .fill = show, .take = take, .user = &l, .total = (size_t)patients};
    size_t done;

    /* NULL: a stop waits for the end of the step */
    return t->teacher.engine
               ? dms_engine_run(&done, t->teacher.engine, &feed, NULL, err)
               : DMS_OK;
}

bool dms_train_teacher_maps(const dms_trainer *t)
{
    return t->teacher.positions > 0 &&
           t->nets.phase.frozen != DMS_FREEZE_STAGE4;
}

double dms_train_teacher_loss(dms_trainer *t, dms_net *net, int patients,
                              double loss)
{
    const dms_train_teacher *teacher = &t->teacher;
    const dms_distil_options options = {.labels = t->loss.labels,
                                        .task = t->loss.task,
                                        .eye_weight = t->loss.eye_weight,
                                        .weight = t->options->teacher_weight,
                                        .temperature =
                                            t->options->teacher_temperature};
    const dms_distil_batch batch = {.patients = patients,
                                    .student_patient =
                                        dms_net_patient_logits(net),
                                    .teacher_patient = teacher->patient_logits,
                                    .student_eye = dms_net_eye_logits(net),
                                    .teacher_eye = teacher->eye_logits};

    if (!teacher->engine)
        return loss;
    loss = dms_distil_add(loss, dms_net_patient_gradient(net),
                          dms_net_eye_gradient(net), teacher->scratch, &batch,
                          &options);
    if (dms_train_teacher_maps(t))
        loss += dms_distil_maps(dms_net_attention_gradient(net),
                                dms_net_attention(net), teacher->attention,
                                2 * (size_t)patients * teacher->positions,
                                t->options->teacher_maps);
    return loss;
}
