/* The memory plan of a run: when each buffer is first written and last read,
 * and which nodes can share one. Relies on the steps of run_schedule.c. */
#include "base/alloc.h"
#include "base/fail.h"
#include "graph/run_parts.h"

static size_t forward_step(const dms_run *run, const dms_node *node)
{
    return run->nodes[node->index].step[FORWARD];
}

static size_t backward_step(const dms_run *run, const dms_node *node)
{
    return run->nodes[node->index].step[BACKWARD];
}

static dms_buffer *buffer_of(dms_run *run, const dms_node *node, int kind)
{
    return &run->buffers[node->index * BUFFER_KINDS + (size_t)kind];
}

static void extend(dms_buffer *buffer, size_t step)
{
    if (step < buffer->first)
        buffer->first = step;
    if (step > buffer->last)
        buffer->last = step;
}

static size_t value_size(const dms_node *node)
{
    return dms_shape_len(&node->shape) * dms_type_size(node->type);
}

/* The value that backward reads: as forward left it, or as recomputed. */
static dms_buffer *value_then(dms_run *run, const dms_node *node)
{
    return buffer_of(run, node,
                     run->nodes[node->index].again ? VALUE_AGAIN : VALUE);
}

/* Alive from forward, or from recomputation, to backward. */
static void plan_saved(dms_run *run, const dms_node *node)
{
    const node_run *self = &run->nodes[node->index];
    dms_buffer *saved = buffer_of(run, node, SAVED);

    saved->first = saved->last = forward_step(run, node);
    if (self->again) {
        size_t size = saved->size;

        saved = buffer_of(run, node, SAVED_AGAIN);
        *saved = (dms_buffer){size, self->step[AGAIN], self->step[AGAIN], 0};
    }
    if (self->job.backward)
        extend(saved, backward_step(run, node));
}

static void plan_value(dms_run *run, const dms_node *node)
{
    node_run *self = &run->nodes[node->index];
    dms_buffer *value = buffer_of(run, node, VALUE);

    self->home = node;
    value->size = value_size(node);
    value->first = value->last = forward_step(run, node);
    if (node->in_count == 0) /* the caller fills it before step 0 */
        value->first = 0, value->last = run->step_count;
    if (self->is_output || node->wanted)
        value->last = run->step_count;
    if (self->again)
        *buffer_of(run, node, VALUE_AGAIN) =
            (dms_buffer){value->size, self->step[AGAIN], self->step[AGAIN], 0};
}

/* The values that node reads live at least until it has read them. */
static void plan_reading(dms_run *run, const dms_node *node)
{
    const node_run *self = &run->nodes[node->index];
    bool goes_back = self->job.backward;

    for (int k = 0; k < node->in_count; k++) {
        const dms_node *input = node->in[k];

        extend(buffer_of(run, input, VALUE), self->step[FORWARD]);
        if (self->again)
            extend(value_then(run, input), self->step[AGAIN]);
        if (goes_back && self->reads_x)
            extend(value_then(run, input), self->step[BACKWARD]);
    }
    if (goes_back && self->reads_y)
        extend(value_then(run, node), self->step[BACKWARD]);
}

static void plan_values(dms_run *run)
{
    const dms_graph *graph = run->graph;

    for (size_t i = 0; i < graph->count; i++) {
        plan_saved(run, graph->nodes[i]);
        plan_value(run, graph->nodes[i]);
        plan_reading(run, graph->nodes[i]);
    }
}

/* A sum may be written in place of its term if nothing reads the term later. */
static void share_buffers(dms_run *run)
{
    const dms_graph *graph = run->graph;

    for (size_t i = 0; i < graph->count; i++) {
        const dms_node *node = graph->nodes[i];
        const dms_node *term =
            node->attr.sum ? node->in[node->in_count - 1] : NULL;
        dms_buffer *own = buffer_of(run, node, VALUE);
        const dms_node *home;

        /* not if node also reads the term as its first input */
        if (!term || term->in_count == 0 || node->in[0] == term ||
            run->nodes[term->index].is_output ||
            buffer_of(run, term, VALUE)->last != forward_step(run, node))
            continue;
        home = run->nodes[term->index].home;
        run->nodes[i].home = home;
        extend(buffer_of(run, home, VALUE), own->last);
        own->size = 0;
    }
}

static dms_status add_spare(dms_run *run, size_t *number, size_t size,
                            size_t step, dms_error *err)
{
    if (run->buffer_count == run->buffer_capacity) {
        size_t capacity = 2 * run->buffer_capacity + 16;
        dms_buffer *buffers =
            dms_resize(run->buffers, capacity, sizeof *buffers);

        if (!buffers)
            return dms_fail_memory(err, "memory plan");
        run->buffers = buffers;
        run->buffer_capacity = capacity;
    }
    *number = run->buffer_count++;
    run->buffers[*number] = (dms_buffer){size, step, step, 0};
    return DMS_OK;
}

