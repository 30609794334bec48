/* A model in memory: immutable and shared, except for its store of prepared
 * weights, which has locks of its own. */
#ifndef DMS_NET_MODEL_H
#define DMS_NET_MODEL_H

#include "dms/model.h"
#include "formats/tensor_file.h"
#include "graph/kept.h"
#include "graph/params.h"
#include "net/model_file.h"

struct dms_model {
    dms_model_config config;
    dms_params *params;    /* owned; plain order, no gradients */
    dms_tensor_file *file; /* owned: params is mapped from it; or NULL */
    dms_kept_store *store; /* owned: prepared weights, shared by the sessions;
                              safe from several threads */
};

/* A model without weights. The caller destroys it. */
dms_status dms_model_new(dms_model **out, dms_error *err);

/* Do both models make the same input of a photograph? */
bool dms_models_prepare_alike(const dms_model *a, const dms_model *b);

/* A table of the architecture's tensors, all zero; with gradients if training.
 * The caller destroys it. */
dms_status dms_model_new_params(dms_params **out, const dms_architecture *arch,
                                bool training, dms_error *err);

/* A table with the same values in training's order, with gradients. The caller
 * destroys it. */
dms_status dms_model_copy_for_training(dms_params **out, const dms_model *model,
                                       dms_error *err);

#endif
