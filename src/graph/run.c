#include "graph/run.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "graph/op.h"
#include "graph/plan.h"

/* A node's buffers, by their number in the plan. */
enum { VALUE, GRADIENT, SAVED, BUFFER_KINDS };

typedef struct node_run {
    dms_job job;
    bool is_output;
    size_t kept_at; /* place in the run's `kept` */
    /* The node whose buffer holds this one's value: itself, or, for a sum made
     * in place of what is added, that one's. */
    const dms_node *home;
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

static size_t forward_step(const dms_node *node)
{
    return node->index;
}

static size_t backward_step(const dms_graph *graph, const dms_node *node)
{
    return 2 * graph->count - 1 - node->index;
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

static bool runs_backward(const dms_graph *graph, const dms_node *node)
{
    return graph->training && node->needs_grad && node->op->backward;
}

static bool reads_output(const dms_node *node)
{
    return node->op->reads & DMS_READS_Y ||
           (node->op->reads & DMS_READS_Y_WITH_RELU && node->attr.relu);
}

static void plan_values(dms_run *run)
{
    const dms_graph *graph = run->graph;
    size_t end = 2 * graph->count;

    for (size_t i = 0; i < graph->count; i++) {
        const dms_node *node = graph->nodes[i];
        dms_buffer *value = buffer_of(run, node, VALUE);

        run->nodes[i].home = node;
        value->size = dms_shape_len(&node->shape) * dms_type_size(node->type);
        value->first = value->last = forward_step(node);
        if (node->in_count == 0) /* the caller fills it before step 0 */
            value->first = 0, value->last = end;
        if (run->nodes[i].is_output)
            value->last = end;
        for (int k = 0; k < node->in_count; k++)
            extend(buffer_of(run, node->in[k], VALUE), forward_step(node));
        if (!runs_backward(graph, node))
            continue;
        if (reads_output(node))
            extend(value, backward_step(graph, node));
        for (int k = 0; k < node->in_count && node->op->reads & DMS_READS_X;
             k++)
            extend(buffer_of(run, node->in[k], VALUE),
                   backward_step(graph, node));
    }
}

/* A sum may stand in place of what it adds if nobody needs that any more. */
static void share_buffers(dms_run *run)
{
    const dms_graph *graph = run->graph;

    for (size_t i = 0; i < graph->count; i++) {
        const dms_node *node = graph->nodes[i];
        const dms_node *term =
            node->attr.sum ? node->in[node->in_count - 1] : NULL;
        dms_buffer *own = buffer_of(run, node, VALUE);
        const dms_node *home;

        if (!term || term->in_count == 0 || run->nodes[term->index].is_output ||
            buffer_of(run, term, VALUE)->last != forward_step(node))
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

static dms_status plan_input_gradient(dms_run *run, node_run *self, int k,
                                      dms_error *err)
{
    const dms_node *node = self->job.node;
    const dms_node *input = node->in[k];
    dms_buffer *gradient = buffer_of(run, input, GRADIENT);
    size_t step = backward_step(run->graph, node);

    if (!input->needs_grad)
        return DMS_OK;
    self->add_dx[k] = gradient->size > 0;
    if (self->add_dx[k])
        return add_spare(run, &self->spare[k], gradient->size, step, err);
    gradient->size = dms_shape_len(&input->shape) * sizeof(float);
    gradient->first = step;
    gradient->last = backward_step(run->graph, input);
    return DMS_OK;
}

/* The caller writes them first: where an output is read by nodes too, their
 * shares are added. */
static void plan_output_gradients(dms_run *run)
{
    const dms_graph *graph = run->graph;

    for (size_t i = 0; i < graph->count; i++) {
        const dms_node *node = graph->nodes[i];

        if (run->nodes[i].is_output && runs_backward(graph, node))
            *buffer_of(run, node, GRADIENT) = (dms_buffer){
                .size = dms_shape_len(&node->shape) * sizeof(float),
                .last = backward_step(graph, node)};
    }
}

static dms_status plan_gradients(dms_run *run, dms_error *err)
{
    const dms_graph *graph = run->graph;

    plan_output_gradients(run);
    for (size_t i = graph->count; i-- > 0;) {
        const dms_node *node = graph->nodes[i];

        /* one that no output comes from has no gradient to hand on */
        if (!runs_backward(graph, node) ||
            buffer_of(run, node, GRADIENT)->size == 0)
            continue;
        for (int k = 0; k < node->in_count; k++) {
            dms_status st = plan_input_gradient(run, &run->nodes[i], k, err);

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
            bool trained = graph->training && !node->attr.frozen &&
                           runs_backward(graph, node) &&
                           dms_param_trained(param);

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

static dms_status prepare_nodes(dms_run *run, void *backend, dms_error *err)
{
    const dms_graph *graph = run->graph;

    for (size_t i = 0; i < graph->count; i++) {
        const dms_node *node = graph->nodes[i];
        dms_job *job = &run->nodes[i].job;
        dms_buffer *saved = buffer_of(run, node, SAVED);
        dms_needs needs = {0};
        dms_status st = DMS_OK;

        job->node = node;
        job->params = graph->params;
        job->backend = backend;
        job->training = graph->training;
        job->weights_changed = true;
        if (node->op->prepare)
            st = node->op->prepare(job, &needs, err);
        if (st != DMS_OK)
            return st;
        if (needs.scratch > run->scratch_size)
            run->scratch_size = needs.scratch;
        run->nodes[i].kept_at = run->kept_size;
        run->kept_size += (needs.kept + 63) / 64 * 64;
        *saved = (dms_buffer){needs.saved, i, i, 0};
        if (runs_backward(graph, node))
            extend(saved, backward_step(graph, node));
    }
    return DMS_OK;
}

static void *buffer_address(const dms_run *run, size_t number)
{
    return run->buffers[number].size ? run->arena + run->buffers[number].offset
                                     : NULL;
}

static void *node_address(const dms_run *run, const dms_node *node, int kind)
{
    if (kind == VALUE)
        node = run->nodes[node->index].home;
    return buffer_address(run, node->index * BUFFER_KINDS + (size_t)kind);
}

static void bind_nodes(dms_run *run)
{
    for (size_t i = 0; i < run->graph->count; i++) {
        const dms_node *node = run->graph->nodes[i];
        node_run *self = &run->nodes[i];
        dms_job *job = &self->job;

        job->y = node_address(run, node, VALUE);
        job->dy = node_address(run, node, GRADIENT);
        job->saved = node_address(run, node, SAVED);
        job->scratch = run->scratch;
        job->kept = run->kept + self->kept_at;
        for (int k = 0; k < node->in_count; k++) {
            job->x[k] = node_address(run, node->in[k], VALUE);
            job->dx[k] = self->add_dx[k]
                             ? buffer_address(run, self->spare[k])
                             : node_address(run, node->in[k], GRADIENT);
        }
        for (int p = 0; p < node->param_count; p++)
            if (self->add_dw[p])
                job->dw[p] = run->spare_dw + self->spare_dw[p];
    }
}

static dms_status plan(dms_run *run, void *backend, dms_error *err)
{
    dms_status st = DMS_OK;
    const dms_graph *graph = run->graph;
    bool *written = dms_calloc(graph->params->count, sizeof *written);

    if (!written)
        return dms_fail_memory(err, "memory plan");
    TRY(prepare_nodes(run, backend, err));
    plan_values(run);
    share_buffers(run);
    if (graph->training)
        TRY(plan_gradients(run, err));
    plan_parameters(run, written);
    TRY(dms_plan_buffers(run->buffers, run->buffer_count, &run->arena_size,
                         err));
    run->arena = dms_calloc_aligned(run->arena_size, 1);
    run->scratch = dms_calloc_aligned(run->scratch_size, 1);
    run->kept = dms_alloc_aligned(run->kept_size);
    run->spare_dw = dms_calloc_aligned(run->spare_dw_len, sizeof(float));
    if (!run->arena || !run->scratch || !run->kept || !run->spare_dw) {
        st = dms_fail(err, DMS_ENOMEM, "out of memory (%zu MB of activations)",
                      dms_run_memory(run) >> 20);
        goto done;
    }
    bind_nodes(run);
done:
    dms_free(written);
    return st;
}

dms_status dms_run_create(dms_run **out, const dms_graph *graph,
                          dms_node *const *outputs, size_t output_count,
                          void *backend, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_run *run = dms_calloc(1, sizeof *run);
    size_t buffers = graph->count * BUFFER_KINDS;

    if (run) {
        run->graph = graph;
        run->nodes = dms_calloc(graph->count, sizeof *run->nodes);
        run->buffers = dms_calloc(buffers, sizeof *run->buffers);
    }
    if (!run || !run->nodes || !run->buffers) {
        st = dms_fail_memory(err, "graph run");
        goto done;
    }
    run->buffer_count = run->buffer_capacity = buffers;
    for (size_t i = 0; i < output_count; i++)
        run->nodes[outputs[i]->index].is_output = true;
    TRY(plan(run, backend, err));
    *out = run, run = NULL;
done:
    dms_run_destroy(run);
    return st;
}

void dms_run_destroy(dms_run *run)
{
    if (!run)
        return;
    for (size_t i = 0; run->nodes && i < run->graph->count; i++) {
        dms_job *job = &run->nodes[i].job;

        if (job->state && job->node->op->release)
            job->node->op->release(job->state);
    }
    dms_free(run->spare_dw);
    dms_free(run->kept);
    dms_free(run->scratch);
    dms_free(run->arena);
    dms_free(run->buffers);
    dms_free(run->nodes);
    dms_free(run);
}

float *dms_run_value(const dms_run *run, const dms_node *node)
{
    return node_address(run, node, VALUE);
}

float *dms_run_gradient(const dms_run *run, const dms_node *node)
{
    return node_address(run, node, GRADIENT);
}

void dms_run_weights_changed(dms_run *run)
{
    for (size_t i = 0; i < run->graph->count; i++)
        run->nodes[i].job.weights_changed = true;
}

dms_status dms_run_forward(dms_run *run, uint64_t seed, dms_error *err)
{
    for (size_t i = 0; i < run->graph->count; i++) {
        dms_job *job = &run->nodes[i].job;
        double began = run->forward_s ? dms_clock_now() : 0;

        job->seed = dms_hash_mix(seed, i);
        if (job->node->op->forward) {
            dms_status st = job->node->op->forward(job, err);

            if (st != DMS_OK)
                return st;
        }
        job->weights_changed = job->training;
        if (run->forward_s)
            run->forward_s[i] = dms_clock_now() - began;
    }
    return DMS_OK;
}

static void add_to(float *sum, const float *term, size_t len)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < len; i++)
        sum[i] += term[i];
}

/* Add a later reader's share; and make the padding zero again, which a kernel
 * that writes whole vectors does not keep: norms and sums run over it. */
static void finish_param(dms_run *run, const node_run *self, int p)
{
    const dms_params *params = run->graph->params;
    const dms_param *param = &params->items[self->job.node->param[p]];
    float *grad = params->grad + param->offset;

    if (self->add_dw[p])
        add_to(grad, self->job.dw[p], param->len);
    memset(grad + param->len, 0, (param->size - param->len) * sizeof *grad);
}

static void add_gradients(dms_run *run, const node_run *self)
{
    const dms_node *node = self->job.node;

    for (int k = 0; k < node->in_count; k++)
        if (self->add_dx[k])
            add_to(node_address(run, node->in[k], GRADIENT), self->job.dx[k],
                   dms_shape_len(&node->in[k]->shape));
    for (int p = 0; p < node->param_count; p++)
        if (self->job.dw[p])
            finish_param(run, self, p);
}

dms_status dms_run_backward(dms_run *run, dms_error *err)
{
    const dms_graph *graph = run->graph;

    memset(graph->params->grad, 0, graph->params->trained * sizeof(float));
    for (size_t i = graph->count; i-- > 0;) {
        node_run *self = &run->nodes[i];
        double began = run->backward_s ? dms_clock_now() : 0;
        dms_status st;

        if (!runs_backward(graph, self->job.node) || !self->job.dy)
            continue;
        st = self->job.node->op->backward(&self->job, err);
        if (st != DMS_OK)
            return st;
        add_gradients(run, self);
        if (run->backward_s)
            run->backward_s[i] = dms_clock_now() - began;
    }
    return DMS_OK;
}

void dms_run_profile(dms_run *run, double *forward_s, double *backward_s)
{
    run->forward_s = forward_s;
    run->backward_s = backward_s;
}

size_t dms_run_memory(const dms_run *run)
{
    return run->arena_size + run->scratch_size + run->kept_size +
           run->spare_dw_len * sizeof(float);
}
