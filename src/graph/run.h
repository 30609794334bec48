/* Running a graph: memory is planned and primitives are created once; then
 * forward and backward allocate nothing through our allocator.
 *
 * Time is counted in steps: first each node's forward; then, if gradients are
 * requested, each node's backward in reverse order, and between those the
 * recomputation of activations that were not kept (run_schedule.c). Every
 * buffer lives for a range of steps. */
#ifndef DMS_GRAPH_RUN_H
#define DMS_GRAPH_RUN_H

#include "graph/graph.h"
#include "graph/kept.h"
#include "graph/plan.h"

typedef struct dms_run dms_run;

/* graph, its params and backend are borrowed and must outlive the run.
 * outputs: nodes whose values the caller reads, and whose gradients it writes.
 */
dms_status dms_run_create(dms_run **out, const dms_graph *graph,
                          dms_node *const *outputs, size_t output_count,
                          void *backend, dms_error *err);

/* The same for inference, with prepared weights in a block of `store`,
 * borrowed: runs whose kernels need the same order share the block and may run
 * at the same time. NULL: a block of its own. */
dms_status dms_run_create_sharing(dms_run **out, const dms_graph *graph,
                                  dms_node *const *outputs, size_t output_count,
                                  void *backend, dms_kept_store *store,
                                  dms_error *err);
void dms_run_destroy(dms_run *run);

/* The floats of an input or output node; valid for the life of the run. The
 * caller may write an input between forwards. */
float *dms_run_value(const dms_run *run, const dms_node *node);

/* dLoss/dvalue, in the value's layout. Of an output: the caller writes it after
 * forward. Of a node whose gradient was requested: valid from backward to the
 * next forward. NULL if no gradient is wanted. */
float *dms_run_gradient(const dms_run *run, const dms_node *node);

/* Prepare the weights now, if that has not been done, instead of at the next
 * forward. */
dms_status dms_run_load(dms_run *run, dms_error *err);

/* Parameter values were changed: the run prepares its weights again at the next
 * forward. A run with parameter gradients does so at every forward. */
void dms_run_weights_changed(dms_run *run);

/* Its block of prepared weights. */
const dms_kept *dms_run_kept(const dms_run *run);

dms_status dms_run_forward(dms_run *run, uint64_t seed, dms_error *err);

/* Writes the gradients of chosen nodes and, with DMS_GRADIENTS_PARAMS,
 * params->grad, which is zero for parameters that no output depends on. */
dms_status dms_run_backward(dms_run *run, dms_error *err);

/* From now on each forward writes the seconds of node i to forward_s[i], and
 * each backward writes those of its backward, including gradient additions and
 * recomputation, to backward_s[i]. Both are the caller's and have one element
 * per node. NULL (the initial state): not measured. */
void dms_run_profile(dms_run *run, double *forward_s, double *backward_s);

/* Called after each node's forward; y is the node's output, which the observer
 * may change before any other node reads it. */
typedef void dms_observer(void *user, const dms_node *node, void *y);

/* Set the observer; NULL (the initial state): none. */
void dms_run_observe(dms_run *run, dms_observer *observer, void *user);

/* From now on each forward of this inference run checks that the values of
 * `watched` nodes are finite or, if weights or values are extremely large,
 * those of all nodes (run_watch.c). DMS_ENOMEM. */
dms_status dms_run_watch(dms_run *run, dms_error *err);

/* The first node that overflowed for that image in the last forward, borrowed;
 * NULL if none did or the run is not watched. A node whose batch is smaller
 * than the graph's largest counts its own images. */
const dms_node *dms_run_flaw(const dms_run *run, size_t image);

/* From now on a forward leaves the flaws of those before it in place, or, as at
 * first, does not. */
void dms_run_keep_flaws(dms_run *run, bool kept);

/* Bytes held: values, gradients, scratch. Prepared weights are not included:
 * other runs may share them (dms_kept_size). */
size_t dms_run_memory(const dms_run *run);

/* One buffer of the plan. */
typedef struct dms_run_buffer {
    const dms_node *node; /* borrowed: the node whose buffer it is */
    const char *what;     /* "value", "gradient", "saved" (by forward for
                             backward), "value again", "saved again", "share of
                             gradient" (to be added to the gradient) */
    bool is_value; /* has the node's shape, type and layout; else bytes */
    dms_buffer plan;
} dms_run_buffer;

typedef struct dms_run_map {
    dms_run_buffer *buffers; /* owned; sorted by first step, then offset */
    size_t count;
    size_t steps;         /* of one forward and, with gradients, one backward */
    size_t forward_steps; /* the first ones: node i runs at step i */
    size_t again_steps;   /* how many of the others recompute */
    size_t peak_step, peak_live; /* when most bytes are in use, and how many */
    const dms_node *peak_node;   /* the node that runs then, borrowed */
    const char *peak_phase;      /* "forward", "forward again", "backward" */
    size_t arena_size;           /* >= peak_live */
    size_t scratch_size, kept_size, spare_size; /* outside the arena */
} dms_run_map;

/* The caller releases out; it is valid only as long as the run. DMS_ENOMEM. */
dms_status dms_run_map_create(dms_run_map *out, const dms_run *run,
                              dms_error *err);
void dms_run_map_release(dms_run_map *map);

#endif
