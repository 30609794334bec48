/* The static graph: the one description of the network for all its readers.
 *
 * Nodes are added in the order in which they run. Every value is a map
 * N x C x H x W; a vector is N x C x 1 x 1, and a token sequence is a map
 * whose positions are the tokens. Each node produces one value. Constructors
 * pass NULL on and the graph keeps the first failure: check once, at the end.
 *
 *     images ─ conv ─ batch_norm ─ relu ─ ... ─ linear ─ logits
 */
#ifndef DMS_GRAPH_GRAPH_H
#define DMS_GRAPH_GRAPH_H

#include "graph/params.h"
#include "graph/run_mode.h"

enum { DMS_NODE_INPUTS = 5, DMS_NODE_PARAMS = 6 };

typedef struct dms_shape {
    int64_t n, c, h, w;
} dms_shape;

/* The memory layout of a value. */
typedef enum dms_layout {
    DMS_LAYOUT_NCHW,   /* each channel contiguous: images */
    DMS_LAYOUT_NHWC,   /* the channels of a position contiguous */
    DMS_LAYOUT_BLOCKED /* nChw16c (nChw8c without AVX-512); C is a multiple */
} dms_layout;

/* The number type of a value. Parameters, gradients and reductions are always
 * float32. An integer stands for itself times the value's scale. */
typedef enum dms_type {
    DMS_TYPE_F32,
    DMS_TYPE_BF16,
    DMS_TYPE_U8,
    DMS_TYPE_S8
} dms_type;

size_t dms_type_size(dms_type type); /* bytes */
bool dms_type_is_integer(dms_type type);

/* An op's constants; each op's file names those that it reads. */
typedef struct dms_attr {
    int kernel, stride, groups; /* conv, max_pool */
    int heads;                  /* attention */
    int begin;                  /* slice_batch: first image */
    float probability;          /* dropout */
    bool relu;                  /* batch_norm, add: ends with max(0, .) */
    bool bias;                  /* linear: the second parameter */
    bool norm; /* conv_fused: a batch norm with running statistics is folded
                  in; its parameters come last */
    bool sum;  /* conv_fused: adds its last input to its result */
    bool quantised; /* conv_fused: multiplies 8-bit integers */
    dms_type type;  /* conv, conv_fused: of input and output, unless those are
                       integers */
    dms_statistics statistics; /* batch_norm */
} dms_attr;

typedef struct dms_op dms_op;
typedef struct dms_node dms_node;

struct dms_node {
    const dms_op *op;
    size_t index; /* position in graph->nodes */
    dms_node *in[DMS_NODE_INPUTS];
    int in_count;
    size_t param[DMS_NODE_PARAMS]; /* indices into the parameter table */
    int param_count;
    const char *part;    /* of the network, for profiles; static text or NULL */
    const char *watched; /* its name, if a watching run checks that its value
                            is finite; static text or NULL */
    dms_attr attr;
    dms_shape shape;
    dms_layout layout;
    dms_type type;
    dms_type narrow; /* U8 or S8: some reader wants this type; F32: none does */
    float scale;     /* with narrow: the value of integer 1 */
    bool wanted;     /* see dms_graph_want_gradient */
    bool needs_grad; /* this node or one before it has a trained parameter or
                        is wanted */
    int segment;     /* its segment, see dms_graph.recompute; 0: none */
};

typedef struct dms_graph {
    dms_node **nodes; /* owned */
    size_t count;
    size_t capacity;
    dms_params *params; /* borrowed */
    dms_run_mode mode;
    const char *part;      /* given to nodes added now */
    int segment;           /* given to nodes added now */
    bool recompute;        /* values read only within their segment are
                              recomputed for backward instead of kept */
    dms_layout map_layout; /* of feature maps: BLOCKED or NHWC */
    int block;             /* channels per block: 16 or 8 */
    dms_error error;       /* the first failure of a constructor */
} dms_graph;

