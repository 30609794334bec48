/* Models and model files: one safetensors file that describes itself and
 * contains no code (docs/model-file.md). session.h runs a model; import.h and
 * export.h exchange models with other programs.
 *
 * Threads: a model is immutable, so any number of threads may call any function
 * here on the same model, except dms_model_destroy, which is the last call. */
#ifndef DMS_MODEL_H
#define DMS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/architecture.h"
#include "dms/image.h"
#include "dms/labels.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

typedef struct dms_model dms_model;

/* A new model with the PyTorch reference's initial values, thresholds of 0.5,
 * not calibrated.
 *
 * arch    its labels are ignored; task single-label makes any-of labels one-of
 * labels  copied; NULL: ODIR's eight
 * DMS_EINVAL, DMS_ENOMEM. */
dms_status dms_model_create(dms_model **out, const dms_architecture *arch,
                            const dms_label_set *labels, uint64_t seed,
                            dms_error *err);

/* Read a model file. path may also be the name of a model that ships with
 * dmsnet ("odir-small"), see dms_model_find: a text without '/' and '.' is
 * first looked up as a name, then as a file of the working directory;
 * "./odir-small" is always a file. If another writer dropped the metadata, the
 * architecture is inferred from the shapes and the monitor gets a warning.
 * Errors name the tensor, the shape found and the shape expected. The weights
 * stay in the mapped file: while a model is open, its file may be replaced (by
 * renaming, as dms_model_write does) or removed, but not changed in place.
 * DMS_EIO, DMS_EFORMAT, DMS_EMISMATCH, DMS_ENOMEM. */
dms_status dms_model_open(dms_model **out, const char *path,
                          const dms_monitor *monitor, dms_error *err);

/* Find the file of a model that ships with dmsnet, by its name: "odir-small" is
 * dmsnet-odir-small.safetensors in the first of these folders with a model:
 *
 * 1. models/ of the source tree, if this library or program is in its build
 *    folder, else PREFIX/share/dmsnet/models, where PREFIX contains the bin or
 *    lib folder that this program or library is in;
 *
 * 2. share/dmsnet/models in the prefix that was configured;
 *
 * never in the working directory.
 *
 * path  out: free with dms_text_free
 * DMS_EIO: there is no such model; the message lists those that there are.
 * DMS_ENOMEM. */
dms_status dms_model_find(char **path, const char *name, dms_error *err);

/* The output of `dmsnet models`, as text or as a JSON array: name, file, size,
 * SHA-256, labels and the figures of each shipped model's card. Without a model
 * the text names the folders that were searched. Free with dms_text_free.
 * Errors as of dms_model_open. */
dms_status dms_model_list(char **text, bool json, dms_error *err);

/* Write a model file, completely or not at all. */
dms_status dms_model_write(const dms_model *model, const char *path,
                           dms_error *err);

/* Accepts NULL. Destroy the model's sessions and benches first. */
void dms_model_destroy(dms_model *model);

/* The model file's metadata. Returned pointers are borrowed and valid for the
 * life of the model. */
const dms_architecture *dms_model_get_architecture(const dms_model *model);
const dms_preprocess *dms_model_get_preprocess(const dms_model *model);
const char *dms_model_get_provenance(const dms_model *model); /* JSON object */

/* The model's K labels, in the order of every array of K that it produces.
 * Borrowed. */
const dms_label_set *dms_model_get_labels(const dms_model *model);
int dms_model_label_count(const dms_model *model); /* K */
/* "D" and "Diabetes" of label k, borrowed from the model; NULL out of range. */
const char *dms_model_label_code(const dms_model *model, int k);
const char *dms_model_label_name(const dms_model *model, int k);

/* Label k is a finding if its probability is above this; NaN out of range. */
double dms_model_threshold(const dms_model *model, int k);

/* From a logit to a probability: the sigmoid of slope * logit + intercept,
 * slope > 0. Slope 1 and intercept 0: not calibrated. One-of labels have the
 * same slope and no intercepts, before their softmax. */
typedef struct dms_calibration {
    double slope, intercept;
} dms_calibration;

/* Label k's, of the patient's output and of the eyes' (calibrate.h); NaN out of
 * range. */
dms_calibration dms_model_calibration(const dms_model *model, int k);

/* The temperature common to all labels: 1 / slope of labels without a
 * calibration of their own; 1: not calibrated. */
double dms_model_temperature(const dms_model *model);

/* F, the width of an eye's descriptor: twice the architecture's width. */
size_t dms_model_feature_width(const dms_model *model);

/* The number of trainable values, without running statistics and a quantised
 * model's scales. */
size_t dms_model_parameters(const dms_model *model);

/* The output of `dmsnet info`, as text or as JSON. Free with dms_text_free. */
dms_status dms_model_describe(char **text, const dms_model *model, bool json,
                              dms_error *err);

/* The backend and its version, "oneDNN 2.6.3, ...". Returns the whole length,
 * like snprintf; text is cut at capacity - 1. */
int dms_backend_text(char *text, size_t capacity);

#include "dms/public_end.h"

#endif
