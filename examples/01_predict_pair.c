/* A patient's two photographs in, eight probabilities out.
 *
 *     cc 01_predict_pair.c -o predict_pair $(pkg-config --cflags --libs dmsnet)
 *     ./predict_pair model.safetensors left.jpg right.jpg */
#include <dms/dms.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    dms_error err = {0};
    dms_model *model = NULL;
    dms_session *session = NULL;
    dms_prediction p;

    if (argc != 4) {
        fprintf(stderr, "usage: %s MODEL LEFT RIGHT\n", argv[0]);
        return 2;
    }
    if (dms_model_open(&model, argv[1], NULL, &err) == DMS_OK &&
        dms_session_create(&session, model, 1, &err) == DMS_OK) {
        dms_pair pair = {.id = "1", .path = {argv[2], argv[3]}};

        dms_session_predict(session, &p, &pair, 1, NULL, &err);
        if (err.code == DMS_OK) /* the call went well; did the pair? */
            err = p.error;
    }
    for (int k = 0; k < DMS_LABELS && err.code == DMS_OK; k++)
        printf("%-12s %.6f%s\n", dms_label_name(k), p.patient[k],
               p.finding[k] ? "  found" : "");
    if (err.code != DMS_OK)
        fprintf(stderr, "%s\n", err.message);
    dms_session_destroy(session);
    dms_model_destroy(model);
    return err.code != DMS_OK;
}