dms_graph *dms_graph_create(dms_params *params, dms_run_mode mode);
void dms_graph_destroy(dms_graph *graph);

/* How a constructor describes its new node. */
typedef struct dms_node_spec {
    const dms_op *op;
    dms_node *in[DMS_NODE_INPUTS]; /* if any of in_count is NULL, so is the
                                      new node */
    int in_count;
    dms_shape shape;
    dms_attr attr;
} dms_node_spec;

/* Append a node; on failure returns NULL and sets graph->error. */
dms_node *dms_graph_add(dms_graph *graph, const dms_node_spec *spec);

/* Append a node with one input whose shape equals that input's. */
dms_node *dms_graph_map(dms_graph *graph, const dms_op *op, dms_node *x);

/* Declare "<name>.<suffix>" and make it the node's next parameter. Does nothing
 * if node is NULL; on failure graph->error is set. */
void dms_graph_param(dms_graph *graph, dms_node *node, const char *name,
                     const char *suffix, const dms_param *spec);

/* Choose a node whose gradient the caller reads after backward
 * (dms_run_gradient), in a mode with gradients. Call it before any pass; no
 * pass then removes the node or changes its value. */
void dms_graph_want_gradient(dms_graph *graph, dms_node *node);

/* Is the gradient of node's p-th parameter written? */
bool dms_node_trains(const dms_graph *graph, const dms_node *node, int p);

/* Does node's backward run: does the graph's mode ask for a gradient at or
 * before node? */
bool dms_node_goes_back(const dms_graph *graph, const dms_node *node);

/* Record a failure unless one is recorded; returns NULL for the constructor. */
dms_node *dms_graph_fail(dms_graph *graph, dms_status status,
                         const char *format, ...)
    __attribute__((format(printf, 3, 4)));

size_t dms_shape_len(const dms_shape *shape);

/* passes.c: rewrites of a finished graph; each leaves it valid. They run in
 * this order. */

/* Replace each node that no gradient passes by its op's `fused` form, if there
 * is one, and fold a following batch norm with running statistics into it. Not
 * if the parameters are trained: those lie in another order. */
void dms_pass_fold_norm(dms_graph *graph, const dms_op *norm);

/* Fuse relu(x) into x if x's op can do that and x has no other reader. */
void dms_pass_fuse_relu(dms_graph *graph, const dms_op *relu);

/* Fuse add(x, y) into the later of x and y, which then adds the other one, if
 * its op can do that and it has no other reader. */
void dms_pass_fuse_add(dms_graph *graph, const dms_op *add);

/* Let nodes of op up to `last` (NULL: all) that fill whole blocks
 * (dms_node_fills_blocks) work in `type`; values between them have that type.
 */
void dms_pass_type(dms_graph *graph, const dms_op *op, const dms_node *last,
                   dms_type type);

/* Without gradients: let convolutions with a quantised weight multiply integers
 * if their input has a scale, and mark that input as wanted in integers. */
void dms_pass_narrow(dms_graph *graph);

/* Does node produce a map (not a vector) whose channels fill whole blocks,
 * with one group? Only there does a narrower type pay for its reorders. */
bool dms_node_fills_blocks(const dms_graph *graph, const dms_node *node);

/* Can node multiply integers? After the passes above: it is a fused
 * convolution that fills whole blocks, and its input comes from convolutions,
 * whose ranges calibration records. Used both to quantise and to run. */
bool dms_node_can_be_integer(const dms_graph *graph, const dms_node *node);

/* After dms_pass_narrow: does node itself produce integers? A sum does only if
 * its terms are integers. */
bool dms_node_makes_integers(const dms_node *node);

/* Give every value a layout and a type. Where a reader needs another form,
 * insert a node of op `reorder`, one for all readers that need it. */
dms_status dms_pass_layout(dms_graph *graph, const dms_op *reorder,
                           dms_error *err);

#endif
