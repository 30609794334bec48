/* Running a graph: memory planned and primitives made once, then forward and
 * backward, which take nothing from our allocator.
 *
 * Time is counted in steps: node i of n runs forward at step i and, when
 * training, backward at step 2n-1-i. Every buffer lives for a range of them. */
#ifndef DMS_GRAPH_RUN_H
#define DMS_GRAPH_RUN_H

#include "graph/graph.h"

typedef struct dms_run dms_run;

/* graph, its params and backend are borrowed and must outlive the run.
 * outputs: nodes whose values (and gradients) the caller reads (writes). */
dms_status dms_run_create(dms_run **out, const dms_graph *graph,
                          dms_node *const *outputs, size_t output_count,
                          void *backend, dms_error *err);
void dms_run_destroy(dms_run *run);

/* The floats of an input or output node; valid as long as the run. An input
 * is the caller's between forwards. */
float *dms_run_value(const dms_run *run, const dms_node *node);

/* dLoss/dvalue of an output: written by the caller after forward. NULL where
 * no gradient is wanted. */
float *dms_run_gradient(const dms_run *run, const dms_node *node);

/* Values of parameters were changed: an inference run reorders its weights
 * at the next forward. A training run does so at each step. */
void dms_run_weights_changed(dms_run *run);

dms_status dms_run_forward(dms_run *run, uint64_t seed, dms_error *err);

/* Writes params->grad: zero where nothing is reached. */
dms_status dms_run_backward(dms_run *run, dms_error *err);

/* From now on each forward writes the seconds of node i to forward_s[i], and
 * each backward those of its backward to backward_s[i], the adding of gradients
 * included. As many as the graph has nodes, the caller's; NULL: not wanted, as
 * at first; nothing is measured then. */
void dms_run_profile(dms_run *run, double *forward_s, double *backward_s);

/* Bytes held: values, gradients, scratch. */
size_t dms_run_memory(const dms_run *run);

#endif
