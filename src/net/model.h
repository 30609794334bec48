/* What the api's files share of a model. */
#ifndef DMS_NET_MODEL_H
#define DMS_NET_MODEL_H

#include "dms/model.h"
#include "formats/tensor_file.h"
#include "graph/params.h"
#include "net/model_file.h"

struct dms_model {
    dms_model_config config;
    dms_params *params;    /* owned; plain order, no gradients */
    dms_tensor_file *file; /* owned: what params is mapped from, or NULL */
};

/* A table of the architecture's tensors, all zero; with gradients when
 * training. The caller destroys it. */
dms_status dms_model_new_params(dms_params **out, const dms_architecture *arch,
                                bool training, dms_error *err);

/* A table of the same values in the order that training wants, with
 * gradients. The caller destroys it. */
dms_status dms_model_copy_for_training(dms_params **out, const dms_model *model,
                                       dms_error *err);

#endif
