/* Prediction of one patient, and allocation of a model's answers. */
#include "dms/session.h"

#include "base/fail.h"
#include "report/answer.h"

dms_status dms_predictions_create(dms_predictions **out, const dms_model *model,
                                  size_t capacity, dms_error *err)
{
    return dms_answers_create(out, dms_model_get_labels(model),
                              dms_model_feature_width(model), capacity, err);
}

dms_status dms_predict_pair(const dms_model *model, const char *left,
                            const char *right, dms_prediction **prediction,
                            dms_error *err)
{
    dms_status st;
    const dms_pair pair = {.id = "pair", .path = {left, right}};
    dms_session *session = NULL;
    dms_predictions *p = NULL;
    const dms_error *own;

    TRY(dms_predictions_create(&p, model, 1, err));
    TRY(dms_session_create(&session, model, 1, err));
    TRY(dms_session_predict(session, p, &pair, 1, NULL, err));
    own = &dms_answer_at(p, 0)->error;
    if (own->code != DMS_OK) {
        st = dms_fail(err, own->code, "%s", own->message);
        goto done;
    }
    p->answers[0].owner = p;
    *prediction = dms_answer_at(p, 0), p = NULL;
done:
    dms_session_destroy(session);
    dms_predictions_destroy(p);
    return st;
}
