/* Prediction: photographs in, answers out, through an engine. Relies on the
 * engine giving each worker rows of its own, so that workers share nothing. */
#include "dms/session.h"

#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "report/answer.h"
#include "net/model.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "data/eyes.h"
#include "data/name_twin.h"
#include "eval/probability.h"
#include "net/compute.h"
#include "net/dmsnet.h"

struct dms_session {
    const dms_model *model;
    dms_engine *engine;
    int batch;       /* patients that one worker runs at once */
    uint8_t *pixels; /* per worker: 2*batch pictures of size*size*3, left eyes
                        first */
};

/* The buffers of one worker while it runs a batch. */
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
                  .net = dms_engine_net(s->engine, worker),
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
    dms_compute own;
    dms_engine_options options = dms_engine_options_of(model);

    options.batch = batch;
    options.compute = &own;
    options.patients = patients;
    TRY(dms_compute_take(&own, compute, err));
    s = dms_calloc(1, sizeof *s);
    if (!s) {
        st = dms_fail_memory(err, "session");
        goto done;
    }
    s->model = model;
    TRY(dms_engine_create(&s->engine, &options, err));
    s->batch = dms_engine_batch_size(s->engine);
    s->pixels =
        dms_calloc((size_t)dms_engine_workers(s->engine) * (size_t)s->batch * 2,
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
    dms_engine_destroy(session->engine);
    dms_free(session->pixels);
    dms_free(session);
}

static uint8_t *pixels_of(const seat *s, int eye, int place)
{
    return s->pixels +
           (size_t)(eye * s->batch + place) * picture_bytes(s->model);
}

/* Read one eye's photograph, from a file or memory, as the model's input. */
static dms_status read_eye(const seat *s, dms_prediction *prediction,
                           const dms_pair *pair, int place, int eye,
                           dms_error *err)
{
    static const char *const names[] = {"left photograph", "right photograph"};
    const dms_preprocess *settings = &s->model->config.preprocess;
    uint8_t *rgb = pixels_of(s, eye, place);
    dms_field *field = &prediction->field[eye];
    const char *path = pair->path[eye];
    dms_status st;

    if (pair->memory[eye].data)
        return dms_preprocess_memory(rgb, field, &pair->memory[eye],
                                     path ? path : names[eye], settings, err);
    st = dms_preprocess_file(rgb, field, path, settings, err);
    if (st != DMS_OK)
        dms_name_twin_tell(err, path);
    return st;
}

/* Read each pair's photographs; an unreadable one is the pair's error and not
 * silently left out. */
static void read_pairs(const seat *s, dms_predictions *predictions, size_t at,
                       const dms_pair *pairs, int count)
{
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < 2 * count; i++) {
        int eye = i % 2;
        int place = i / 2;
        const dms_pair *pair = &pairs[place];
        dms_prediction *answer = dms_answer_at(predictions, at + (size_t)place);
        dms_error error = {0};

        if ((pair->path[eye] || pair->memory[eye].data) &&
            (pair->side_unknown ||
             dms_eyes_include(s->model->config.architecture.eyes, eye)))
            answer->present[eye] =
                read_eye(s, answer, pair, place, eye, &error) == DMS_OK;
        if (error.code != DMS_OK) { /* of two, the left eye's is reported */
#pragma omp critical                /* a named section would export a symbol */
            if (eye == DMS_LEFT || answer->error.code == DMS_OK)
                answer->error = error;
        }
    }
    for (int i = 0; i < count; i++) {
        dms_prediction *answer = dms_answer_at(predictions, at + (size_t)i);

        if (!answer->present[DMS_LEFT] && !answer->present[DMS_RIGHT])
            dms_fail(&answer->error, DMS_EINVAL,
                     "patient %s: no photograph that the model uses",
                     pairs[i].id ? pairs[i].id : "?");
    }
}

/* Each side gets its photograph, or the one that stands in for it. */
static void fill_images(const seat *s, dms_predictions *predictions, size_t at,
                        const dms_pair *pairs, int count)
{
    int size = s->model->config.preprocess.size;

    for (int i = 0; i < count; i++)
        for (int eye = 0; eye < 2; eye++) {
            const bool *read =
                dms_answer_at(predictions, at + (size_t)i)->present;
            const dms_eyes_present present = {
                .eye = {read[DMS_LEFT], read[DMS_RIGHT]},
                .side_unknown = pairs[i].side_unknown};
            int source = dms_eyes_source(s->model->config.architecture.eyes,
                                         &present, eye);

            if (source >= 0)
                dms_pixels_normalise(dms_net_images(s->net) +
                                         (size_t)(eye * s->batch + i) *
                                             picture_bytes(s->model),
                                     pixels_of(s, source, i), size);
        }
}

