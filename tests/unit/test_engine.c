/* Workers side by side: each piece once and at its place, failures, stops; how
 * many there are; and that nobody's answer depends on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/engine.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "dms/session.h"
#include "machine/threads.h"

enum { UNITS = 23, WORKERS = 4, NOBODY = -1 };

/* What is done to every unit, and what the workers are to do wrong. */
typedef struct record {
    atomic_int started[WORKERS + 4];
    atomic_int done[UNITS]; /* times */
    atomic_int threads;     /* the most that a worker had */
    int fail_start;         /* worker that cannot start, or NOBODY */
    size_t fail_from;       /* units from there on fail */
    int slow_ms;            /* of each piece */
    /* of the monitor; the caller's thread only */
    size_t shown[64], shows;
    int stop_after; /* questions until it wishes to stop; -1: never */
} record;

static const record nothing_wrong = {
    .fail_start = NOBODY, .fail_from = UNITS, .stop_after = -1};

static dms_status start(void *user, int worker, dms_error *err)
{
    record *r = user;

    r->started[worker]++;
    if (worker == r->fail_start)
        return dms_fail(err, DMS_EFORMAT, "worker %d will not", worker);
    return DMS_OK;
}

static dms_status run(void *user, int worker, size_t at, size_t count,
                      dms_error *err)
{
    record *r = user;
    const struct timespec time = {.tv_nsec = r->slow_ms * 1000000L};
    int threads = dms_threads_use(0);

    (void)worker;
    if (threads > r->threads)
        r->threads = threads;
    nanosleep(&time, NULL);
    for (size_t i = at; i < at + count; i++)
        r->done[i]++;
    if (at + count > r->fail_from)
        return dms_fail(err, DMS_EFORMAT, "unit %zu is bad", at);
    return DMS_OK;
}

static void on_progress(void *user, const char *stage, size_t done,
                        size_t total, const char *detail)
{
    record *r = user;

    (void)detail;
    assert_string_equal(stage, "test");
    assert_int_equal(total, UNITS);
    r->shown[r->shows++ % 64] = done;
}

static bool on_should_stop(void *user)
{
    record *r = user;

    return r->stop_after >= 0 && r->stop_after-- == 0;
}

