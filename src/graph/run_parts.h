/* What a run consists of: shared by run.c, which runs it, and run_plan.c, which
 * lays it out; run_schedule.c says when what is done. */
#ifndef DMS_GRAPH_RUN_PARTS_H
#define DMS_GRAPH_RUN_PARTS_H

#include "graph/kept.h"
#include "graph/op.h"
#include "graph/plan.h"
#include "graph/run.h"

/* A trained net's weights, norms folded in, are far below. */
#define DMS_RUN_HEAVY 0x1p16f

/* A node's buffers, by their number in the plan. The last two are those of a
 * node that runs again: what it makes then has a life of its own. */
enum { VALUE, GRADIENT, SAVED, VALUE_AGAIN, SAVED_AGAIN, BUFFER_KINDS };

/* What is done in one step, the unit of time. */
typedef enum run_phase { FORWARD, AGAIN, BACKWARD } run_phase;

typedef struct run_step {
    size_t node; /* its index */
    run_phase phase;
} run_step;

typedef struct node_run {
    dms_job job;  /* of forward */
    dms_job back; /* of running again and of backward */
    bool is_output;
    bool reads_x, reads_y;     /* backward does: see dms_needs */
    bool again;                /* runs forward again before its backward */
    size_t step[BACKWARD + 1]; /* when each is done; AGAIN: only where it is */
    size_t kept_at;            /* place in the run's kept block */
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
    run_step *steps; /* one forward a node in order, then the way back */
    size_t step_count;
    dms_buffer *buffers; /* BUFFER_KINDS a node, then the spare ones */
    size_t buffer_count;
    size_t buffer_capacity;
    unsigned char *arena;
    size_t arena_size;
    unsigned char *scratch;
    size_t scratch_size;
    dms_kept *kept; /* parameters in the order of the kernels */
    bool loaded;    /* it holds them as they are */
    size_t kept_size;
    uint64_t kept_form;
    double *forward_s, *backward_s; /* borrowed: see dms_run_profile */
    dms_observer *observer;         /* see dms_run_observe */
    void *observer_user;
    const dms_node **flaws; /* of each image; NULL: not watched (run_watch.c) */
    size_t images;          /* of the graph's largest batch */
    bool careful, loud;     /* every node is watched: the weights are enormous;
                               values of this forward are */
    float *spare_dw;        /* gradients of one node that have to be added */
    size_t spare_dw_len;
};

/* run_schedule.c: which nodes run backward, those on a way from an output to a
 * gradient that somebody wants, and which of them for their parameters.
 * is_output is known. */
void dms_run_choose_backward(dms_run *run);

/* run_watch.c: before and after a forward's nodes. */
void dms_run_watch_begin(dms_run *run);
void dms_run_watch_node(dms_run *run, const dms_job *job);

/* run_schedule.c: which nodes run again, and the steps of all. The nodes are
 * prepared; steps has room for three a node. */
void dms_run_schedule(dms_run *run);

/* Every buffer's size and life, which gradients are added, where parameters
 * and their gradients lie. The nodes are prepared, so SAVED is known, and
 * scheduled. */
dms_status dms_run_plan(dms_run *run, dms_error *err);

#endif
