/* What an op is: one file of src/ops, forward and backward together. */
#ifndef DMS_GRAPH_OP_H
#define DMS_GRAPH_OP_H

#include "graph/graph.h"

/* What a node needs beside its inputs and output; filled by prepare. Bytes. */
typedef struct dms_needs {
    size_t scratch; /* during one call; shared by all nodes */
    size_t saved;   /* from forward to backward */
    size_t kept;    /* for good: load writes it, forward only reads */
    /* What backward reads besides dy, so that all else can be let go: at first
     * as the op says. Prepare may know that this node reads less. */
    bool x, y;
    uint64_t form; /* digest of the order of what is kept; see kept.h */
} dms_needs;

/* A node at work. Pointers are fixed once the memory is planned; a value's
 * floats lie as its node's layout says. dx[i], dw[i] are NULL where nobody
 * wants them; backward overwrites those it is given. */
typedef struct dms_job {
    const dms_node *node;
    const dms_params *params;
    void *backend; /* what the ops share: oneDNN's engine and stream */
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
    uint64_t seed; /* of this step: dropout */
    dms_run_mode mode;
    bool backward;        /* will be called */
    bool wants_dw;        /* and for dw too */
    bool weights_changed; /* since the last forward */
    float heaviest; /* |weight| of those that load has brought into kept */
    bool again;     /* forward runs once more, for backward: statistics stay */
} dms_job;

/* A node being written out for another program (ops/emit.h). */
typedef struct dms_emit dms_emit;

struct dms_op {
    const char *name;
    bool reads_x;           /* backward reads its inputs, */
    bool reads_y;           /* its output, */
    bool reads_y_with_relu; /* its output where a relu was fused in */
    bool any_layout;        /* works in its first input's layout; else NHWC */
    bool any_type;          /* and in its type; else float32 */
    bool typed;             /* works in attr.type */
    bool bounded;    /* its output stays within the range of its inputs */
    bool hands_on;   /* its inputs' gradients may be its own, in place: dx[k] ==
                        dy */
    bool fuses_relu; /* honours attr.relu */
    bool fuses_sum;  /* honours attr.norm and attr.sum */
    const dms_op *fused; /* the op that does the same without a backward and may
                            have a norm, a sum and a relu in it; or NULL */
    /* Make primitives; say what is needed. NULL: nothing to do. */
    dms_status (*prepare)(dms_job *job, dms_needs *needs, dms_error *err);
    /* Bring the parameters as they are now into kept; before the first forward
     * and after they were changed. NULL: nothing to do. */
    dms_status (*load)(dms_job *job, dms_error *err);
    dms_status (*forward)(dms_job *job, dms_error *err);
    /* NULL: no gradient passes. */
    dms_status (*backward)(dms_job *job, dms_error *err);
    void (*release)(void *state);
    /* Multiplications and additions of one forward, padding counted as any
     * other value. NULL: too few to count. */
    double (*flops)(const dms_node *node, const dms_params *params);
    /* Append what the op is in ONNX. NULL: it is none there. */
    void (*emit)(const dms_emit *e);
};

#endif
