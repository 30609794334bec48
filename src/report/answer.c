/* The memory of predictions: one buffer per type for all of them, so that
 * prediction allocates nothing. */
#include "report/answer.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

enum { PLACES = 3 }; /* patient, left, right */

dms_prediction *dms_answer_at(dms_predictions *p, size_t i)
{
    return &p->answers[i].public;
}

static void point(dms_predictions *p, size_t i)
{
    size_t k = (size_t)p->label_count;
    dms_prediction *answer = dms_answer_at(p, i);
    double *probabilities = p->probabilities + i * PLACES * k;
    float *logits = p->logits + i * PLACES * k;

    answer->label_count = p->label_count;
    answer->patient = probabilities;
    answer->patient_logits = logits;
    answer->finding = p->findings + i * k;
    for (size_t eye = 0; eye < 2; eye++) {
        answer->eye[eye] = probabilities + (1 + eye) * k;
        answer->eye_logits[eye] = logits + (1 + eye) * k;
        answer->features[eye] =
            p->features ? p->features + (2 * i + eye) * p->feature_width : NULL;
    }
}

dms_status dms_answers_create(dms_predictions **out,
                              const dms_label_set *labels, size_t feature_width,
                              size_t capacity, dms_error *err)
{
    dms_predictions *p = dms_calloc(1, sizeof *p);
    size_t numbers;

    if (!p)
        return dms_fail_memory(err, "predictions");
    p->capacity = capacity;
    p->label_count = dms_label_set_count(labels);
    p->feature_width = feature_width;
    if (dms_label_set_copy(&p->labels, labels, err) != DMS_OK) {
        dms_predictions_destroy(p);
        return DMS_ENOMEM;
    }
    numbers = PLACES * (size_t)p->label_count;
    p->answers = dms_calloc(capacity, sizeof *p->answers);
    p->probabilities = dms_calloc(capacity, numbers * sizeof(double));
    p->logits = dms_calloc(capacity, numbers * sizeof(float));
    p->findings = dms_calloc(capacity, numbers / PLACES * sizeof(bool));
    if (!p->answers || !p->probabilities || !p->logits || !p->findings) {
        dms_predictions_destroy(p);
        return dms_fail_memory(err, "predictions");
    }
    for (size_t i = 0; i < capacity; i++)
        point(p, i);
    *out = p;
    return DMS_OK;
}

dms_status dms_predictions_want_features(dms_predictions *p, dms_error *err)
{
    if (p->features)
        return DMS_OK;
    p->features =
        dms_calloc(p->capacity, 2 * p->feature_width * sizeof *p->features);
    if (!p->features)
        return dms_fail_memory(err, "features");
    for (size_t i = 0; i < p->capacity; i++)
        point(p, i);
    return DMS_OK;
}

void dms_predictions_destroy(dms_predictions *p)
{
    if (!p)
        return;
    dms_label_set_destroy(p->labels);
    dms_free(p->answers);
    dms_free(p->probabilities);
    dms_free(p->logits);
    dms_free(p->findings);
    dms_free(p->features);
    dms_free(p);
}

size_t dms_predictions_count(const dms_predictions *p)
{
    return p->count;
}

const dms_prediction *dms_predictions_get(const dms_predictions *p, size_t i)
{
    return i < p->count ? &p->answers[i].public : NULL;
}

void dms_answers_clear(dms_predictions *p, size_t count)
{
    size_t k = (size_t)p->label_count;

    for (size_t i = 0; i < count; i++) {
        p->answers[i] = (dms_answer){.owner = p->answers[i].owner};
        point(p, i);
    }
    memset(p->probabilities, 0, count * PLACES * k * sizeof *p->probabilities);
    memset(p->logits, 0, count * PLACES * k * sizeof *p->logits);
    memset(p->findings, 0, count * k * sizeof *p->findings);
    if (p->features)
        memset(p->features, 0,
               count * 2 * p->feature_width * sizeof *p->features);
    p->count = count;
}

void dms_prediction_destroy(dms_prediction *prediction)
{
    if (prediction) /* the first member of a dms_answer */
        dms_predictions_destroy(((dms_answer *)prediction)->owner);
}
