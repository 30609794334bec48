/* Prediction: from two photographs to a probability a label. A session is one
 * thread's working memory over a shared model: create, predict as often as
 * wanted, destroy.
 *
 * Threads: any number of threads may have sessions over one model. A session,
 * and the predictions that it fills, belong to one thread at a time. What only
 * reads predictions may be called by several. */
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

/* One patient's answer, made by the library. Arrays are label_count long, in
 * the order of dms_model_label_code, and live as long as the answer. */
typedef struct dms_prediction {
    dms_error error;    /* code DMS_OK, or why this pair has no answer */
    bool present[2];    /* the photograph was given and read */
    dms_field field[2]; /* what the field-of-view search found */
    int label_count;    /* K, the model's */
    double *patient;    /* probabilities; softmax if single-label */
    double *eye[2];     /* the same of each eye's own output; meaningless where
                           not present */
    bool *finding;      /* patient > threshold; single-label: the greatest */
    float *patient_logits; /* as the network gives them, before temperature */
    float *eye_logits[2];  /* and sigmoid or softmax */
    float *features[2];    /* each eye's descriptor, F long: what both heads
                              read, h of docs/model.md (9), F = 2D: the mean
                              over positions, then the greatest values. Zero
                              where a pair has an error; both eyes' are equal
                              where one stands in. NULL: not wanted, see
                              dms_predictions_want_features */
} dms_prediction;

/* The plainest case: one patient, two photographs from files, an answer.
 *
 * left, right  paths; one may be NULL, then the other stands in for both
 * prediction   out: the caller's, for dms_prediction_destroy; unchanged on
 *              failure
 * The status is the answer's: DMS_OK means that there is one. DMS_EINVAL
 * without a photograph, DMS_EIO, DMS_EFORMAT, DMS_ELIMIT of one that cannot be
 * read or whose values overflow in the model, DMS_ENOMEM. Prepares the network
 * anew at each call: for more than a few patients use a session. */
dms_status dms_predict_pair(const dms_model *model, const char *left,
                            const char *right, dms_prediction **prediction,
                            dms_error *err);

/* Of what dms_predict_pair made. Accepts NULL. */
void dms_prediction_destroy(dms_prediction *prediction);

typedef struct dms_session dms_session;

/* batch: patients run at once, 1 to 256. model is borrowed and must outlive
 * the session. DMS_EINVAL, DMS_ENOMEM. */
dms_status dms_session_create(dms_session **out, const dms_model *model,
                              int batch, dms_error *err);

/* The same, choosing how it computes. compute: NULL for the default. patients:
 * how many are expected in all, 0 if unknown. */
dms_status dms_session_create_with(dms_session **out, const dms_model *model,
                                   int batch, const dms_compute *compute,
                                   size_t patients, dms_error *err);

/* Accepts NULL. */
void dms_session_destroy(dms_session *session);

/* A patient's photographs, from files or from memory; one may be missing, then
 * the other stands in for both and `present` of the prediction says so. A plain
 * value that the caller makes; all that it points to is borrowed. */
typedef struct dms_pair {
    const char *id;           /* in messages and tables; may be NULL */
    const char *path[2];      /* DMS_LEFT, DMS_RIGHT; NULL: no file */
    dms_photograph memory[2]; /* where it has data, it is read instead of the
                                 file; path is then its name in messages */
    bool side_unknown; /* there is one photograph, given as the left one, and
                          nobody said which eye it shows */
} dms_pair;

/* Room for the answers of up to `capacity` pairs by one model. */
typedef struct dms_predictions dms_predictions;

/* model is looked at during the call alone. DMS_ENOMEM. */
dms_status dms_predictions_create(dms_predictions **out, const dms_model *model,
                                  size_t capacity, dms_error *err);

/* Ask for each eye's features too, before predicting. DMS_ENOMEM. */
dms_status dms_predictions_want_features(dms_predictions *predictions,
                                         dms_error *err);

/* Accepts NULL. */
void dms_predictions_destroy(dms_predictions *predictions);

/* How many pairs the last prediction was of; 0 before the first. */
size_t dms_predictions_count(const dms_predictions *predictions);

/* Answer i, borrowed; NULL from the count on. */
const dms_prediction *dms_predictions_get(const dms_predictions *predictions,
                                          size_t i);

/* Predict count pairs. A pair that cannot be read gets its own error, as one
 * whose values overflow in the model does (DMS_EFORMAT), and the others still
 * come out, so DMS_OK does not mean that all did. DMS_ESTOPPED when the monitor
 * asks; the rest then carry that code. DMS_EINVAL where count is above the
 * capacity, DMS_EMISMATCH where the predictions were created for a model of
 * other labels or another width. */
dms_status dms_session_predict(dms_session *session,
                               dms_predictions *predictions,
                               const dms_pair *pairs, size_t count,
                               const dms_monitor *monitor, dms_error *err);

/* A list of pairs read from disk: a CSV with columns id,left,right (paths
 * relative to it; an empty cell is no photograph), or a folder of images
 * whose names say the eye: ID_left.*, ID_OD.* and the other words of
 * docs/data-format.md. Errors name file and line. */
typedef struct dms_pair_list {
    dms_pair *pairs; /* owned, as are the texts in it */
    size_t count;
} dms_pair_list;

/* out: the caller's to release after success; unchanged on failure. */
dms_status dms_pair_list_read(dms_pair_list *out, const char *path,
                              dms_error *err);
/* The same for a table that is opened as the options of dms_dataset_open_with
 * say (data.h); its labels and its split are not read, whatever they say. The
 * monitor hears which files of a folder are not used and why, and which columns
 * of a table.
 *
 * options  NULL for the defaults; of a folder of images only monitor counts */
dms_status dms_pair_list_read_with(dms_pair_list *out, const char *path,
                                   const dms_dataset_options *options,
                                   dms_error *err);
void dms_pair_list_release(dms_pair_list *list);

typedef enum dms_prediction_format {
    DMS_PREDICTION_TEXT, /* in words */
    DMS_PREDICTION_JSON,
    DMS_PREDICTION_CSV /* the challenge's; pairs with an error are not in it */
} dms_prediction_format;

/* "text", "json", "csv"; NULL out of range. */
const char *dms_prediction_format_name(dms_prediction_format format);

/* The answers as text; free with dms_text_free. pairs: those that were
 * predicted, as many as dms_predictions_count. DMS_EINVAL where a probability
 * is not finite: no session gives one. */
dms_status dms_predictions_print(char **text,
                                 const dms_predictions *predictions,
                                 const dms_pair *pairs,
                                 dms_prediction_format format, dms_error *err);

#include "dms/public_end.h"

#endif
