/* Prediction: photographs in, answers out, through an engine. A session of one
 * model is that of an ensemble of one. Relies on the engine giving each worker
 * rows of its own, so that workers share nothing. */
#include "dms/session.h"

#include <stdio.h>
#include <string.h>

#include "engine/ensemble.h"
#include "report/answer.h"
#include "net/model.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/eyes.h"
#include "data/name_twin.h"
#include "eval/probability.h"
#include "image/codec.h"
#include "net/compute.h"
#include "net/dmsnet.h"

struct dms_session {
    const dms_ensemble *ensemble;
    dms_ensemble *own; /* owned: the ensemble of a single model; or NULL */
    dms_engine *engine;
    int batch;         /* patients that one worker runs at once */
    size_t seat_bytes; /* of one worker's pixels */
    uint8_t *pixels;   /* per worker: 2*batch pictures of size*size*3, left eyes
                          first; the largest size of the models has room */
};

/* The buffers of one worker while one of the models runs a batch. */
typedef struct seat {
    const dms_ensemble *ensemble;
    const dms_model *model;
    size_t member; /* the model's place in the ensemble */
    dms_net *net;
    int batch;
    uint8_t *pixels;
} seat;

static size_t picture_bytes(const dms_model *model)
{
    size_t size = (size_t)model->config.preprocess.size;

    return size * size * 3;
}

static seat seat_of(const dms_session *s, const dms_engine_batch *batch)
{
    return (seat){.ensemble = s->ensemble,
                  .model = s->ensemble->models[batch->member],
                  .member = (size_t)batch->member,
                  .net = batch->net,
                  .batch = s->batch,
                  .pixels = s->pixels + (size_t)batch->worker * s->seat_bytes};
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
    dms_status st;
    dms_ensemble *own = NULL;
    dms_session *s = NULL;

    TRY(dms_ensemble_create(&own, &model, 1, NULL, err));
    TRY(dms_session_create_ensemble(&s, own, batch, compute, patients, err));
    s->own = own, own = NULL;
    *out = s;
done:
    dms_ensemble_destroy(own);
    return st;
}

static dms_status make_pixels(dms_session *s, dms_error *err)
{
    size_t largest = 0;

    for (size_t i = 0; i < s->ensemble->count; i++) {
        size_t bytes = picture_bytes(s->ensemble->models[i]);

        largest = bytes > largest ? bytes : largest;
    }
    s->seat_bytes = 2 * (size_t)s->batch * largest;
    s->pixels =
        dms_calloc((size_t)dms_engine_workers(s->engine), s->seat_bytes);
    return s->pixels ? DMS_OK : dms_fail_memory(err, "session");
}

dms_status dms_session_create_ensemble(dms_session **out,
                                       const dms_ensemble *ensemble, int batch,
                                       const dms_compute *compute,
                                       size_t patients, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_session *s = NULL;
    dms_compute own;
    dms_engine_options *more = dms_calloc(ensemble->count, sizeof *more);
    dms_engine_options options;

    TRY(dms_compute_take(&own, compute, err));
    s = dms_calloc(1, sizeof *s);
    if (!s || !more) {
        st = dms_fail_memory(err, "session");
        goto done;
    }
    s->ensemble = ensemble;
    options = dms_ensemble_engine_options(more, ensemble);
    options.batch = batch;
    options.compute = &own;
    options.patients = patients;
    TRY(dms_engine_create(&s->engine, &options, err));
    s->batch = dms_engine_batch_size(s->engine);
    TRY(make_pixels(s, err));
    *out = s, s = NULL;
done:
    dms_free(more);
    dms_session_destroy(s);
    return st;
}

void dms_session_destroy(dms_session *session)
{
    if (!session)
        return;
    dms_engine_destroy(session->engine);
    dms_ensemble_destroy(session->own);
    dms_free(session->pixels);
    dms_free(session);
}

static uint8_t *pixels_of(const seat *s, int eye, int place)
{
    return s->pixels +
           (size_t)(eye * s->batch + place) * picture_bytes(s->model);
}

