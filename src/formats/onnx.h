/* Writing an ONNX model (https://onnx.ai, IR 8, opset 17): a graph of nodes
 * over named values. Texts are copied. The building calls return nothing; the
 * model remembers that memory ran out, and dms_onnx_write reports it. */
#ifndef DMS_FORMATS_ONNX_H
#define DMS_FORMATS_ONNX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

enum { DMS_ONNX_OPSET = 17, DMS_ONNX_INPUTS = 8, DMS_ONNX_OUTPUTS = 4 };

/* A dimension left open: the number of patients, "N". */
enum { DMS_ONNX_OPEN = -1 };

typedef enum dms_onnx_type {
    DMS_ONNX_F32,
    DMS_ONNX_U8,
    DMS_ONNX_I8,
    DMS_ONNX_I32,
    DMS_ONNX_I64
} dms_onnx_type;

typedef struct dms_onnx dms_onnx;

/* NULL if memory runs out. */
dms_onnx *dms_onnx_create(const char *graph_name);
void dms_onnx_destroy(dms_onnx *onnx);

/* A graph input or output. */
typedef struct dms_onnx_value {
    const char *name;
    dms_onnx_type type;
    int axes;
    int64_t shape[4];
} dms_onnx_value;
void dms_onnx_input(dms_onnx *onnx, const dms_onnx_value *value);
void dms_onnx_output(dms_onnx *onnx, const dms_onnx_value *value);

/* A node to append; the first NULL ends each list. */
typedef struct dms_onnx_node {
    const char *op; /* "Conv" */
    const char *name;
    const char *inputs[DMS_ONNX_INPUTS + 1];
    const char *outputs[DMS_ONNX_OUTPUTS + 1];
} dms_onnx_node;
void dms_onnx_add(dms_onnx *onnx, const dms_onnx_node *node);

/* Attributes of the last appended node. */
void dms_onnx_int(dms_onnx *onnx, const char *name, int64_t value);
void dms_onnx_ints(dms_onnx *onnx, const char *name, const int64_t *values,
                   size_t count);
void dms_onnx_float(dms_onnx *onnx, const char *name, float value);

/* A constant tensor (initializer). */
typedef struct dms_onnx_tensor {
    const char *name;
    dms_onnx_type type;
    int axes;
    int64_t shape[4];
} dms_onnx_tensor;

bool dms_onnx_has_tensor(const dms_onnx *onnx, const char *name);

/* Add a tensor that borrows data, which must outlive the model. */
void dms_onnx_borrow(dms_onnx *onnx, const dms_onnx_tensor *tensor,
                     const void *data);
/* Add a tensor and return its zeroed values for the caller to fill; the model
 * owns them. NULL if memory runs out. */
void *dms_onnx_take(dms_onnx *onnx, const dms_onnx_tensor *tensor);
/* Add int64 values along one axis: a shape, which some nodes read. */
void dms_onnx_shape(dms_onnx *onnx, const char *name, const int64_t *values,
                    size_t count);

/* Add a text to the model's metadata_props. */
void dms_onnx_metadata(dms_onnx *onnx, const char *key, const char *value);

/* Write the file completely or not at all. DMS_ELIMIT at 2 GiB, protobuf's
 * limit. */
dms_status dms_onnx_write(dms_onnx *onnx, const char *path, dms_error *err);

#endif
