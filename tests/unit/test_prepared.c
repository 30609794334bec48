/* One copy of the weights in the order of the kernels: for sessions on threads
 * of their own, and for processes that are handed a memory file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "dms/prepared.h"
#include "dms/session.h"

enum { SIDE = 64, K_MAX = 8 };

static const dms_compute one_thread = {.struct_size = sizeof one_thread,
                                       .winograd = DMS_WINOGRAD_NO,
                                       .threads = 1,
                                       .workers = 1};

/* 94 MB of weights in a small network's time. */
static dms_model *make_model(uint64_t seed)
{
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;
    dms_error err = {0};

    arch.backbone = DMS_BACKBONE_RESNET50;
    arch.width = 16;
    arch.size = SIDE;
    if (dms_model_create(&model, &arch, NULL, seed, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return model;
}

/* Megabytes that this process has asked the heap for; what it maps is not among
 * them. */
static long heap_megabytes(void)
{
    return (long)(dms_alloc_bytes() >> 20);
}

static dms_session *make_session(const dms_model *model)
{
    dms_session *session = NULL;
    dms_error err = {0};

    if (dms_session_create_with(&session, model, 1, &one_thread, 0, &err) !=
        DMS_OK)
        fail_msg("%s", err.message);
    return session;
}

/* The patient's logits for a speckled square. */
static void answer(float logits[K_MAX], dms_session *session,
                   const dms_model *model)
{
    static uint8_t rgb[SIDE * SIDE * 3];
    const dms_photograph photograph = {
        .data = rgb, .size = sizeof rgb, .width = SIDE, .height = SIDE};
    const dms_pair pair = {.id = "1", .memory = {photograph, photograph}};
    dms_predictions *predictions = NULL;
    dms_error err = {0};

    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 37 % 151 + 40);
    if (dms_predictions_create(&predictions, model, 1, &err) != DMS_OK ||
        dms_session_predict(session, predictions, &pair, 1, NULL, &err) !=
            DMS_OK)
        fail_msg("%s", err.message);
    memcpy(logits, dms_predictions_get(predictions, 0)->patient_logits,
           K_MAX * sizeof *logits);
    dms_predictions_destroy(predictions);
}

typedef struct visitor {
    const dms_model *model;
    dms_session *session;
    float logits[K_MAX];
} visitor;

static void *visit(void *user)
{
    visitor *v = user;

    v->session = make_session(v->model);
    answer(v->logits, v->session, v->model);
    return NULL;
}

static void two_sessions_on_their_own_threads_hold_one_copy(void **state)
{
    dms_model *model = make_model(5);
    visitor visitors[2] = {{.model = model}, {.model = model}};
    long megabytes[3] = {heap_megabytes()};

    (void)state;
    for (int i = 0; i < 2; i++) {
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, visit, &visitors[i]), 0);
        pthread_join(thread, NULL);
        megabytes[i + 1] = heap_megabytes();
    }
    assert_true(megabytes[1] - megabytes[0] > 80);
    assert_true(megabytes[2] - megabytes[1] < 20);
    assert_memory_equal(visitors[0].logits, visitors[1].logits,
                        sizeof visitors[0].logits);
    dms_session_destroy(visitors[0].session);
    dms_session_destroy(visitors[1].session);
    dms_model_destroy(model);
}

/* In a process of its own: read the weights from fd, answer to the pipe. */
static void answer_elsewhere(int pipe_end, int fd, const dms_model *model)
{
    dms_prepared *prepared = NULL;
    struct {
        float logits[K_MAX];
        long megabytes;
    } told = {.megabytes = heap_megabytes()};

    if (dms_prepared_open(&prepared, model, fd, NULL) == DMS_OK) {
        answer(told.logits, make_session(model), model);
        told.megabytes = heap_megabytes() - told.megabytes;
        if (write(pipe_end, &told, sizeof told) == sizeof told)
            _exit(0);
    }
    _exit(1);
}

static void another_process_reads_them_from_the_memory_file(void **state)
{
    dms_model *model = make_model(5);
    dms_prepared *prepared = NULL;
    dms_error err = {0};
    struct {
        float logits[K_MAX];
        long megabytes;
    } told = {{0}, 0};
    float own[K_MAX];
    dms_session *session;
    int ends[2], status;
    pid_t child;

    (void)state;
    if (dms_prepared_create(&prepared, model, 1, &one_thread, 0, &err) !=
        DMS_OK)
        fail_msg("%s", err.message);
    assert_true(dms_prepared_bytes(prepared) > 80000000);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0)
        answer_elsewhere(ends[1], dms_prepared_fd(prepared), model);
    assert_int_equal(read(ends[0], &told, sizeof told), sizeof told);
    waitpid(child, &status, 0);
    session = make_session(model);
    answer(own, session, model);
    assert_memory_equal(told.logits, own, sizeof own);
    assert_true(told.megabytes < 20);
    dms_session_destroy(session);
    dms_prepared_destroy(prepared);
    dms_model_destroy(model);
    close(ends[0]);
    close(ends[1]);
}

static void weights_of_another_model_are_refused(void **state)
{
    dms_model *model = make_model(5), *other = make_model(6);
    dms_prepared *prepared = NULL, *wrong = NULL;
    dms_error err = {0};

    (void)state;
    assert_int_equal(
        dms_prepared_create(&prepared, model, 1, &one_thread, 0, &err), DMS_OK);
    assert_int_equal(
        dms_prepared_open(&wrong, other, dms_prepared_fd(prepared), &err),
        DMS_EMISMATCH);
    assert_non_null(strstr(err.message, "made from another model"));
    assert_null(wrong);
    err = (dms_error){0};
    assert_int_equal(dms_prepared_open(&wrong, model, STDIN_FILENO, &err),
                     DMS_EFORMAT);
    assert_int_equal(dms_prepared_open(&wrong, model, -1, NULL), DMS_EIO);
    dms_prepared_destroy(prepared);
    dms_model_destroy(other);
    dms_model_destroy(model);
}

static void a_session_outlives_what_it_reads_from(void **state)
{
    dms_model *model = make_model(5);
    dms_prepared *prepared = NULL;
    float before[K_MAX], after[K_MAX];
    dms_session *session;

    (void)state;
    assert_int_equal(
        dms_prepared_create(&prepared, model, 1, &one_thread, 0, NULL), DMS_OK);
    session = make_session(model);
    answer(before, session, model);
    dms_prepared_destroy(prepared);
    answer(after, session, model);
    assert_memory_equal(before, after, sizeof before);
    dms_session_destroy(session);
    dms_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_process_reads_them_from_the_memory_file),
        cmocka_unit_test(two_sessions_on_their_own_threads_hold_one_copy),
        cmocka_unit_test(weights_of_another_model_are_refused),
        cmocka_unit_test(a_session_outlives_what_it_reads_from),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
