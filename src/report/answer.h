/* Room for predictions, as those who fill it see it. */
#ifndef DMS_REPORT_ANSWER_H
#define DMS_REPORT_ANSWER_H

#include "dms/session.h"

/* An answer's place; a caller sees its first member alone, so that it may
 * grow. */
typedef struct dms_answer {
    dms_prediction public;
    dms_predictions *owner; /* of what dms_predict_pair made; else NULL */
} dms_answer;

/* The arrays of answer i lie in the common buffers, each K long: patient, left,
 * right. */
struct dms_predictions {
    size_t capacity, count;
    dms_label_set *labels; /* owned: the model's */
    int label_count;       /* K */
    size_t feature_width;  /* F */
    dms_answer *answers;   /* owned, as are the buffers: */
    double *probabilities;
    float *logits;
    bool *findings;
    float *features; /* capacity x 2 x F, or NULL: not wanted */
};

/* Room for capacity answers of that label set; feature_width: F. DMS_ENOMEM. */
dms_status dms_answers_create(dms_predictions **out,
                              const dms_label_set *labels, size_t feature_width,
                              size_t capacity, dms_error *err);

/* Answer i of the capacity, to be filled. */
dms_prediction *dms_answer_at(dms_predictions *predictions, size_t i);

/* Empty the first count answers: no error, no eye, zeros. */
void dms_answers_clear(dms_predictions *predictions, size_t count);

#endif
