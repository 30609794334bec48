/* One model, two threads, a session each: models are immutable and shared,
 * sessions belong to one thread.
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
    dms_prediction prediction;
    dms_error err;
} worker;

static void *work(void *arg)
{
    const dms_compute one_thread = {.threads = 1};
    worker *w = arg;
    dms_session *session = NULL;

    if (dms_session_create_with(&session, w->model, 1, &one_thread, 0,
                                &w->err) == DMS_OK)
        dms_session_predict(session, &w->prediction, &w->pair, 1, NULL,
                            &w->err);
    dms_session_destroy(session);
    return NULL;
}

int main(int argc, char **argv)
{
    worker workers[2] = {{0}};
    pthread_t threads[2];
    dms_model *model = NULL;
    dms_error err = {0};

    if (argc != 4 || dms_model_open(&model, argv[1], NULL, &err) != DMS_OK) {
        fprintf(stderr, "%s\n", argc == 4 ? err.message : "MODEL LEFT RIGHT");
        return 2;
    }
    for (int i = 0; i < 2; i++) {
        workers[i].model = model;
        workers[i].pair = (dms_pair){.id = "1", .path = {argv[2], argv[3]}};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        printf("%d %.6f %s\n", i, workers[i].prediction.patient[0],
               workers[i].err.message);
    }
    dms_model_destroy(model);
    return 0;
}
