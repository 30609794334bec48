/* Running a graph: memory planned and primitives made once, then forward and
 * backward, which take nothing from our allocator.
 *
 * Time is counted in steps: first each node's forward, then, where gradients
 * are asked for, each node's backward in the reverse order, and between those
 * the second forward of what was not kept (run_schedule.c). Every buffer lives
 * for a range of steps. */
#ifndef DMS_GRAPH_RUN_H
#define DMS_GRAPH_RUN_H

#include "graph/graph.h"
#include "graph/kept.h"
#include "graph/plan.h"

typedef struct dms_run dms_run;

/* graph, its params and backend are borrowed and must outlive the run.
 * outputs: nodes whose values (and gradients) the caller reads (writes). */
dms_status dms_run_create(dms_run **out, const dms_graph *graph,
                          dms_node *const *outputs, size_t output_count,
                          void *backend, dms_error *err);

/* The same, for inference, with its parameters in the order of the kernels in a
 * block of that store, borrowed: runs whose kernels want the same order share
 * it, and may run at once. NULL: a block of its own. */
dms_status dms_run_create_sharing(dms_run **out, const dms_graph *graph,
                                  dms_node *const *outputs, size_t output_count,
                                  void *backend, dms_kept_store *store,
                                  dms_error *err);
void dms_run_destroy(dms_run *run);

/* The floats of an input or output node; valid as long as the run. An input
 * is the caller's between forwards. */
float *dms_run_value(const dms_run *run, const dms_node *node);

/* dLoss/dvalue of an output: written by the caller after forward. Of a node
 * whose gradient was asked for: there from backward to the next forward. As its
 * value lies; NULL where no gradient is wanted. */
float *dms_run_gradient(const dms_run *run, const dms_node *node);

/* Bring the parameters into the kernels' order now, if that is still to be
 * done, instead of at the next forward. */
dms_status dms_run_load(dms_run *run, dms_error *err);

/* Values of parameters were changed: the run reorders its weights at the next
 * forward. One that has the parameters' gradients does so at each. */
void dms_run_weights_changed(dms_run *run);

/* Its block of parameters in the order of the kernels. */
const dms_kept *dms_run_kept(const dms_run *run);

dms_status dms_run_forward(dms_run *run, uint64_t seed, dms_error *err);

/* Writes params->grad, zero where nothing is reached, if its mode is
 * GRADIENTS_PARAMS, and the gradients of chosen nodes. */
dms_status dms_run_backward(dms_run *run, dms_error *err);

/* From now on each forward writes the seconds of node i to forward_s[i], and
 * each backward those of its backward to backward_s[i], the adding of gradients
 * and its second forward included. As many as the graph has nodes, the
 * caller's; NULL: not wanted, as at first; nothing is measured then. */
void dms_run_profile(dms_run *run, double *forward_s, double *backward_s);

/* What is called after each node's forward: y is what the node has made and may
 * change before any other reads it. */
typedef void dms_observer(void *user, const dms_node *node, void *y);

/* From now on; NULL: nobody, as at first. */
void dms_run_observe(dms_run *run, dms_observer *observer, void *user);

/* From now on each forward looks whether the values of `watched` nodes are
 * finite, and, where weights or values are enormous, whether those of any node
 * are (run_watch.c). Of an inference run. DMS_ENOMEM. */
dms_status dms_run_watch(dms_run *run, dms_error *err);

/* The first node that overflowed for that image in the last forward;
 * borrowed. NULL: none, or not watched. A node of smaller batch than the
 * graph's largest counts its own images. */
const dms_node *dms_run_flaw(const dms_run *run, size_t image);

/* Bytes held: values, gradients, scratch. What is kept is not among them: other
 * runs may share it (dms_kept_size). */
size_t dms_run_memory(const dms_run *run);

/* One buffer of the plan. */
typedef struct dms_run_buffer {
    const dms_node *node; /* borrowed: whose value, gradient ... it is */
    const char *what;     /* "value", "gradient", "saved" (by forward for
                             backward), "value again", "saved again", "share of
                             gradient" (to be added to it) */
    bool is_value;        /* of the node's shape, type and layout; else bytes */
    dms_buffer plan;
} dms_run_buffer;

typedef struct dms_run_map {
    dms_run_buffer *buffers; /* owned; by first step, then by offset */
    size_t count;
    size_t steps;         /* of one forward and, with gradients, one backward */
    size_t forward_steps; /* the first ones: node i runs at step i */
    size_t again_steps;   /* of those behind them: second forwards */
    size_t peak_step, peak_live; /* when most bytes are in use, and how many */
    const dms_node *peak_node; /* who runs then, borrowed, and in what phase: */
    const char *peak_phase;    /* "forward", "forward again", "backward" */
    size_t arena_size;         /* >= peak_live */
    size_t scratch_size, kept_size, spare_size; /* beside the arena */
} dms_run_map;

/* out is the caller's to release; it dies with the run. DMS_ENOMEM. */
dms_status dms_run_map_create(dms_run_map *out, const dms_run *run,
                              dms_error *err);
void dms_run_map_release(dms_run_map *map);

#endif
