/* Model files: the parameter table and its description in one safetensors file
 * (docs/model-file.md). */
#ifndef DMS_NET_MODEL_FILE_H
#define DMS_NET_MODEL_FILE_H

#include "dms/architecture.h"
#include "dms/image.h"
#include "dms/labels.h"
#include "dms/model.h"
#include "dms/monitor.h"
#include "formats/safetensors.h"
#include "formats/tensor_file.h"
#include "graph/params.h"
#include "data/trained_on.h"

/* A model file's metadata; see init and release. */
typedef struct dms_model_config {
    dms_architecture
        architecture; /* with the same labels and task as `labels` */
    dms_preprocess preprocess;
    dms_label_set *labels; /* owned */
    double *thresholds;    /* owned: K; a finding is p > threshold */
    /* owned: K, slopes > 0; one-of labels: the same slope and no intercepts */
    dms_calibration *calibration;
    double temperature;        /* common to all labels; 1: not calibrated */
    char provenance[4096];     /* a JSON object: who made it, from what */
    dms_trained_on trained_on; /* owned */
} dms_model_config;

/* The key of the configuration in a safetensors file's __metadata__. */
#define DMS_MODEL_METADATA_KEY "dmsnet"
/* The key of a run's state in a checkpoint, which is not a model file. */
#define DMS_CHECKPOINT_METADATA_KEY "dmsnet-checkpoint"

/* Default architecture and preprocessing for these labels (copied), thresholds
 * 0.5, not calibrated, provenance {}. Release config also after a failure. */
dms_status dms_model_config_init(dms_model_config *config,
                                 const dms_label_set *labels, dms_error *err);
void dms_model_config_release(dms_model_config *config);

/* Is any probability not just the sigmoid or softmax of its logit? */
bool dms_model_config_calibrated(const dms_model_config *config);

/* Do they make the same probabilities of the same logits? */
bool dms_model_config_same_calibration(const dms_model_config *a,
                                       const dms_model_config *b);

/* Without calibration and with thresholds of 0.5 again: for outputs that the
 * old ones were not fitted to. *dropped: there was something else. name is for
 * messages. DMS_ENOMEM. */
dms_status dms_model_config_undecide(dms_model_config *config, bool *dropped,
                                     const char *name, dms_error *err);

/* What a safetensors file's __metadata__ says of a model. */
typedef struct dms_model_metadata {
    dms_metadata items[2]; /* the second where it is known what it saw */
    size_t count;
    char *texts[2]; /* owned: the items' values */
} dms_model_metadata;

/* Zero-initialise; release also after a failure, which is DMS_ENOMEM. */
dms_status dms_model_metadata_make(dms_model_metadata *out,
                                   const dms_model_config *config,
                                   dms_error *err);
void dms_model_metadata_release(dms_model_metadata *metadata);

/* Open the tensors of a model file. DMS_EFORMAT for any other file, also a
 * PyTorch file or a run's checkpoint, says what it is. */
dms_status dms_model_tensors_open(dms_tensor_file **out, const char *path,
                                  dms_error *err);

/* The reverse of make, of a file that has DMS_MODEL_METADATA_KEY. The caller
 * releases config, also after a failure. */
dms_status dms_model_metadata_read(dms_model_config *config,
                                   const dms_tensor_file *file, dms_error *err);

/* value: params->total floats in the table's order, such as an average; NULL:
 * the table's values. Atomic; the same input gives the same bytes. */
dms_status dms_model_file_write(const char *path,
                                const dms_model_config *config,
                                const dms_params *params, const float *value,
                                dms_error *err);

/* Read path into a new table for training, with weights in training's order and
 * with gradients. frozen: prefixes of the rows to freeze (dms_params_freeze),
 * ending with NULL; or NULL. The caller destroys *params and releases config,
 * config also after a failure. */
dms_status dms_model_file_read(dms_model_config *config, dms_params **params,
                               const char *path, const char *const *frozen,
                               const dms_monitor *monitor, dms_error *err);

/* Read path into a new table for inference; weights stay in the file if
 * possible. The caller closes *file after destroying the table. Until then the
 * file on disk must not be changed in place; replacing it by renaming is fine.
 */
dms_status dms_model_file_map(dms_model_config *config, dms_params **params,
                              dms_tensor_file **file, const char *path,
                              const dms_monitor *monitor, dms_error *err);

/* The `dmsnet` metadata text of a configuration (dms_free); NULL if out of
 * memory. */
char *dms_model_config_json(const dms_model_config *config);

/* The reverse; the caller releases config, also after a failure. name is for
 * messages. */
dms_status dms_model_config_parse(dms_model_config *config, const char *text,
                                  const char *name, dms_error *err);

#endif
