/* The steps of a run: forward in the graph's order, backward in reverse.
 *
 * With graph->recompute, values read only within their segment are freed after
 * forward, and those that backward reads are recomputed before the segment's
 * first backward (Chen et al. 2016, "Training deep nets with sublinear memory
 * cost"):
 *
 *     forward   [a b c] [d e f]
 *     backward  d e again, f e d backward, a b again, c b a backward
 */
#include "graph/run_parts.h"

/* Does an output depend on value through nodes that run backward? Must already
 * be decided for value's readers. */
static bool is_reached(const dms_run *run, const dms_node *value)
{
    const dms_graph *graph = run->graph;

    if (run->nodes[value->index].is_output)
        return true;
    for (size_t i = value->index + 1; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i]->in_count; k++)
            if (graph->nodes[i]->in[k] == value && run->nodes[i].job.backward)
                return true;
    return false;
}

void dms_run_choose_backward(dms_run *run)
{
    const dms_graph *graph = run->graph;

    for (size_t i = graph->count; i-- > 0;) {
        const dms_node *node = graph->nodes[i];
        dms_job *job = &run->nodes[i].job;

        job->backward = graph->mode.gradients != DMS_GRADIENTS_NONE &&
                        node->op->backward && dms_node_goes_back(graph, node) &&
                        is_reached(run, node);
        for (int p = 0; p < node->param_count; p++)
            job->wants_dw |= job->backward && dms_node_trains(graph, node, p);
    }
}

/* May value be freed after forward? Not if the caller reads or writes it. */
static bool is_inner(const dms_run *run, const dms_node *value)
{
    const dms_graph *graph = run->graph;

    if (value->segment == 0 || value->in_count == 0 || value->wanted ||
        run->nodes[value->index].is_output)
        return false;
    for (size_t i = value->index + 1; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i]->in_count; k++)
            if (graph->nodes[i]->in[k] == value &&
                graph->nodes[i]->segment != value->segment)
                return false;
    return true;
}

static bool backward_reads(const dms_run *run, const dms_node *value)
{
    const dms_graph *graph = run->graph;
    const node_run *self = &run->nodes[value->index];

    if (self->job.backward && self->reads_y)
        return true;
    for (size_t i = value->index + 1; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i]->in_count; k++)
            if (graph->nodes[i]->in[k] == value && run->nodes[i].job.backward &&
                run->nodes[i].reads_x)
                return true;
    return false;
}

/* Is one of value's readers recomputed? Must already be decided for them. */
static bool again_reads(const dms_run *run, const dms_node *value)
{
    const dms_graph *graph = run->graph;

    for (size_t i = value->index + 1; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i]->in_count; k++)
            if (graph->nodes[i]->in[k] == value && run->nodes[i].again)
                return true;
    return false;
}

static void choose_again(dms_run *run)
{
    const dms_graph *graph = run->graph;

    for (size_t i = graph->count; i-- > 0;) {
        const dms_node *node = graph->nodes[i];

        run->nodes[i].again =
            is_inner(run, node) &&
            (backward_reads(run, node) || again_reads(run, node));
    }
}

static void add_step(dms_run *run, size_t node, run_phase phase)
{
    run->nodes[node].step[phase] = run->step_count;
    run->steps[run->step_count++] = (run_step){node, phase};
}

static bool ends_segment(const dms_graph *graph, const dms_node *node)
{
    for (size_t i = node->index + 1; i < graph->count; i++)
        if (graph->nodes[i]->segment == node->segment)
            return false;
    return true;
}

void dms_run_schedule(dms_run *run)
{
    const dms_graph *graph = run->graph;

    if (graph->recompute)
        choose_again(run);
    for (size_t i = 0; i < graph->count; i++)
        add_step(run, i, FORWARD);
    for (size_t i = graph->count; i-- > 0;) {
        bool segment_begins = ends_segment(graph, graph->nodes[i]);

        for (size_t k = 0; segment_begins && k <= i; k++)
            if (graph->nodes[k]->segment == graph->nodes[i]->segment &&
                run->nodes[k].again)
                add_step(run, k, AGAIN);
        add_step(run, i, BACKWARD);
    }
}
