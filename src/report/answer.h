/* Predictions, from the side that fills them in. */
#ifndef DMS_REPORT_ANSWER_H
#define DMS_REPORT_ANSWER_H

#include "dms/session.h"

/* One answer. A caller sees only its first member, so the struct may grow. */
typedef struct dms_answer {
    dms_prediction public;
    dms_predictions *owner; /* if made by dms_predict_pair; else NULL */
    int further_pages[2];   /* of each eye's file: dms_picture in codec.h */
} dms_answer;

/* The arrays of answer i lie in the shared buffers: patient, left, right, each
 * of K elements. */
struct dms_predictions {
    size_t capacity, count;
    dms_label_set *labels; /* owned: the model's */
    int label_count;       /* K */
    size_t feature_width;  /* F */
    dms_answer *answers;   /* owned, as are the buffers below */
    double *probabilities;
    float *logits;
    bool *findings;
    float *features; /* capacity x 2 x F; NULL: not wanted */
};

/* Allocate `capacity` answers of that label set; feature_width: F. DMS_ENOMEM.
 */
dms_status dms_answers_create(dms_predictions **out,
                              const dms_label_set *labels, size_t feature_width,
                              size_t capacity, dms_error *err);

/* Answer i < capacity, to be filled in. */
dms_prediction *dms_answer_at(dms_predictions *predictions, size_t i);

/* Clear the first count answers: no error, no eyes, zeros. */
void dms_answers_clear(dms_predictions *predictions, size_t count);

#endif