static dms_pool *create(record *r, int count)
{
    const dms_pool_options options = {
        .count = count, .threads = 1, .start = start, .user = r};
    dms_pool *workers = NULL;
    dms_error err = {0};

    if (dms_pool_create(&workers, &options, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return workers;
}

static dms_status work(size_t *done, dms_pool *workers, record *r, size_t piece,
                       dms_error *err)
{
    const dms_monitor monitor = {
        .user = r, .progress = on_progress, .should_stop = on_should_stop};
    const dms_work all = {
        .run = run, .user = r, .total = UNITS, .piece = piece, .stage = "test"};

    return dms_pool_run(done, workers, &all, &monitor, err);
}

static void every_unit_is_run_once_whatever_the_pieces(void **state)
{
    (void)state;
    for (int count = 1; count <= WORKERS; count++) {
        record r = nothing_wrong;
        dms_pool *workers = create(&r, count);

        for (size_t piece = 1; piece <= UNITS + 1; piece += 3) {
            size_t done = 0;

            memset(r.done, 0, sizeof r.done);
            assert_int_equal(work(&done, workers, &r, piece, NULL), DMS_OK);
            assert_int_equal(done, UNITS);
            for (int i = 0; i < UNITS; i++)
                assert_int_equal(r.done[i], 1);
        }
        for (int i = 0; i < count; i++)
            assert_int_equal(r.started[i], 1);
        assert_true(r.threads <= 1);
        dms_pool_destroy(workers);
    }
}

static void progress_grows_to_the_whole(void **state)
{
    (void)state;
    for (int count = 1; count <= WORKERS; count++) {
        record r = nothing_wrong;
        dms_pool *workers = create(&r, count);
        size_t done;

        assert_int_equal(work(&done, workers, &r, 2, NULL), DMS_OK);
        assert_in_range(r.shows, 1, 12);
        assert_int_equal(r.shown[r.shows - 1], UNITS);
        for (size_t i = 1; i < r.shows; i++)
            assert_true(r.shown[i] > r.shown[i - 1]);
        dms_pool_destroy(workers);
    }
}

static void more_workers_than_pieces_do_no_harm(void **state)
{
    record r = nothing_wrong;
    dms_pool *workers = create(&r, WORKERS + 4);
    size_t done;

    (void)state;
    assert_int_equal(work(&done, workers, &r, 10, NULL), DMS_OK);
    for (int i = 0; i < UNITS; i++)
        assert_int_equal(r.done[i], 1);
    dms_pool_destroy(workers);
}

static void no_work_is_done_at_once(void **state)
{
    record r = nothing_wrong;
    dms_pool *workers = create(&r, 2);
    const dms_work none = {.run = run, .user = &r, .piece = 1, .stage = "test"};
    size_t done = 7;

    (void)state;
    assert_int_equal(dms_pool_run(&done, workers, &none, NULL, NULL), DMS_OK);
    assert_int_equal(done, 0);
    dms_pool_destroy(workers);
}

/* No piece behind a failure begins; that of the lowest unit is told. */
static void the_first_failure_stops_all_and_is_told(void **state)
{
    (void)state;
    for (int count = 1; count <= WORKERS; count++) {
        record r = nothing_wrong;
        dms_pool *workers = create(&r, count);
        dms_error err = {0};
        size_t done;

        r.fail_from = 9;
        r.slow_ms = 2;
        assert_int_equal(work(&done, workers, &r, 3, &err), DMS_EFORMAT);
        assert_string_equal(err.message, "unit 9 is bad");
        assert_in_range(done, 12, 12 + 3 * (count - 1));
        for (size_t i = 0; i < UNITS; i++)
            assert_int_equal(r.done[i], i < done);
        r.fail_from = UNITS; /* the next work knows nothing of it */
        assert_int_equal(work(&done, workers, &r, 3, &err), DMS_OK);
        dms_pool_destroy(workers);
    }
}

static void a_wish_to_stop_lets_the_pieces_at_hand_finish(void **state)
{
    (void)state;
    for (int count = 1; count <= WORKERS; count++) {
        record r = nothing_wrong;
        dms_pool *workers = create(&r, count);
        dms_error err = {0};
        size_t done;

        r.stop_after = 2;
        r.slow_ms = 2;
        assert_int_equal(work(&done, workers, &r, 1, &err), DMS_ESTOPPED);
        assert_int_equal(strncmp(err.message, "stopped after ", 14), 0);
        assert_true(done < UNITS);
        for (size_t i = 0; i < UNITS; i++)
            assert_int_equal(r.done[i], i < done);
        r.stop_after = 0; /* before anything has begun */
        assert_int_equal(work(&done, workers, &r, 1, NULL), DMS_ESTOPPED);
        assert_int_equal(done, 0);
        dms_pool_destroy(workers);
    }
}

static void a_worker_that_cannot_start_fails_the_creation(void **state)
{
    (void)state;
    for (int count = 1; count <= WORKERS; count++) {
        record r = nothing_wrong;
        const dms_pool_options options = {
            .count = count, .threads = 1, .start = start, .user = &r};
        dms_pool *workers = NULL;
        dms_error err = {0};

        r.fail_start = count - 1;
        assert_int_equal(dms_pool_create(&workers, &options, &err),
                         DMS_EFORMAT);
        assert_null(workers);
        assert_non_null(strstr(err.message, "will not"));
    }
}

static void few_patients_get_one_worker_and_many_one_a_thread(void **state)
{
    static const struct {
        dms_engine_need need;
        int want;
    } cases[] = {
        {{0, 2, 0, 300, 10000}, 1},      /* unknown: few */
        {{0, 2, 1, 300, 10000}, 1},      /* the shortest answer */
        {{0, 2, 127, 300, 10000}, 1},    /* not worth a second net */
        {{0, 2, 128, 300, 10000}, 2},    /* worth it */
        {{0, 1, 5000, 300, 10000}, 1},   /* one thread: nothing to share */
        {{0, 16, 1000, 300, 10000}, 1},  /* few for so many nets */
        {{0, 16, 5000, 300, 10000}, 16}, /* one a thread */
        {{0, 16, 5000, 400, 6000}, 4},   /* memory for 7: no thread idle */
        {{0, 16, 5000, 400, 500}, 1},    /* no memory */
        {{3, 2, 0, 300, 100}, 3},        /* asked for */
        {{3, 2, 2, 300, 10000}, 2},      /* no more than patients */
        {{3, 2, 1, 300, 10000}, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int got = dms_engine_choose(&cases[i].need);

        if (got != cases[i].want)
            fail_msg("case %zu: %d workers, expected %d", i, got,
                     cases[i].want);
    }
}

enum { PAIRS = 11, SIDE = 64, FEATURES = 2 * 2 * 16 };

/* A different speckled disc for each eye of each patient. */
static void draw_pairs(dms_pair *pairs, uint8_t *pixels)
{
    const size_t bytes = SIDE * SIDE * 3;

    memset(pairs, 0, PAIRS * sizeof *pairs);
    for (int i = 0; i < 2 * PAIRS; i++) {
        uint8_t *rgb = pixels + (size_t)i * bytes;

        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                for (int c = 0; c < 3; c++)
                    rgb[3 * (y * SIDE + x) + c] =
                        (x - 32) * (x - 32) + (y - 32) * (y - 32) < 900
                            ? (uint8_t)(90 +
                                        (i * 37 + x * (c + 1) + y * i) % 150)
                            : 0;
        pairs[i / 2].memory[i % 2] = (dms_photograph){
            .data = rgb, .size = bytes, .width = SIDE, .height = SIDE};
    }
    pairs[3].memory[1] = (dms_photograph){0};
    pairs[7].memory[0].size = 5; /* an error of its own */
    pairs[7].id = "7";
}

typedef struct answer {
    dms_predictions *predictions; /* with features */
} answer;

static void predict(answer *a, const dms_model *model, const dms_pair *pairs,
                    int batch, const dms_compute *compute)
{
    dms_session *session = NULL;
    dms_error err = {0};

    if (dms_predictions_create(&a->predictions, model, PAIRS, &err) != DMS_OK ||
        dms_predictions_want_features(a->predictions, &err) != DMS_OK ||
        dms_session_create_with(&session, model, batch, compute, 0, &err) !=
            DMS_OK ||
        dms_session_predict(session, a->predictions, pairs, PAIRS, NULL,
                            &err) != DMS_OK)
        fail_msg("%s", err.message);
    dms_session_destroy(session);
}

static void assert_same(const answer *got, const answer *want, int workers)
{
    for (size_t i = 0; i < PAIRS; i++) {
        const dms_prediction *g = dms_predictions_get(got->predictions, i);
        const dms_prediction *w = dms_predictions_get(want->predictions, i);
        size_t logits = (size_t)w->label_count * sizeof(float);
        bool same = memcmp(g->patient_logits, w->patient_logits, logits) == 0;

        for (int eye = 0; eye < 2; eye++)
            same =
                same &&
                memcmp(g->eye_logits[eye], w->eye_logits[eye], logits) == 0 &&
                memcmp(g->features[eye], w->features[eye],
                       FEATURES / 2 * sizeof(float)) == 0;
        if (!same)
            fail_msg("patient %zu of %d workers: %.9g, one worker %.9g", i,
                     workers, (double)g->patient_logits[0],
                     (double)w->patient_logits[0]);
        assert_int_equal(g->error.code, w->error.code);
        assert_string_equal(g->error.message, w->error.message);
        assert_memory_equal(g->present, w->present, sizeof g->present);
    }
}

/* By direct kernels: neither workers, nor threads, nor who else is in the
 * batch. */
static void an_answer_has_the_same_bits_whoever_works_it_out(void **state)
{
    const dms_precision precisions[] = {DMS_PRECISION_FP32, DMS_PRECISION_AUTO};
    static answer one, many;
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;
    dms_pair pairs[PAIRS];
    uint8_t *pixels = dms_calloc(2 * PAIRS, SIDE * SIDE * 3);

    (void)state;
    assert_non_null(pixels);
    draw_pairs(pairs, pixels);
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16;
    arch.size = SIDE;
    assert_int_equal(dms_model_create(&model, &arch, NULL, 5, NULL), DMS_OK);
    for (int p = 0; p < 2; p++) {
        dms_compute compute = {.struct_size = sizeof compute,
                               .precision = precisions[p],
                               .winograd = DMS_WINOGRAD_NO,
                               .threads = 1,
                               .workers = 1};

        predict(&one, model, pairs, 4, &compute);
        assert_int_equal(dms_predictions_get(one.predictions, 7)->error.code,
                         DMS_EINVAL);
        for (int workers = 2; workers <= 4; workers++) {
            compute.workers = workers;
            compute.threads = workers - 1;
            predict(&many, model, pairs, 5, &compute);
            assert_same(&many, &one, workers);
            dms_predictions_destroy(many.predictions);
        }
        dms_predictions_destroy(one.predictions);
    }
    dms_model_destroy(model);
    dms_free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_unit_is_run_once_whatever_the_pieces),
        cmocka_unit_test(progress_grows_to_the_whole),
        cmocka_unit_test(more_workers_than_pieces_do_no_harm),
        cmocka_unit_test(no_work_is_done_at_once),
        cmocka_unit_test(the_first_failure_stops_all_and_is_told),
        cmocka_unit_test(a_wish_to_stop_lets_the_pieces_at_hand_finish),
        cmocka_unit_test(a_worker_that_cannot_start_fails_the_creation),
        cmocka_unit_test(few_patients_get_one_worker_and_many_one_a_thread),
        cmocka_unit_test(an_answer_has_the_same_bits_whoever_works_it_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
