/* Model files and models: one safetensors file, self-describing, executing
 * nothing (docs/model-file.md). Sessions (session.h) run a model; import.h and
 * export.h bring one in from other programs and out to them.
 *
 * Threads: a model is immutable once it is made, so any number of threads may
 * call any function here on one model, but for dms_model_destroy, which is the
 * last call. */
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

/* A fresh model with the reference's initial values, thresholds 0.5, not
 * calibrated.
 *
 * arch    its labels are not read; task single-label makes any-of labels one-of
 * labels  copied; NULL: ODIR's eight
 * DMS_EINVAL, DMS_ENOMEM. */
dms_status dms_model_create(dms_model **out, const dms_architecture *arch,
                            const dms_label_set *labels, uint64_t seed,
                            dms_error *err);

/* Read a model file. Where another writer dropped the metadata, the
 * architecture is inferred from the shapes and the monitor is warned. Errors
 * name the tensor, the shape found and the one expected. The weights are read
 * where they lie: while a model is open its file may be replaced (by renaming,
 * as dms_model_write does) or removed, but not changed in place.
 * DMS_EIO, DMS_EFORMAT, DMS_EMISMATCH, DMS_ENOMEM. */
dms_status dms_model_open(dms_model **out, const char *path,
                          const dms_monitor *monitor, dms_error *err);

/* Write a model file, whole or not at all. */
dms_status dms_model_write(const dms_model *model, const char *path,
                           dms_error *err);

/* Accepts NULL. Sessions and benches over the model are destroyed first. */
void dms_model_destroy(dms_model *model);

/* What the model file says beside the tensors. What comes back by pointer is
 * borrowed and lives as long as the model. */
const dms_architecture *dms_model_get_architecture(const dms_model *model);
const dms_preprocess *dms_model_get_preprocess(const dms_model *model);
const char *dms_model_get_provenance(const dms_model *model); /* JSON object */

/* What the model's K answers are about, in the order of every K-long array that
 * comes from it. Borrowed. */
const dms_label_set *dms_model_get_labels(const dms_model *model);
int dms_model_label_count(const dms_model *model); /* K */
/* "D" and "Diabetes" of label k, borrowed from the model; NULL out of range. */
const char *dms_model_label_code(const dms_model *model, int k);
const char *dms_model_label_name(const dms_model *model, int k);

/* Label k is found where its probability is above this; NaN out of range. */
double dms_model_threshold(const dms_model *model, int k);

/* The logits are divided by it; 1: not calibrated. */
double dms_model_temperature(const dms_model *model);

/* F, the width of an eye's descriptor: twice the architecture's width. */
size_t dms_model_feature_width(const dms_model *model);

/* How many numbers training changes; running statistics and the scales of a
 * quantised model are not among them. */
size_t dms_model_parameters(const dms_model *model);

/* What `dmsnet info` prints: for a person, or as JSON. Free with
 * dms_text_free. */
dms_status dms_model_describe(char **text, const dms_model *model, bool json,
                              dms_error *err);

/* What computes and its version, "oneDNN 2.6.3, ...". Returns the whole
 * length, as snprintf; text is cut at capacity - 1. */
int dms_backend_text(char *text, size_t capacity);

#include "dms/public_end.h"

#endif
