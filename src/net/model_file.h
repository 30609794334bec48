/* Model files: the parameter table and its description, to and from one
 * safetensors file (docs/model-file.md). */
#ifndef DMS_NET_MODEL_FILE_H
#define DMS_NET_MODEL_FILE_H

#include "dms/architecture.h"
#include "dms/image.h"
#include "dms/labels.h"
#include "dms/monitor.h"
#include "formats/safetensors.h"
#include "formats/tensor_file.h"
#include "graph/params.h"
#include "data/trained_on.h"

/* What a model file's metadata says beside the tensors; init and release. */
typedef struct dms_model_config {
    dms_architecture
        architecture; /* its labels and task are those of `labels`*/
    dms_preprocess preprocess;
    dms_label_set *labels;     /* owned */
    double *thresholds;        /* owned: K; a finding is p > threshold */
    double temperature;        /* logits are divided by it; 1: not calibrated */
    char provenance[4096];     /* a JSON object: who made it, from what */
    dms_trained_on trained_on; /* owned */
} dms_model_config;

/* Where a safetensors file's __metadata__ has the configuration. */
#define DMS_MODEL_METADATA_KEY "dmsnet"

/* The default architecture and preprocessing for these labels (copied),
 * thresholds 0.5, temperature 1, provenance {}. Release also after a
 * failure. */
dms_status dms_model_config_init(dms_model_config *config,
                                 const dms_label_set *labels, dms_error *err);
void dms_model_config_release(dms_model_config *config);

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

/* The reverse, of a file that has DMS_MODEL_METADATA_KEY. The caller releases
 * config, also after a failure. */
dms_status dms_model_metadata_read(dms_model_config *config,
                                   const dms_tensor_file *file, dms_error *err);

/* value: params->total floats in the table's order, such as an average; NULL:
 * the table's own. Atomic; gives the same bytes for the same input. */
dms_status dms_model_file_write(const char *path,
                                const dms_model_config *config,
                                const dms_params *params, const float *value,
                                dms_error *err);

/* Read path into a new table for training: the weights lie in the order that
 * training wants, and there are gradients. frozen: prefixes of the rows that
 * are not to be trained (dms_params_freeze), NULL behind the last; or NULL.
 * *params is the caller's; config is to be released, also after a failure. */
dms_status dms_model_file_read(dms_model_config *config, dms_params **params,
                               const char *path, const char *const *frozen,
                               const dms_monitor *monitor, dms_error *err);

/* Read path into a new table for inference, with the weights left in the file
 * where they can be: *file, the caller's, must be closed after the table's end,
 * and the file on disk not be changed in place (replacing it by renaming is
 * fine). */
dms_status dms_model_file_map(dms_model_config *config, dms_params **params,
                              dms_tensor_file **file, const char *path,
                              const dms_monitor *monitor, dms_error *err);

/* The `dmsnet` metadata text of a configuration (dms_free), or NULL without
 * memory. */
char *dms_model_config_json(const dms_model_config *config);

/* The reverse; the caller releases config, also after a failure. name is for
 * messages. */
dms_status dms_model_config_parse(dms_model_config *config, const char *text,
                                  const char *name, dms_error *err);

#endif
