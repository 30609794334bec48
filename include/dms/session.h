/* Prediction: from two photographs to a probability per label. A session is one
 * thread's working memory for a shared model: create it, predict any number of
 * times, destroy it.
 *
 * Threads: any number of threads may have sessions of one model. A session, and
 * the predictions that it fills in, belong to one thread at a time. Several
 * threads may read predictions. */
#ifndef DMS_SESSION_H
#define DMS_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/compute.h"
#include "dms/data.h"
#include "dms/image.h"
#include "dms/model.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* One patient's answer, created by the library. Arrays have label_count
 * elements, in the order of dms_model_label_code, and are valid for the life of
 * the answer. */
typedef struct dms_prediction {
    dms_error error;    /* code DMS_OK, or why this pair has no answer */
    bool present[2];    /* the photograph was given and read */
    dms_field field[2]; /* result of the field-of-view search */
    int label_count;    /* K, the model's */
    double *patient;    /* probabilities; softmax if single-label */
    double *eye[2];     /* the same for each eye; meaningless if the eye is not
                           present */
    bool *finding;      /* patient > threshold; single-label: the largest */
    float *patient_logits; /* the network's output, before calibration */
    float *eye_logits[2];  /* and sigmoid or softmax */
    float *features[2];    /* each eye's descriptor, F = 2D floats, the input of
                              both heads, h of docs/model.md (9): means over
                              positions, then maxima. Zero if the pair has an
                              error; equal for both eyes if one stands in for
                              the other. NULL: not wanted, see
                              dms_predictions_want_features */
} dms_prediction;

/* The simplest case: one patient, two photographs from files, an answer.
 *
 * left, right  paths; if one is NULL, the other stands in for both
 * prediction   out: destroy with dms_prediction_destroy; unchanged on failure
 * DMS_OK means that there is an answer. DMS_EINVAL without a photograph;
 * DMS_EIO, DMS_EFORMAT, DMS_ELIMIT if a photograph cannot be read or its values
 * overflow in the model; DMS_ENOMEM. Prepares the network at each call: use a
 * session for more than a few patients. */
dms_status dms_predict_pair(const dms_model *model, const char *left,
                            const char *right, dms_prediction **prediction,
                            dms_error *err);

/* Only for the answer of dms_predict_pair. Accepts NULL. */
void dms_prediction_destroy(dms_prediction *prediction);

typedef struct dms_session dms_session;

/* batch: patients to run at once, 1 to 256. model is borrowed and must outlive
 * the session. DMS_EINVAL, DMS_ENOMEM. */
dms_status dms_session_create(dms_session **out, const dms_model *model,
                              int batch, dms_error *err);

/* The same with a choice of how to compute. compute: NULL for the default. With
 * its tta, logits and probabilities are those of the mean over mirror images;
 * features are those of the photographs themselves.
 * patients: the total number expected, 0 if unknown. */
dms_status dms_session_create_with(dms_session **out, const dms_model *model,
                                   int batch, const dms_compute *compute,
                                   size_t patients, dms_error *err);

/* Accepts NULL. */
void dms_session_destroy(dms_session *session);

/* A patient's photographs, from files or from memory. If one is missing, the
 * other stands in for both, and the prediction's `present` says so. A plain
 * value made by the caller; all that it points to is borrowed. */
typedef struct dms_pair {
    const char *id;           /* in messages and tables; may be NULL */
    const char *path[2];      /* DMS_LEFT, DMS_RIGHT; NULL: no file */
    dms_photograph memory[2]; /* if it has data, it is read instead of the file;
                                 path is then its name in messages */
    bool side_unknown; /* there is one photograph, given as the left one, and
                          it is unknown which eye it shows */
} dms_pair;

/* Room for the answers of up to `capacity` pairs by one model. */
typedef struct dms_predictions dms_predictions;

/* model is used only during the call. DMS_ENOMEM. */
dms_status dms_predictions_create(dms_predictions **out, const dms_model *model,
                                  size_t capacity, dms_error *err);

/* Also request each eye's features; call it before predicting. DMS_ENOMEM. */
dms_status dms_predictions_want_features(dms_predictions *predictions,
                                         dms_error *err);

/* Accepts NULL. */
void dms_predictions_destroy(dms_predictions *predictions);

/* The number of pairs in the last prediction; 0 before the first. */
size_t dms_predictions_count(const dms_predictions *predictions);

/* Answer i, borrowed; NULL if i >= count. */
const dms_prediction *dms_predictions_get(const dms_predictions *predictions,
                                          size_t i);

/* Predict count pairs. A pair that cannot be read, or whose values overflow in
 * the model (DMS_EFORMAT), gets an error of its own and the others are still
 * predicted: DMS_OK does not mean that every pair has an answer. DMS_ESTOPPED
 * if the monitor asks to stop; the remaining pairs then have that code.
 * DMS_EINVAL if count is above the capacity; DMS_EMISMATCH if the predictions
 * were created for a model with other labels or another width. */
dms_status dms_session_predict(dms_session *session,
                               dms_predictions *predictions,
                               const dms_pair *pairs, size_t count,
                               const dms_monitor *monitor, dms_error *err);

/* A list of pairs read from disk: a CSV with columns id,left,right (paths
 * relative to it; an empty cell means no photograph), or a folder of images
 * whose names give the eye: ID_left.*, ID_OD.* and the other words of
 * docs/data-format.md. Errors name file and line. */
typedef struct dms_pair_list {
    dms_pair *pairs; /* owned, as are the texts in it */
    size_t count;
} dms_pair_list;

/* out: the caller releases it after success; unchanged on failure. */
dms_status dms_pair_list_read(dms_pair_list *out, const char *path,
                              dms_error *err);
/* The same for a table that is opened with the options of dms_dataset_open_with
 * (data.h); its labels and its split are never read. The monitor is told which
 * files of a folder, or columns of a table, are not used, and why.
 *
 * options  NULL for the defaults; a folder of images uses only monitor */
dms_status dms_pair_list_read_with(dms_pair_list *out, const char *path,
                                   const dms_dataset_options *options,
                                   dms_error *err);
void dms_pair_list_release(dms_pair_list *list);

typedef enum dms_prediction_format {
    DMS_PREDICTION_TEXT, /* for reading */
    DMS_PREDICTION_JSON,
    DMS_PREDICTION_CSV /* the challenge's form, without pairs with an error */
} dms_prediction_format;

/* "text", "json", "csv"; NULL out of range. */
const char *dms_prediction_format_name(dms_prediction_format format);

/* The answers as text; free with dms_text_free. pairs: the predicted ones, as
 * many as dms_predictions_count. DMS_EINVAL if a probability is not finite,
 * which no session produces. */
dms_status dms_predictions_print(char **text,
                                 const dms_predictions *predictions,
                                 const dms_pair *pairs,
                                 dms_prediction_format format, dms_error *err);

#include "dms/public_end.h"

#endif