/* Is there another node whose backward still has to read the gradient that
 * node's backward would change? */
static bool is_awaited(const dms_run *run, const dms_node *node)
{
    const dms_node *home = run->nodes[node->index].gradient_home;

    for (size_t i = 0; i < node->index; i++)
        if (run->nodes[i].gradient_home == home)
            return true;
    return false;
}

/* May input k of node use node's gradient buffer as its own gradient? Only if
 * the input's other readers add to it after node's other input has read it. */
static bool may_share_gradient(const dms_run *run, const dms_node *node, int k)
{
    const dms_graph *graph = run->graph;
    const dms_node *input = node->in[k];
    const dms_node *other = node->in[k == 0];

    if (!node->op->hands_on || node->in[0] == node->in[1] || node->wanted ||
        input->wanted || input->type != node->type ||
        input->layout != node->layout || run->nodes[input->index].is_output)
        return false;
    for (size_t i = other->index; i < graph->count; i++)
        for (int j = 0; j < graph->nodes[i]->in_count; j++)
            if (graph->nodes[i]->in[j] == input && graph->nodes[i] != node)
                return false;
    return true;
}

static dms_status plan_input_gradient(dms_run *run, node_run *self, int k,
                                      bool awaited, dms_error *err)
{
    const dms_node *node = self->job.node;
    const dms_node *input = node->in[k];
    node_run *owner = &run->nodes[input->index];
    size_t step = backward_step(run, node);
    size_t end = input->wanted ? run->step_count : backward_step(run, input);

    if (!input->needs_grad)
        return DMS_OK;
    self->add_dx[k] = owner->gradient_home != NULL;
    if (self->add_dx[k])
        return add_spare(run, &self->spare[k], value_size(input), step, err);
    if (!awaited && may_share_gradient(run, node, k)) {
        owner->gradient_home = self->gradient_home;
        extend(buffer_of(run, owner->gradient_home, GRADIENT), end);
        return DMS_OK;
    }
    owner->gradient_home = input;
    *buffer_of(run, input, GRADIENT) =
        (dms_buffer){.size = value_size(input), .first = step, .last = end};
    return DMS_OK;
}

/* The caller writes the gradients of outputs first; the shares of nodes that
 * read an output are added. */
static void plan_output_gradients(dms_run *run)
{
    const dms_graph *graph = run->graph;

    for (size_t i = 0; i < graph->count; i++) {
        const dms_node *node = graph->nodes[i];

        if (!run->nodes[i].is_output ||
            !(run->nodes[i].job.backward || node->wanted))
            continue;
        run->nodes[i].gradient_home = node;
        *buffer_of(run, node, GRADIENT) = (dms_buffer){
            .size = value_size(node),
            .last = node->wanted ? run->step_count : backward_step(run, node)};
    }
}

static dms_status plan_gradients(dms_run *run, dms_error *err)
{
    const dms_graph *graph = run->graph;

    plan_output_gradients(run);
    for (size_t i = graph->count; i-- > 0;) {
        const dms_node *node = graph->nodes[i];
        bool awaited;

        if (!run->nodes[i].job.backward)
            continue;
        awaited = is_awaited(run, node);
        for (int k = 0; k < node->in_count; k++) {
            dms_status st =
                plan_input_gradient(run, &run->nodes[i], k, awaited, err);

            if (st != DMS_OK)
                return st;
        }
    }
    return DMS_OK;
}

static void plan_parameters(dms_run *run, bool *written)
{
    const dms_graph *graph = run->graph;

    for (size_t i = graph->count; i-- > 0;) {
        const dms_node *node = graph->nodes[i];
        node_run *self = &run->nodes[i];
        size_t spare = 0;

        for (int p = 0; p < node->param_count; p++) {
            const dms_param *param = &graph->params->items[node->param[p]];
            bool trained =
                self->job.backward && dms_node_trains(graph, node, p);

            self->job.w[p] = dms_param_value(graph->params, node->param[p]);
            if (!trained)
                continue;
            self->add_dw[p] = written[node->param[p]];
            written[node->param[p]] = true;
            self->job.dw[p] = graph->params->grad + param->offset;
            self->spare_dw[p] = spare;
            spare += self->add_dw[p] ? param->size : 0;
        }
        if (spare > run->spare_dw_len)
            run->spare_dw_len = spare;
    }
}

dms_status dms_run_plan(dms_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    bool *written = dms_calloc(run->graph->params->count, sizeof *written);

    if (!written)
        return dms_fail_memory(err, "memory plan");
    plan_values(run);
    share_buffers(run);
    if (run->graph->mode.gradients != DMS_GRADIENTS_NONE)
        TRY(plan_gradients(run, err));
    plan_parameters(run, written);
    TRY(dms_plan_buffers(run->buffers, run->buffer_count, &run->arena_size,
                         err));
done:
    dms_free(written);
    return st;
}
