#include "dms/session.h"

#include <stdio.h>
#include <string.h>

#include "api/crew.h"
#include "api/model.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "eval/probability.h"
#include "net/dmsnet.h"

struct dms_session {
    const dms_model *model;
    dms_crew *crew;
    int batch;       /* patients that one worker runs at once */
    uint8_t *pixels; /* of each worker 2*batch pictures of size*size*3, left
                        eyes first */
};

/* What one worker fills and reads while it runs a batch. */
typedef struct seat {
    const dms_model *model;
    dms_net *net;
    int batch;
    uint8_t *pixels;
} seat;

static size_t picture_bytes(const dms_model *model)
{
    size_t size = (size_t)model->config.preprocess.size;

    return size * size * 3;
}

static seat seat_of(const dms_session *s, int worker)
{
    size_t each = 2 * (size_t)s->batch * picture_bytes(s->model);

    return (seat){.model = s->model,
                  .net = dms_crew_net(s->crew, worker),
                  .batch = s->batch,
                  .pixels = s->pixels + (size_t)worker * each};
}

dms_status dms_session_create(dms_session **out, const dms_model *model,
                              int batch, dms_error *err)
{
    return dms_session_create_with(out, model, batch, NULL, 0, err);
}

dms_status dms_session_create_with(dms_session **out, const dms_model *model,
                                   int batch, const dms_compute *compute,
                                   size_t patients, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_session *s = NULL;
    const dms_crew_options options = {
        .batch = batch, .compute = compute, .patients = patients};

    s = dms_calloc(1, sizeof *s);
    if (!s)
        return dms_fail_memory(err, "session");
    s->model = model;
    TRY(dms_crew_create(&s->crew, model, &options, err));
    s->batch = dms_crew_batch(s->crew);
    s->pixels =
        dms_calloc((size_t)dms_crew_workers(s->crew) * (size_t)s->batch * 2,
                   picture_bytes(model));
    if (!s->pixels) {
        st = dms_fail_memory(err, "session");
        goto done;
    }
    *out = s, s = NULL;
done:
    dms_session_destroy(s);
    return st;
}

void dms_session_destroy(dms_session *session)
{
    if (!session)
        return;
    dms_crew_destroy(session->crew);
    dms_free(session->pixels);
    dms_free(session);
}

static uint8_t *pixels_of(const seat *s, int eye, int place)
{
    return s->pixels +
           (size_t)(eye * s->batch + place) * picture_bytes(s->model);
}

static float *images_of(const seat *s, int eye, int place)
{
    return dms_net_images(s->net) +
           (size_t)(eye * s->batch + place) * picture_bytes(s->model);
}

/* One eye's photograph, wherever it lies, as the model's input. */
static dms_status read_eye(const seat *s, dms_prediction *prediction,
                           const dms_pair *pair, int place, int eye,
                           dms_error *err)
{
    static const char *const names[] = {"left photograph", "right photograph"};
    const dms_preprocess *settings = &s->model->config.preprocess;
    uint8_t *rgb = pixels_of(s, eye, place);
    dms_field *field = &prediction->field[eye];
    const char *path = pair->path[eye];

    if (pair->memory[eye].data)
        return dms_preprocess_memory(rgb, field, &pair->memory[eye],
                                     path ? path : names[eye], settings, err);
    return dms_preprocess_file(rgb, field, path, settings, err);
}

/* Read what there is of each pair; an unreadable photograph is the pair's
 * error, not left out silently. */
static void read_pairs(const seat *s, dms_prediction *predictions,
                       const dms_pair *pairs, int count)
{
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < 2 * count; i++) {
        int eye = i % 2;
        int place = i / 2;
        const dms_pair *pair = &pairs[place];
        dms_error error = {0};

        if ((pair->path[eye] || pair->memory[eye].data) &&
            dms_eyes_include(s->model->config.architecture.eyes, eye))
            predictions[place].present[eye] =
                read_eye(s, &predictions[place], pair, place, eye, &error) ==
                DMS_OK;
        if (error.code != DMS_OK) { /* of two, the left eye's is told */
#pragma omp critical(dms_session_error)
            if (eye == DMS_LEFT || predictions[place].error.code == DMS_OK)
                predictions[place].error = error;
        }
    }
    for (int i = 0; i < count; i++)
        if (!predictions[i].present[DMS_LEFT] &&
            !predictions[i].present[DMS_RIGHT])
            dms_fail(&predictions[i].error, DMS_EINVAL,
                     "patient %s: no photograph that the model looks at",
                     pairs[i].id ? pairs[i].id : "?");
}

