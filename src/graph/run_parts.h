/* The inside of a run, shared by run.c, which runs it, run_plan.c, which plans
 * its memory, and run_schedule.c, which plans its steps. */
#ifndef DMS_GRAPH_RUN_PARTS_H
#define DMS_GRAPH_RUN_PARTS_H

#include "graph/kept.h"
#include "graph/op.h"
#include "graph/plan.h"
#include "graph/run.h"

/* The weights of a trained net, with norms folded in, are far below this. */
#define DMS_RUN_HEAVY 0x1p16f

/* A node's buffers, in the order of the plan. The last two belong to a node
 * that is recomputed: its second result has a lifetime of its own. */
enum { VALUE, GRADIENT, SAVED, VALUE_AGAIN, SAVED_AGAIN, BUFFER_KINDS };

/* What is done in one step, the unit of time. */
typedef enum run_phase { FORWARD, AGAIN, BACKWARD } run_phase;

typedef struct run_step {
    size_t node; /* index of the node */
    run_phase phase;
} run_step;

typedef struct node_run {
    dms_job job;  /* for forward */
    dms_job back; /* for recomputation and backward */
    bool is_output;
    bool reads_x, reads_y;     /* backward reads them: see dms_needs */
    bool again;                /* is recomputed before its backward */
    size_t step[BACKWARD + 1]; /* of each phase; AGAIN only if `again` */
    size_t kept_at;            /* offset in the run's kept block */
    /* The node whose buffer holds this one's value: itself or, for a sum
     * written in place of its term, the term. */
    const dms_node *home;
    /* The same for its gradient: itself, or a node that passes its own gradient
     * on unchanged; NULL if no gradient is wanted. */
    const dms_node *gradient_home;
    /* The gradients of a value's readers are added: the reader whose backward
     * runs first writes the gradient; each later one writes to a spare buffer,
     * which is then added. */
    bool add_dx[DMS_NODE_INPUTS];
    size_t spare[DMS_NODE_INPUTS]; /* index of that buffer in the plan */
    bool add_dw[DMS_NODE_PARAMS];
    size_t spare_dw[DMS_NODE_PARAMS]; /* offset in the run's spare_dw */
} node_run;

struct dms_run {
    const dms_graph *graph;
    node_run *nodes;
    run_step *steps; /* one forward per node in order, then all the others */
    size_t step_count;
    dms_buffer *buffers; /* BUFFER_KINDS per node, then the spare ones */
    size_t buffer_count;
    size_t buffer_capacity;
    unsigned char *arena;
    size_t arena_size;
    unsigned char *scratch;
    size_t scratch_size;
    dms_kept *kept; /* prepared weights */
    bool loaded;    /* kept holds the current parameters */
    size_t kept_size;
    uint64_t kept_form;
    double *forward_s, *backward_s; /* borrowed: see dms_run_profile */
    dms_observer *observer;         /* see dms_run_observe */
    void *observer_user;
    const dms_node **flaws; /* per image; NULL: not watched (run_watch.c) */
    bool keeps_flaws;       /* of earlier forwards */
    size_t images;          /* in the graph's largest batch */
    bool careful, loud;     /* watch every node, because the weights (careful)
                               or this forward's values (loud) are huge */
    float *spare_dw;        /* gradients of one node that are to be added */
    size_t spare_dw_len;
};

/* run_schedule.c: choose the nodes that run backward, those on a path from an
 * output to a wanted gradient, and those of them that write parameter
 * gradients. Needs is_output. */
void dms_run_choose_backward(dms_run *run);

/* run_watch.c: before and after a forward's nodes. */
void dms_run_watch_begin(dms_run *run);
void dms_run_watch_node(dms_run *run, const dms_job *job);

/* run_schedule.c: choose the nodes to recompute, and list all steps. The nodes
 * are prepared; steps has room for three per node. */
void dms_run_schedule(dms_run *run);

/* Determine every buffer's size and lifetime, which gradients are added, and
 * where parameters and their gradients lie. The nodes are prepared, so that the
 * size of SAVED is known, and scheduled. */
dms_status dms_run_plan(dms_run *run, dms_error *err);

#endif
