/* The parameter table, or a part of it, as a safetensors file under the
 * state_dict's names. */
#ifndef DMS_NET_WEIGHTS_FILE_H
#define DMS_NET_WEIGHTS_FILE_H

#include "formats/safetensors.h"
#include "graph/params.h"

typedef struct dms_weights_out {
    dms_dtype dtype;    /* F32, F16 or BF16; batch counts are I64 */
    const char *prefix; /* only tensors so named, written without it; "": all */
    bool integers; /* quantised weights as they are, I8, and the scales, F32;
                      else as any other weight, without scales */
    const dms_metadata *metadata;
    size_t metadata_count;
} dms_weights_out;

/* value: params->total floats in the table's order, such as an average; NULL:
 * the table's own (batch counts are always). Atomic; gives the same bytes for
 * the same input. DMS_EINVAL names a value that the type cannot
 * hold. */
dms_status dms_weights_write(const char *path, const dms_params *params,
                             const float *value, const dms_weights_out *out,
                             dms_error *err);

/* One tensor of a file into its place in the table. name, of the file, is for
 * messages. DMS_EMISMATCH: another shape, or integers for a weight;
 * DMS_EFORMAT: a value that is not finite, or no count. scratch: param->len
 * floats. */
dms_status dms_weights_read_one(dms_params *params, const dms_param *param,
                                const dms_tensor_view *view, const char *name,
                                float *scratch, dms_error *err);

/* DMS_EFORMAT for values (len, row-major) that a tensor may not hold: one that
 * is not finite, a variance below 0. tensor and name, of its file, are for the
 * message. */
dms_status dms_weights_check_values(const dms_param *param, const float *values,
                                    const char *tensor, const char *name,
                                    dms_error *err);

/* Let the tensor be read where it lies in the file, which then must stay open
 * as long as the table: false, and nothing done, unless it is dense, aligned
 * float32 of the right shape in plain order. */
bool dms_weights_map_one(dms_param *param, const dms_tensor_view *view);

/* The same of a quantised weight, dense I8; and give it the row of its scales.
 * *taken is false, and nothing done, where view is no such thing. */
dms_status dms_weights_map_integers(bool *taken, dms_params *params, size_t i,
                                    const dms_tensor_view *view,
                                    dms_error *err);

bool dms_weights_same_shape(const dms_param *param,
                            const dms_tensor_view *view);

#endif
