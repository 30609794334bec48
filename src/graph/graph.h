/* The static graph: one description of the network, read by many.
 *
 * Nodes are added in the order in which they run. Every value is a map
 * N x C x H x W; a vector is N x C x 1 x 1, a token sequence is a map
 * whose positions are the tokens. A node makes one value. Constructors hand
 * NULL along and the graph keeps the first failure: check once, at the end.
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

/* How a value's floats lie in memory. */
typedef enum dms_layout {
    DMS_LAYOUT_NCHW,   /* rows of one channel together: images */
    DMS_LAYOUT_NHWC,   /* channels of one position together */
    DMS_LAYOUT_BLOCKED /* nChw16c (nChw8c without AVX-512); C divides */
} dms_layout;

/* How one number of a value is stored. Parameters, gradients and reductions
 * are float32 throughout. An integer stands for itself times the value's
 * scale. */
typedef enum dms_type {
    DMS_TYPE_F32,
    DMS_TYPE_BF16,
    DMS_TYPE_U8,
    DMS_TYPE_S8
} dms_type;

size_t dms_type_size(dms_type type); /* bytes */
bool dms_type_is_integer(dms_type type);

/* An op's constants; each op reads those that it names in its file. */
typedef struct dms_attr {
    int kernel, stride, groups; /* conv, max_pool */
    int heads;                  /* attention */
    int begin;                  /* slice_batch: first image */
    float probability;          /* dropout */
    bool relu;                  /* batch_norm, add: max(0, .) follows inside */
    bool bias;                  /* linear: the second parameter */
    bool norm; /* conv_fused: a batch norm by running statistics is folded in;
                  its parameters come last */
    bool sum;  /* conv_fused: its last input is added to what it makes */
    bool quantised; /* conv_fused: multiplies 8-bit integers */
    dms_type type;  /* conv, conv_fused: of input and output, where those are no
                       integers */
    dms_statistics statistics; /* batch_norm */
} dms_attr;

typedef struct dms_op dms_op;
typedef struct dms_node dms_node;

struct dms_node {
    const dms_op *op;
    size_t index; /* place in the graph's order */
    dms_node *in[DMS_NODE_INPUTS];
    int in_count;
    size_t param[DMS_NODE_PARAMS]; /* indices into the parameter table */
    int param_count;
    const char *part;    /* of the network, for profiles; static text or NULL */
    const char *watched; /* its name where a run that watches looks whether its
                            value is finite; static text or NULL */
    dms_attr attr;
    dms_shape shape;
    dms_layout layout;
    dms_type type;
    dms_type narrow; /* U8 or S8: some reader wants it so; F32: none does */
    float scale;     /* of narrow: what an integer of 1 stands for */
    bool wanted;     /* see dms_graph_want_gradient */
    bool needs_grad; /* a trained parameter lies at or before this node, or a
                        wanted one is it or lies before it */
    int segment;     /* that it belongs to: see dms_graph.recompute; 0: none */
};

typedef struct dms_graph {
    dms_node **nodes; /* owned */
    size_t count;
    size_t capacity;
    dms_params *params; /* borrowed */
    dms_run_mode mode;
    const char *part;      /* that nodes added now belong to */
    int segment;           /* that nodes added now belong to */
    bool recompute;        /* values read within their segment only are made
                              again for backward instead of kept */
    dms_layout map_layout; /* of feature maps: BLOCKED or NHWC */
    int block;             /* channels in a block: 16 or 8 */
    dms_error error;       /* the first failure of a constructor */
} dms_graph;

dms_graph *dms_graph_create(dms_params *params, dms_run_mode mode);
void dms_graph_destroy(dms_graph *graph);

/* What a constructor says of its new node. */
typedef struct dms_node_spec {
    const dms_op *op;
    dms_node *in[DMS_NODE_INPUTS]; /* any NULL among in_count: gives NULL */
    int in_count;
    dms_shape shape;
    dms_attr attr;
} dms_node_spec;

/* Append a node; NULL (and graph->error) on failure. */
dms_node *dms_graph_add(dms_graph *graph, const dms_node_spec *spec);

/* Append a node of one input and that input's shape. */
dms_node *dms_graph_map(dms_graph *graph, const dms_op *op, dms_node *x);

/* Declare "<name>.<suffix>" and give it to the node as its next parameter.
 * Does nothing when node is NULL; on failure graph->error is set. */
void dms_graph_param(dms_graph *graph, dms_node *node, const char *name,
                     const char *suffix, const dms_param *spec);

/* Choose a node whose gradient the caller reads after backward
 * (dms_run_gradient), in a mode that has gradients. Before any pass: none
 * removes the node or changes what it means. */
void dms_graph_want_gradient(dms_graph *graph, dms_node *node);

/* Is the gradient of node's p-th parameter written? */
bool dms_node_trains(const dms_graph *graph, const dms_node *node, int p);

/* Does anybody at or before node ask for a gradient that its backward would
 * make? */
bool dms_node_goes_back(const dms_graph *graph, const dms_node *node);

/* Sticky failure: keeps the first; returns NULL for the constructor. */
dms_node *dms_graph_fail(dms_graph *graph, dms_status status,
                         const char *format, ...)
    __attribute__((format(printf, 3, 4)));

size_t dms_shape_len(const dms_shape *shape);

/* passes.c: rewrites of a finished graph, each leaving it valid. */

/* Every node whose op has a `fused` form and that no gradient passes becomes
 * that one, and a batch norm by running statistics behind it one with it. Not
 * where the parameters are trained: they lie in another order. */
void dms_pass_fold_norm(dms_graph *graph, const dms_op *norm);

/* relu(x) becomes one node with x where x's op can do that and nobody else
 * reads x. */
void dms_pass_fuse_relu(dms_graph *graph, const dms_op *relu);

/* After those: add(x, y), where the later of the two can take a sum and nobody
 * else reads it, becomes one node with it, which the other is added to. */
void dms_pass_fuse_add(dms_graph *graph, const dms_op *add);

/* Nodes of op up to `last` that fill whole blocks (dms_node_fills_blocks) work
 * in that type, and what lies between them is of it. last: NULL for
 * all. */
void dms_pass_type(dms_graph *graph, const dms_op *op, const dms_node *last,
                   dms_type type);

/* Without gradients, after those: convolutions whose weight is quantised and
 * whose input has a scale multiply integers; what they read is wanted as such.
 */
void dms_pass_narrow(dms_graph *graph);

/* Does node make a map whose channels fill whole blocks, each of all of its
 * input? Only there is a narrower type worth its reorders. */
bool dms_node_fills_blocks(const dms_graph *graph, const dms_node *node);

/* Can node multiply integers: is it a convolution, after those passes, that is
 * worth it and reads what convolutions made, whose range calibration can tell?
 * Who quantises asks this, and who runs what was quantised. */
bool dms_node_can_be_integer(const dms_graph *graph, const dms_node *node);

/* After that pass: does node itself make integers? A sum only of integers. */
bool dms_node_makes_integers(const dms_node *node);

/* Last: give every value a layout and a type; where a reader needs others, a
 * node of op `reorder` is put between, once for all readers. */
dms_status dms_pass_layout(dms_graph *graph, const dms_op *reorder,
                           dms_error *err);

#endif
