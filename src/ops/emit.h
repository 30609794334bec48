/* The arguments of an op's emit, and helpers for several ops. Maps are
 * N x C x H x W in ONNX too, with N symbolic. An ONNX constant has the name of
 * its tensor. */
#ifndef DMS_OPS_EMIT_H
#define DMS_OPS_EMIT_H

#include "formats/onnx.h"
#include "graph/op.h"

enum { DMS_EMIT_NAME_MAX = 128 };

struct dms_emit {
    dms_onnx *onnx;
    const dms_node *node;
    const dms_params *params;       /* plain order */
    const char *x[DMS_NODE_INPUTS]; /* the inputs' names */
    const char *y;                  /* the output's */
    const char *name;               /* the node's, unique */
};

/* The name of the node's p-th parameter, which is added to the model as a
 * constant unless it already is one. */
const char *dms_emit_param(const dms_emit *e, int p);

/* The same in another shape with the same number of values. */
const char *dms_emit_param_as(const dms_emit *e, int p, int axes,
                              const int64_t *shape);

/* The node's first parameter, the weight of a convolution or a linear layer, in
 * a convolution's shape: O x I x kernel x kernel. */
const char *dms_emit_weight(const dms_emit *e);

/* A Conv node with the node's attributes; bias may be NULL. */
void dms_emit_conv(const dms_emit *e, const char *weight, const char *bias);

/* One ONNX node that reads the node's inputs in order and writes y. */
void dms_emit_op(const dms_emit *e, const char *op);

/* y = x rounded to 8-bit integers of that type times scale: QuantizeLinear and
 * DequantizeLinear. Signed integers are written as unsigned with zero point
 * 128, for which other programs have kernels. */
void dms_emit_rounding(const dms_emit *e, const char *x, const char *y,
                       dms_type type, float scale);

/* dms_op.emit of conv_fused (conv_fused_emit.c). */
void dms_emit_conv_fused(const dms_emit *e);

/* Write "<name>/<part>" for this node to text. Returns text. */
const char *dms_emit_name(char text[DMS_EMIT_NAME_MAX], const dms_emit *e,
                          const char *part);

/* y = R x C^T per image and channel: a linear map of the rows, then of the
 * columns. R is y's H x x's H, C is y's W x x's W; weight returns an element of
 * either: the share of input j in output i. */
void dms_emit_separable(const dms_emit *e,
                        float (*weight)(int64_t i, int64_t j, int64_t out,
                                        int64_t in));

/* Split x along N into count equal parts with these names. */
void dms_emit_split(const dms_emit *e, const char *x, const char *const *parts,
                    int count);

#endif