static void read_answer(const seat *s, dms_prediction *p,
                        const dms_engine_batch *batch, int place)
{
    const dms_model_config *config = &s->model->config;
    const dms_label_set *labels = config->labels;
    int count = config->architecture.labels;

    memcpy(p->patient_logits, batch->patient_logits + place * count,
           (size_t)count * sizeof *p->patient_logits);
    dms_probabilities(p->patient, p->patient_logits, labels,
                      config->temperature);
    dms_findings(p->finding, p->patient, labels, config->thresholds);
    for (int eye = 0; eye < 2; eye++) {
        memcpy(p->eye_logits[eye],
               batch->eye_logits + (eye * s->batch + place) * count,
               (size_t)count * sizeof *p->eye_logits[eye]);
        dms_probabilities(p->eye[eye], p->eye_logits[eye], labels,
                          config->temperature);
    }
}

static void read_features(const seat *s, dms_prediction *p, int place)
{
    size_t width = dms_model_feature_width(s->model);

    for (int eye = 0; eye < 2; eye++)
        memcpy(p->features[eye],
               dms_net_features(s->net) +
                   (size_t)(eye * s->batch + place) * width,
               width * sizeof *p->features[eye]);
}

/* A pair with an error gets no numbers: its row of the batch still has another
 * patient's pixels, or its values are not finite. */
static void read_answers(const seat *s, dms_predictions *predictions,
                         const dms_pair *pairs, const dms_engine_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        dms_prediction *p = dms_answer_at(predictions, batch->at + i);
        char who[DMS_NET_WHO];

        if (p->error.code != DMS_OK ||
            dms_net_check(s->net, i, dms_net_who(who, pairs[batch->at + i].id),
                          &p->error) != DMS_OK)
            continue;
        read_answer(s, p, batch, (int)i);
        if (p->features[0])
            read_features(s, p, (int)i);
    }
}

/* The pairs of a call, and where their answers go. */
typedef struct request {
    const dms_session *session;
    dms_predictions *predictions;
    const dms_pair *pairs;
} request;

static dms_status show_pairs(void *user, const dms_engine_batch *batch,
                             dms_error *err)
{
    const request *r = user;
    const seat s = seat_of(r->session, batch->worker);

    (void)err; /* each pair has its own error */
    read_pairs(&s, r->predictions, batch->at, r->pairs + batch->at,
               (int)batch->count);
    fill_images(&s, r->predictions, batch->at, r->pairs + batch->at,
                (int)batch->count);
    return DMS_OK;
}

static dms_status take_answers(void *user, const dms_engine_batch *batch,
                               dms_error *err)
{
    const request *r = user;
    const seat s = seat_of(r->session, batch->worker);

    (void)err;
    read_answers(&s, r->predictions, r->pairs, batch);
    return DMS_OK;
}

static dms_status check_room(const dms_session *s, const dms_predictions *p,
                             size_t count, dms_error *err)
{
    if (count > p->capacity)
        return dms_fail(err, DMS_EINVAL,
                        "%zu pairs, but the predictions have room for %zu",
                        count, p->capacity);
    if (!dms_label_sets_equal(p->labels, dms_model_get_labels(s->model)) ||
        p->feature_width != dms_model_feature_width(s->model))
        return dms_fail(err, DMS_EMISMATCH,
                        "the predictions were created for %d labels and %zu "
                        "features, but the session's model has %d labels, "
                        "perhaps others, and %zu features",
                        p->label_count, p->feature_width,
                        dms_model_label_count(s->model),
                        dms_model_feature_width(s->model));
    return DMS_OK;
}

dms_status dms_session_predict(dms_session *session,
                               dms_predictions *predictions,
                               const dms_pair *pairs, size_t count,
                               const dms_monitor *monitor, dms_error *err)
{
    request r = {session, predictions, pairs};
    const dms_feed feed = {.fill = show_pairs,
                           .take = take_answers,
                           .user = &r,
                           .total = count,
                           .stage = "predict"};
    size_t done = 0;
    dms_status st = check_room(session, predictions, count, err);

    if (st != DMS_OK)
        return st;
    dms_answers_clear(predictions, count);
    st = dms_engine_run(&done, session->engine, &feed, monitor, err);
    for (size_t i = done; st == DMS_ESTOPPED && i < count; i++)
        dms_fail(&dms_answer_at(predictions, i)->error, DMS_ESTOPPED,
                 "stopped before this patient");
    return st;
}
