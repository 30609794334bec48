/* The parameter table, or a part of it, as a safetensors file with the
 * state_dict's names. */
#ifndef DMS_NET_WEIGHTS_FILE_H
#define DMS_NET_WEIGHTS_FILE_H

#include "formats/safetensors.h"
#include "graph/params.h"

typedef struct dms_weights_out {
    dms_dtype dtype;    /* F32, F16 or BF16; batch counts are I64 */
    const char *prefix; /* of the tensors to write, removed from their names;
                           "": all */
    bool integers; /* true: quantised weights as I8 with their scales as F32;
                      false: like any other weight, without scales */
    const dms_metadata *metadata;
    size_t metadata_count;
} dms_weights_out;

/* value: params->total floats in the table's order, such as an average; NULL:
 * the table's values (batch counts always are). Atomic; the same input gives
 * the same bytes. DMS_EINVAL: a value is out of range for the type. */
dms_status dms_weights_write(const char *path, const dms_params *params,
                             const float *value, const dms_weights_out *out,
                             dms_error *err);

/* Read one tensor of a file into its place in the table. name: the file's, for
 * messages; scratch: param->len floats. DMS_EMISMATCH: another shape, or
 * integers for a weight; DMS_EFORMAT: a value is not finite, or not a count. */
dms_status dms_weights_read_one(dms_params *params, const dms_param *param,
                                const dms_tensor_view *view, const char *name,
                                float *scratch, dms_error *err);

/* DMS_EFORMAT if one of the len row-major values is invalid for the tensor: not
 * finite, or a variance below 0. tensor and name, of its file, are for the
 * message. */
dms_status dms_weights_check_values(const dms_param *param, const float *values,
                                    const char *tensor, const char *name,
                                    dms_error *err);

/* Use the tensor's bytes in the file directly; the file must then stay open as
 * long as the table. false, with nothing done, unless it is dense, aligned
 * float32 of the right shape in plain order. */
bool dms_weights_map_one(dms_param *param, const dms_tensor_view *view);

/* The same for a quantised weight, dense I8, whose row of scales is also
 * declared. *taken is false, with nothing done, if view is not dense I8. */
dms_status dms_weights_map_integers(bool *taken, dms_params *params, size_t i,
                                    const dms_tensor_view *view,
                                    dms_error *err);

bool dms_weights_same_shape(const dms_param *param,
                            const dms_tensor_view *view);

#endif