/* The one eye that is there stands in for both. */
static void fill_images(const seat *s, const dms_prediction *predictions,
                        int count)
{
    int size = s->model->config.preprocess.size;

    for (int i = 0; i < count; i++)
        for (int eye = 0; eye < 2; eye++) {
            int source = predictions[i].present[eye] ? eye : !eye;

            if (predictions[i].present[source])
                dms_pixels_normalise(images_of(s, eye, i),
                                     pixels_of(s, source, i), size);
        }
}

static void read_answer(const seat *s, dms_prediction *p, int place)
{
    const dms_model_config *config = &s->model->config;
    dms_task task = config->architecture.task;

    memcpy(p->patient_logits,
           dms_net_patient_logits(s->net) + place * DMS_LABELS,
           sizeof p->patient_logits);
    dms_probabilities(p->patient, p->patient_logits, task, config->temperature);
    dms_findings(p->finding, p->patient, task, config->thresholds);
    for (int eye = 0; eye < 2; eye++) {
        memcpy(p->eye_logits[eye],
               dms_net_eye_logits(s->net) +
                   (eye * s->batch + place) * DMS_LABELS,
               sizeof p->eye_logits[eye]);
        dms_probabilities(p->eye[eye], p->eye_logits[eye], task,
                          config->temperature);
    }
}

static size_t feature_width(const dms_model *model)
{
    return 2 * (size_t)model->config.architecture.width;
}

static void read_features(const seat *s, float *features, int place)
{
    size_t width = feature_width(s->model);

    for (int eye = 0; eye < 2; eye++)
        memcpy(features + (size_t)eye * width,
               dms_net_features(s->net) +
                   (size_t)(eye * s->batch + place) * width,
               width * sizeof *features);
}

/* A pair with an error gets no numbers: its place in the batch still holds
 * another patient's pixels, or they are not finite. */
static void read_answers(const seat *s, dms_prediction *predictions,
                         const dms_pair *pairs, float *features, int count)
{
    size_t pair_width = 2 * feature_width(s->model);

    for (int i = 0; i < count; i++) {
        char who[128];

        snprintf(who, sizeof who, "patient %.100s",
                 pairs[i].id ? pairs[i].id : "?");
        if (predictions[i].error.code != DMS_OK ||
            dms_net_check(s->net, (size_t)i, who, &predictions[i].error) !=
                DMS_OK)
            continue;
        read_answer(s, &predictions[i], i);
        if (features)
            read_features(s, features + (size_t)i * pair_width, i);
    }
}

/* The pairs of a call and where their answers go. */
typedef struct request {
    const dms_session *session;
    const dms_outputs *out;
    const dms_pair *pairs;
} request;

static dms_status predict_batch(void *user, int worker, size_t at, size_t count,
                                dms_error *err)
{
    const request *r = user;
    const seat s = seat_of(r->session, worker);
    dms_prediction *predictions = r->out->predictions + at;
    float *features = r->out->features;
    dms_status st;

    if (features)
        features += at * 2 * feature_width(s.model);
    read_pairs(&s, predictions, r->pairs + at, (int)count);
    fill_images(&s, predictions, (int)count);
    TRY(dms_net_forward(s.net, 0, err));
    read_answers(&s, predictions, r->pairs + at, features, (int)count);
done:
    return st;
}

size_t dms_session_feature_width(const dms_session *session)
{
    return feature_width(session->model);
}

dms_status dms_session_predict(dms_session *session,
                               dms_prediction *predictions,
                               const dms_pair *pairs, size_t count,
                               const dms_monitor *monitor, dms_error *err)
{
    const dms_outputs out = {.predictions = predictions};

    return dms_session_predict_into(session, &out, pairs, count, monitor, err);
}

/* The answers are empty before the first batch. */
static void clear_outputs(const dms_session *s, const dms_outputs *out,
                          size_t count)
{
    memset(out->predictions, 0, count * sizeof *out->predictions);
    if (out->features)
        memset(out->features, 0,
               count * 2 * dms_session_feature_width(s) *
                   sizeof *out->features);
}

dms_status dms_session_predict_into(dms_session *session,
                                    const dms_outputs *out,
                                    const dms_pair *pairs, size_t count,
                                    const dms_monitor *monitor, dms_error *err)
{
    request r = {session, out, pairs};
    const dms_work work = {.run = predict_batch,
                           .user = &r,
                           .total = count,
                           .piece = (size_t)session->batch,
                           .stage = "predict"};
    size_t done = 0;
    dms_status st;

    clear_outputs(session, out, count);
    st = dms_crew_run(&done, session->crew, &work, monitor, err);
    for (size_t i = done; st == DMS_ESTOPPED && i < count; i++)
        dms_fail(&out->predictions[i].error, DMS_ESTOPPED,
                 "stopped before this patient");
    return st;
}
