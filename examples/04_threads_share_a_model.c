/* One model and two threads with a session each: threads may share a model,
 * which is immutable; a session belongs to one thread.
 *
 *     cc 04_threads_share_a_model.c -o threads -pthread \
 *        $(pkg-config --cflags --libs dmsnet)
 *     ./threads model.safetensors left.jpg right.jpg */
#include <dms/dms.h>
#include <pthread.h>
#include <stdio.h>

typedef struct worker {
    const dms_model *model;
    dms_pair pair;
    dms_error err;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    dms_session *session = NULL;
    dms_predictions *answers = NULL;
    const dms_compute alone = {.struct_size = sizeof alone, .threads = 1};

    if (dms_predictions_create(&answers, w->model, 1, &w->err) == DMS_OK &&
        dms_session_create_with(&session, w->model, 1, &alone, 0, &w->err) ==
            DMS_OK &&
        dms_session_predict(session, answers, &w->pair, 1, NULL, &w->err) ==
            DMS_OK)
        w->err = dms_predictions_get(answers, 0)->error; /* the pair's own */
    if (w->err.code == DMS_OK)
        printf("%.6f\n", dms_predictions_get(answers, 0)->patient[0]);
    dms_predictions_destroy(answers);
    dms_session_destroy(session);
    return NULL;
}

int main(int argc, char **argv)
{
    worker workers[2] = {{0}};
    pthread_t threads[2];
    dms_model *model = NULL;
    dms_error err = {0};

    if (argc != 4)
        return fprintf(stderr, "usage: %s MODEL LEFT RIGHT\n", argv[0]), 2;
    dms_model_open(&model, argv[1], NULL, &err);
    for (int i = 0; model && i < 2; i++) {
        workers[i] = (worker){model, {.path = {argv[2], argv[3]}}, {0}};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; model && i < 2; i++)
        pthread_join(threads[i], NULL);
    if (err.code == DMS_OK)
        err = workers[workers[0].err.code == DMS_OK].err;
    if (err.code != DMS_OK)
        fprintf(stderr, "%s\n", err.message);
    dms_model_destroy(model);
    return err.code != DMS_OK;
}