/* Read one eye's photograph, from a file or memory, as the model's input. */
static dms_status read_eye(const seat *s, dms_answer *answer,
                           const dms_pair *pair, int place, int eye,
                           dms_error *err)
{
    static const char *const names[] = {"left photograph", "right photograph"};
    const dms_preprocess *settings = &s->model->config.preprocess;
    uint8_t *rgb = pixels_of(s, eye, place);
    dms_field *field = &answer->public.field[eye];
    const char *path = pair->path[eye];
    dms_status st;

    if (pair->memory[eye].data)
        return dms_preprocess_memory(rgb, field, &pair->memory[eye],
                                     path ? path : names[eye], settings, err);
    st = dms_preprocess_file_pages(rgb, field, &answer->further_pages[eye],
                                   path, settings, err);
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
        dms_answer *whole = &predictions->answers[at + (size_t)place];
        dms_prediction *answer = &whole->public;
        dms_error error = {0};

        if ((pair->path[eye] || pair->memory[eye].data) &&
            (pair->side_unknown ||
             dms_eyes_include(s->model->config.architecture.eyes, eye)))
            answer->present[eye] =
                read_eye(s, whole, pair, place, eye, &error) == DMS_OK;
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

/* The K sums over the models' logits: while a batch goes from model to model
 * they stand in the answer's probabilities, which are not known yet. */
static double *sums_of(dms_prediction *p, int row)
{
    return row == 0 ? p->patient : p->eye[row - 1];
}

enum { ROWS = 3 }; /* of an answer: patient, left eye, right eye */

static void add_logits(const seat *s, dms_prediction *p,
                       const dms_engine_batch *batch, int place)
{
    int count = p->label_count;
    const float *rows[ROWS] = {batch->patient_logits + place * count,
                               batch->eye_logits + place * count,
                               batch->eye_logits + (s->batch + place) * count};

    for (int row = 0; row < ROWS; row++)
        for (int k = 0; k < count; k++) {
            double before = s->member == 0 ? 0 : sums_of(p, row)[k];

            sums_of(p, row)[k] = before + (double)rows[row][k];
        }
}

/* From the sums over all models to the answer. */
static void finish_answer(const dms_ensemble *e, dms_prediction *p)
{
    const dms_label_set *labels = e->models[0]->config.labels;
    float *rows[ROWS] = {p->patient_logits, p->eye_logits[DMS_LEFT],
                         p->eye_logits[DMS_RIGHT]};

    for (int row = 0; row < ROWS; row++) {
        dms_ensemble_mean(rows[row], sums_of(p, row), (size_t)p->label_count,
                          e->count);
        dms_probabilities(sums_of(p, row), rows[row], labels, e->calibration);
    }
    dms_findings(p->finding, p->patient, labels, e->thresholds);
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

        if (p->error.code != DMS_OK)
            continue;
        if (dms_net_check(s->net, i, dms_net_who(who, pairs[batch->at + i].id),
                          &p->error) != DMS_OK) {
            for (int row = 0; row < ROWS; row++) /* of earlier models */
                memset(sums_of(p, row), 0,
                       (size_t)p->label_count * sizeof *p->patient);
            continue;
        }
        add_logits(s, p, batch, (int)i);
        if (s->member + 1 == s->ensemble->count)
            finish_answer(s->ensemble, p);
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
    const seat s = seat_of(r->session, batch);
    size_t at = s.member;

    (void)err; /* each pair has its own error */
    if (at == 0 || dms_ensemble_same_input(s.ensemble, at) !=
                       dms_ensemble_same_input(s.ensemble, at - 1))
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
    const seat s = seat_of(r->session, batch);

    (void)err;
    read_answers(&s, r->predictions, r->pairs, batch);
    return DMS_OK;
}

static int pages_of(const dms_predictions *p, size_t i)
{
    return p->answers[i / 2].further_pages[i % 2];
}

/* Of a file with several pages only one was read: say so, once per file.
 * Photographs are numbered 2 * pair + eye. */
static void tell_pages(const dms_predictions *p, const dms_pair *pairs,
                       size_t count, const dms_monitor *monitor)
{
    char text[80];

    for (size_t i = 0; i < 2 * count; i++) {
        const char *path = pairs[i / 2].path[i % 2];
        bool told = false;

        if (pages_of(p, i) == 0)
            continue;
        for (size_t k = 0; k < i && !told; k++)
            told = pages_of(p, k) > 0 &&
                   strcmp(pairs[k / 2].path[k % 2], path) == 0;
        dms_further_pages_text(text, sizeof text, pages_of(p, i));
        if (!told)
            dms_log(monitor, DMS_LOG_WARNING, "%s: %s", path, text);
    }
}

static dms_status check_room(const dms_session *s, const dms_predictions *p,
                             size_t count, dms_error *err)
{
    const dms_model *model = s->ensemble->models[0];

    if (count > p->capacity)
        return dms_fail(err, DMS_EINVAL,
                        "%zu pairs, but the predictions have room for %zu",
                        count, p->capacity);
    if (p->features && s->ensemble->count > 1)
        return dms_fail(err, DMS_EINVAL,
                        "features are wanted, but they are those of one model, "
                        "and the session is of %zu models",
                        s->ensemble->count);
    if (!dms_label_sets_equal(p->labels, dms_model_get_labels(model)) ||
        p->feature_width != dms_model_feature_width(model))
        return dms_fail(err, DMS_EMISMATCH,
                        "the predictions were created for %d labels and %zu "
                        "features, but the session's model has %d labels, "
                        "perhaps others, and %zu features",
                        p->label_count, p->feature_width,
                        dms_model_label_count(model),
                        dms_model_feature_width(model));
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
    tell_pages(predictions, pairs, count, monitor);
    for (size_t i = done; st == DMS_ESTOPPED && i < count; i++)
        dms_fail(&dms_answer_at(predictions, i)->error, DMS_ESTOPPED,
                 "stopped before this patient");
    return st;
}
