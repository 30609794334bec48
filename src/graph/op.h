/* What an op is: one file of src/ops, forward and backward together. */
#ifndef DMS_GRAPH_OP_H
#define DMS_GRAPH_OP_H

#include "graph/graph.h"

/* What backward reads besides dy, so that all else can be let go. */
enum {
    DMS_READS_X = 1,           /* its inputs */
    DMS_READS_Y = 2,           /* its output */
    DMS_READS_Y_WITH_RELU = 4, /* its output, where a relu was fused in */
};

/* What a node needs beside its values; filled by prepare. Bytes. */
typedef struct dms_needs {
    size_t scratch; /* during one call; shared by all nodes */
    size_t saved;   /* from forward to backward */
    size_t kept;    /* for good: load writes it, forward only reads */
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
    bool training;
    bool weights_changed; /* since the last forward */
    float heaviest; /* |weight| of those that load has brought into kept */
    bool again;     /* forward runs once more, for backward: statistics stay */
} dms_job;

/* A node being written out for another program (ops/emit.h). */
typedef struct dms_emit dms_emit;

struct dms_op {
    const char *name;
    unsigned reads;  /* DMS_READS_... */
    bool any_layout; /* works in its first input's layout; else NHWC */
    bool any_type;   /* and in its type; else float32 */
    bool typed;      /* works in attr.type */
    bool bounded;    /* its output stays within the range of its inputs */
    bool hands_on;   /* its inputs' gradients may be its own, in place: dx[k] ==
                        dy */
    bool fuses_relu; /* honours attr.relu */
    bool fuses_sum;  /* honours attr.norm and attr.sum */
    const dms_op *fused; /* the op that does the same in inference and may have
                            a norm, a sum and a relu in it; or NULL */
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
