/* The operations: one file each, forward and backward together.
 *
 * Constructors append a node to the graph and return it, or NULL if they fail
 * or an argument is NULL: see graph.h. Maps are N x C x H x W; name is the
 * parameters' prefix in the state_dict. */
#ifndef DMS_OPS_OPS_H
#define DMS_OPS_OPS_H

#include "graph/graph.h"

/* Shared by all ops of a run: oneDNN's engine and stream. */
typedef struct dms_backend dms_backend;
dms_status dms_backend_create(dms_backend **out, dms_error *err);
void dms_backend_destroy(dms_backend *backend);

/* Let fused convolutions use Winograd's algorithm: faster, more memory,
 * different rounding (docs/numerics.md). Call it before creating the run. */
void dms_backend_set_winograd(dms_backend *backend, bool winograd);

/* Does this CPU have instructions for the type? */
bool dms_backend_has_type(dms_type type);

/* Describe the backend: "oneDNN 2.6.3, 16 channels per block". Returns like
 * snprintf. */
int dms_backend_describe(char *text, size_t capacity);

/* Channels per block of DMS_LAYOUT_BLOCKED on this CPU: 16 or 8. */
int dms_backend_block(void);

/* The caller's N x C x H x W images, in NCHW. */
dms_node *dms_input(dms_graph *g, dms_shape shape);

/* Y = W * X, padding kernel/2, no bias (eq. 1 of docs/model.md). */
dms_node *dms_conv(dms_graph *g, dms_node *x, const char *name, int64_t out,
                   int kernel, int stride, int groups, dms_param_init init);

/* Over N, H, W per channel; statistics according to the graph's mode. */
dms_node *dms_batch_norm(dms_graph *g, dms_node *x, const char *name,
                         dms_param_init scale);

/* Over C per position, eps 1e-5. */
dms_node *dms_layer_norm(dms_graph *g, dms_node *x, const char *name);

/* y = W x + b at each position. */
dms_node *dms_linear(dms_graph *g, dms_node *x, const char *name, int64_t out);

dms_node *dms_relu(dms_graph *g, dms_node *x);
dms_node *dms_sigmoid(dms_graph *g, dms_node *x);
dms_node *dms_abs(dms_graph *g, dms_node *x);
dms_node *dms_add(dms_graph *g, dms_node *a, dms_node *b);
dms_node *dms_sub(dms_graph *g, dms_node *a, dms_node *b);

/* x * gate, where gate is N x C x H x W, N x C x 1 x 1 or N x 1 x H x W. */
dms_node *dms_mul(dms_graph *g, dms_node *x, dms_node *gate);

/* 3x3, stride 2, padding 1; of equal maxima, one gets the gradient. */
dms_node *dms_max_pool(dms_graph *g, dms_node *x);

/* torch's adaptive average pooling to bins x bins. */
dms_node *dms_adaptive_pool(dms_graph *g, dms_node *x, int bins);

/* Bilinear, half-pixel centres, edges clamped. */
dms_node *dms_upsample(dms_graph *g, dms_node *x, int64_t height,
                       int64_t width);

/* Over H and W: N x C x 1 x 1. Equal maxima share the gradient evenly. */
dms_node *dms_spatial_mean(dms_graph *g, dms_node *x);
dms_node *dms_spatial_max(dms_graph *g, dms_node *x);

/* Over C: N x 1 x H x W. */
dms_node *dms_channel_mean(dms_graph *g, dms_node *x);
dms_node *dms_channel_max(dms_graph *g, dms_node *x);

/* Where x responds: N x 1 x H x W, for each image its positions' mean over C of
 * x^2, divided by their Euclidean norm (Zagoruyko & Komodakis 2017). For
 * distillation; it has no form in ONNX. */
dms_node *dms_attention_map(dms_graph *g, dms_node *x);

/* Along C; 1 to DMS_NODE_INPUTS values of equal N, H, W. */
dms_node *dms_concat(dms_graph *g, dms_node *const *values, int count);

/* softmax(Q K^T / sqrt(D/heads)) V over the positions of each image. */
dms_node *dms_attention(dms_graph *g, dms_node *q, dms_node *k, dms_node *v,
                        int heads);

/* [left; right] becomes [right; left] along N. */
dms_node *dms_swap_halves(dms_graph *g, dms_node *x);

/* Images begin .. begin + count - 1. */
dms_node *dms_slice_batch(dms_graph *g, dms_node *x, int64_t begin,
                          int64_t count);

/* Set elements to zero with probability p and scale the rest by 1/(1-p).
 * Returns x itself if the graph's mode has no dropout or p = 0. */
dms_node *dms_dropout(dms_graph *g, dms_node *x, float probability);

/* Fold the norm into the weight and bias of a convolution with attr.norm:
 *   weight[o] = W[o] * k[o],  bias[o] = (b[o] - mean[o]) * k[o] + shift[o],
 *   k = scale / sqrt(variance + eps),  b = 0 if there is no bias.
 * Without attr.norm the result is W and b. weight: as many floats as W, plain
 * order; bias: O floats. */
void dms_fold_norm(float *weight, float *bias, const dms_node *conv,
                   const dms_params *params);

/* The same for a quantised weight and an integer input: unit[o] is the value of
 * 1 in the integer sum, bias[o] is in those units. O floats each. */
void dms_fold_units(float *unit, float *bias, const dms_node *conv,
                    const dms_params *params);

/* The gradient of a fused or separate relu: dx = dy where y > 0, else 0.
 * float32 or bfloat16; dx may be dy. */
void dms_relu_backward(void *dx, const void *dy, const void *y, size_t len,
                       dms_type type);

/* dms_op.flops of an op that uses every value of its first parameter once per
 * output position. */
double dms_weight_flops(const dms_node *node, const dms_params *params);

/* For the passes. */
extern const dms_op dms_op_add;
extern const dms_op dms_op_batch_norm;
extern const dms_op dms_op_conv;
extern const dms_op dms_op_conv_fused;
extern const dms_op dms_op_linear;
extern const dms_op dms_op_relu;
extern const dms_op dms_op_reorder;

#define DMS_BATCH_NORM_EPSILON 1e-5f

#endif
