/* What a run consists of: shared by run.c, which runs it, and run_plan.c, which
 * lays it out. */
#ifndef DMS_GRAPH_RUN_PARTS_H
#define DMS_GRAPH_RUN_PARTS_H

#include "graph/op.h"
#include "graph/plan.h"
#include "graph/run.h"

/* A node's buffers, by their number in the plan. */
enum { VALUE, GRADIENT, SAVED, BUFFER_KINDS };

typedef struct node_run {
    dms_job job;
    bool is_output;
    size_t kept_at; /* place in the run's `kept` */
    /* The node whose buffer holds this one's value: itself, or, for a sum made
     * in place of what is added, that one's. */
    const dms_node *home;
    /* The same of its gradient: itself, or a node that hands its own gradient
     * on as it is; NULL: none is wanted. */
    const dms_node *gradient_home;
    /* A value with several readers gets their gradients added: the reader
     * that runs backward first writes, each later one writes to a spare
     * buffer that is then added. */
    bool add_dx[DMS_NODE_INPUTS];
    size_t spare[DMS_NODE_INPUTS]; /* plan number of that buffer */
    bool add_dw[DMS_NODE_PARAMS];
    size_t spare_dw[DMS_NODE_PARAMS]; /* place in the run's spare_dw */
} node_run;

struct dms_run {
    const dms_graph *graph;
    node_run *nodes;
    dms_buffer *buffers; /* BUFFER_KINDS a node, then the spare ones */
    size_t buffer_count;
    size_t buffer_capacity;
    unsigned char *arena;
    size_t arena_size;
    unsigned char *scratch;
    size_t scratch_size;
    unsigned char *kept;
    size_t kept_size;
    double *forward_s, *backward_s; /* borrowed: see dms_run_profile */
    float *spare_dw; /* gradients of one node that have to be added */
    size_t spare_dw_len;
};

/* Does the node pass gradients on in this graph? */
bool dms_run_goes_back(const dms_graph *graph, const dms_node *node);

/* Every buffer's size and life, which gradients are added, where parameters
 * and their gradients lie. The nodes are prepared: SAVED is known. */
dms_status dms_run_plan(dms_run *run, dms_error *err);

#endif
