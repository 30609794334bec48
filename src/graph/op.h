/* An op: one file in src/ops, forward and backward together. */
#ifndef DMS_GRAPH_OP_H
#define DMS_GRAPH_OP_H

#include "graph/graph.h"

/* What a node needs besides its inputs and output, in bytes; filled in by
 * prepare. */
typedef struct dms_needs {
    size_t scratch; /* during one call; shared by all nodes */
    size_t saved;   /* from forward to backward */
    size_t kept;    /* for the run's life: load writes it, forward reads it */
    /* What backward reads besides dy; all else is freed after forward.
     * Initially the op's own flags; prepare may clear them for this node. */
    bool x, y;
    uint64_t form; /* digest of the kept bytes' order; see kept.h */
} dms_needs;

/* One node's arguments for its op. Pointers are fixed once the memory is
 * planned; a value has its node's layout and type. dx[i] and dw[i] are NULL
 * where no gradient is wanted; backward overwrites the others. */
typedef struct dms_job {
    const dms_node *node;
    const dms_params *params;
    void *backend; /* shared by the ops: oneDNN's engine and stream */
    void *state;   /* the op's own, made by prepare */
    const void *x[DMS_NODE_INPUTS];
    void *y;
    void *dx[DMS_NODE_INPUTS];
    const void *dy;
    const float *w[DMS_NODE_PARAMS];
    float *dw[DMS_NODE_PARAMS];
    void *scratch;
    void *saved;
    void *kept;
    uint64_t seed; /* of this step, for dropout */
    dms_run_mode mode;
    bool backward;        /* backward will be called */
    bool wants_dw;        /* and has to write dw */
    bool weights_changed; /* since the last forward */
    float heaviest;       /* the largest |weight| that load has put into kept */
    bool again;           /* forward recomputes for backward: statistics stay */
} dms_job;

/* A node being written out for another program (ops/emit.h). */
typedef struct dms_emit dms_emit;

struct dms_op {
    const char *name;
    bool reads_x;           /* backward reads the inputs */
    bool reads_y;           /* backward reads the output */
    bool reads_y_with_relu; /* the same, only if a relu is fused in */
    bool any_layout;        /* works in its first input's layout; else NHWC */
    bool any_type;          /* works in its first input's type; else float32 */
    bool typed;             /* works in attr.type */
    bool bounded;    /* its output stays within the range of its inputs */
    bool hands_on;   /* passes its gradient on unchanged: dx[k] may be dy, in
                        place */
    bool fuses_relu; /* supports attr.relu */
    bool fuses_sum;  /* supports attr.norm and attr.sum */
    const dms_op *fused; /* the same op without a backward, which can contain
                            a norm, a sum and a relu; or NULL */
    /* Create primitives and report what the node needs. NULL: nothing to do. */
    dms_status (*prepare)(dms_job *job, dms_needs *needs, dms_error *err);
    /* Write the current parameters into kept, before the first forward and
     * after each change. NULL: nothing to do. */
    dms_status (*load)(dms_job *job, dms_error *err);
    dms_status (*forward)(dms_job *job, dms_error *err);
    /* NULL: no gradient passes the op. */
    dms_status (*backward)(dms_job *job, dms_error *err);
    void (*release)(void *state);
    /* Multiplications and additions of one forward; padding counts like any
     * other value. NULL: negligible. */
    double (*flops)(const dms_node *node, const dms_params *params);
    /* Append the op's ONNX nodes. NULL: it has none. */
    void (*emit)(const dms_emit *e);
};

#endif
