/* Prediction: from two photographs to eight probabilities. A session is one
 * thread's working memory over a shared model: create, predict as often as
 * wanted, destroy. */
#ifndef DMS_SESSION_H
#define DMS_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/compute.h"
#include "dms/data.h"
#include "dms/model.h"

#include "dms/public_begin.h"

typedef struct dms_session dms_session;

/* batch: patients run at once, 1 to 256. model is borrowed and must outlive
 * the session. DMS_EINVAL, DMS_ENOMEM. */
dms_status dms_session_create(dms_session **out, const dms_model *model,
                              int batch, dms_error *err);

/* The same, choosing how it computes. patients: how many are expected in all,
 * 0 if unknown. */
dms_status dms_session_create_with(dms_session **out, const dms_model *model,
                                   int batch, const dms_compute *compute,
                                   size_t patients, dms_error *err);
void dms_session_destroy(dms_session *session);

/* A patient's photographs, from files or from memory; one may be missing, then
 * the other stands in for both and `present` of the prediction says so. */
typedef struct dms_pair {
    const char *id;
    const char *path[2];      /* DMS_LEFT, DMS_RIGHT; NULL: no file */
    dms_photograph memory[2]; /* where it has data, it is read instead of the
                                 file; path is then its name in messages */
} dms_pair;

typedef struct dms_prediction {
    dms_error error;    /* code DMS_OK, or why this pair has no answer */
    bool present[2];    /* the photograph was given and read */
    dms_field field[2]; /* what the field-of-view search found */
    double patient[DMS_LABELS]; /* probabilities; softmax if single-label */
    double eye[2][DMS_LABELS];  /* the same of each eye's own output;
                                   meaningless where not present */
    bool finding[DMS_LABELS];   /* patient > threshold; single-label: the
                                   greatest */
    float patient_logits[DMS_LABELS]; /* as the network gives them, before */
    float eye_logits[2][DMS_LABELS];  /* temperature and sigmoid or softmax */
} dms_prediction;

/* Predict count pairs into count predictions. A pair that cannot be read gets
 * its own error, as one whose values overflow in the model does (DMS_EFORMAT),
 * and the others still come out, so DMS_OK does not mean that all did.
 * DMS_ESTOPPED when the monitor asks; the rest then carry that code.*/
dms_status dms_session_predict(dms_session *session,
                               dms_prediction *predictions,
                               const dms_pair *pairs, size_t count,
                               const dms_monitor *monitor, dms_error *err);

/* What there is to get of count pairs; the caller's room. */
typedef struct dms_outputs {
    dms_prediction *predictions; /* count */
    float *features; /* count x 2 x F, or NULL: not wanted. Each eye's
                        descriptor, left eye first: what both heads read, h of
                        docs/model.md (9), F = 2D: the mean over positions,
                        then the greatest values. Zero where a pair has an
                        error; both eyes' are equal where one stands in. */
} dms_outputs;

/* F, the width of an eye's descriptor: twice the architecture's width. */
size_t dms_session_feature_width(const dms_session *session);

/* dms_session_predict with more to get. */
dms_status dms_session_predict_into(dms_session *session,
                                    const dms_outputs *out,
                                    const dms_pair *pairs, size_t count,
                                    const dms_monitor *monitor, dms_error *err);

/* A list of pairs read from disk: a CSV with columns id,left,right (paths
 * relative to it; an empty cell is no photograph), or a folder of images
 * named ID_left.*, ID_right.*. Errors name file and line. */
typedef struct dms_pair_list {
    dms_pair *pairs; /* owned, as are the texts in it */
    size_t count;
} dms_pair_list;
dms_status dms_pair_list_read(dms_pair_list *out, const char *path,
                              dms_error *err);
void dms_pair_list_release(dms_pair_list *list);

/* The predictions in words (text), as JSON, or as CSV: free with
 * dms_text_free. DMS_EINVAL where a probability is not finite: no session gives
 * one. */
typedef enum dms_prediction_format {
    DMS_PREDICTION_TEXT,
    DMS_PREDICTION_JSON,
    DMS_PREDICTION_CSV
} dms_prediction_format;
const char *dms_prediction_format_name(dms_prediction_format format);
dms_status dms_prediction_print(char **text, const dms_prediction *predictions,
                                const dms_pair *pairs, size_t count,
                                dms_prediction_format format, dms_error *err);

#include "dms/public_end.h"

#endif
