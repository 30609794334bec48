/* Creates a run (primitives, memory plan, pointers) and carries out its steps.
 * run_plan.c plans the memory, run_schedule.c the steps. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/rng.h"
#include "graph/run_parts.h"
#include "graph/value.h"

static dms_status prepare_nodes(dms_run *run, void *backend, dms_error *err)
{
    const dms_graph *graph = run->graph;

    for (size_t i = 0; i < graph->count; i++) {
        const dms_node *node = graph->nodes[i];
        dms_job *job = &run->nodes[i].job;
        dms_buffer *saved = &run->buffers[i * BUFFER_KINDS + SAVED];
        const dms_op *op = node->op;
        dms_needs needs = {.x = op->reads_x,
                           .y = op->reads_y ||
                                (op->reads_y_with_relu && node->attr.relu)};
        dms_status st = DMS_OK;

        job->node = node;
        job->params = graph->params;
        job->backend = backend;
        job->mode = graph->mode;
        job->weights_changed = true;
        if (op->prepare)
            st = op->prepare(job, &needs, err);
        if (st != DMS_OK)
            return st;
        if (needs.scratch > run->scratch_size)
            run->scratch_size = needs.scratch;
        run->nodes[i].kept_at = run->kept_size;
        run->kept_size += (needs.kept + 63) / 64 * 64;
        run->kept_form =
            dms_hash_mix(run->kept_form, dms_hash_mix(needs.form, needs.kept));
        saved->size = needs.saved;
        run->nodes[i].reads_x = needs.x;
        run->nodes[i].reads_y = needs.y;
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
    const node_run *owner = &run->nodes[node->index];

    if (kind == VALUE)
        node = owner->home;
    if (kind == GRADIENT)
        node = owner->gradient_home;
    if (!node)
        return NULL;
    return buffer_address(run, node->index * BUFFER_KINDS + (size_t)kind);
}

/* The same job for the steps after forward: recomputed values lie elsewhere. */
static void bind_back(dms_run *run, node_run *self)
{
    const dms_node *node = self->job.node;
    dms_job *job = &self->back;

    *job = self->job;
    job->again = true;
    job->weights_changed = false; /* the first forward has handled it */
    if (self->again) {
        job->y = node_address(run, node, VALUE_AGAIN);
        job->saved = node_address(run, node, SAVED_AGAIN);
    }
    for (int k = 0; k < node->in_count; k++)
        if (run->nodes[node->in[k]->index].again)
            job->x[k] = node_address(run, node->in[k], VALUE_AGAIN);
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
        job->kept = (char *)dms_kept_data(run->kept) + self->kept_at;
        for (int k = 0; k < node->in_count; k++) {
            job->x[k] = node_address(run, node->in[k], VALUE);
            job->dx[k] = self->add_dx[k]
                             ? buffer_address(run, self->spare[k])
                             : node_address(run, node->in[k], GRADIENT);
        }
        for (int p = 0; p < node->param_count; p++)
            if (self->add_dw[p])
                job->dw[p] = run->spare_dw + self->spare_dw[p];
        bind_back(run, self);
    }
}

static dms_status take_memory(dms_run *run, dms_error *err)
{
    run->arena = dms_calloc_aligned(run->arena_size, 1);
    run->scratch = dms_calloc_aligned(run->scratch_size, 1);
    run->spare_dw = dms_calloc_aligned(run->spare_dw_len, sizeof(float));
    if (!run->arena || !run->scratch || !run->spare_dw)
        return dms_fail(err, DMS_ENOMEM,
                        "out of memory (%zu MB of activations)",
                        dms_run_memory(run) >> 20);
    return DMS_OK;
}

dms_status dms_run_create(dms_run **out, const dms_graph *graph,
                          dms_node *const *outputs, size_t output_count,
                          void *backend, dms_error *err)
{
    return dms_run_create_sharing(out, graph, outputs, output_count, backend,
                                  NULL, err);
}

dms_status dms_run_create_sharing(dms_run **out, const dms_graph *graph,
                                  dms_node *const *outputs, size_t output_count,
                                  void *backend, dms_kept_store *store,
                                  dms_error *err)
{
    dms_status st = DMS_OK;
    dms_run *run = dms_calloc(1, sizeof *run);
    size_t buffers = graph->count * BUFFER_KINDS;

    if (run) {
        run->graph = graph;
        run->nodes = dms_calloc(graph->count, sizeof *run->nodes);
        run->steps = dms_calloc(3 * graph->count, sizeof *run->steps);
        run->buffers = dms_calloc(buffers, sizeof *run->buffers);
    }
    if (!run || !run->nodes || !run->steps || !run->buffers) {
        st = dms_fail_memory(err, "graph run");
        goto done;
    }
    run->buffer_count = run->buffer_capacity = buffers;
    for (size_t i = 0; i < output_count; i++)
        run->nodes[outputs[i]->index].is_output = true;
    dms_run_choose_backward(run);
    TRY(prepare_nodes(run, backend, err));
    dms_run_schedule(run);
    TRY(dms_run_plan(run, err));
    TRY(take_memory(run, err));
    TRY(dms_kept_acquire(&run->kept, store, run->kept_form, run->kept_size,
                         err));
    bind_nodes(run);
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
    dms_free(run->flaws);
    dms_free(run->spare_dw);
    dms_kept_release(run->kept);
    dms_free(run->scratch);
    dms_free(run->arena);
    dms_free(run->buffers);
    dms_free(run->steps);
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
    dms_kept_empty(run->kept);
    run->loaded = run->careful = false;
}

static dms_status load_nodes(void *user, dms_error *err)
{
    const dms_run *run = user;
    dms_status st = DMS_OK;
    bool heavy = false;

    for (size_t i = 0; st == DMS_OK && i < run->graph->count; i++) {
        dms_job *job = &run->nodes[i].job;

        if (job->node->op->load)
            st = job->node->op->load(job, err);
        heavy |= job->heaviest > DMS_RUN_HEAVY;
    }
    dms_kept_set_heavy(run->kept, heavy);
    return st;
}

dms_status dms_run_load(dms_run *run, dms_error *err)
{
    dms_status st = DMS_OK;

    if (!run->loaded)
        st = dms_kept_fill(run->kept, load_nodes, run, err);
    run->loaded = st == DMS_OK;
    run->careful = dms_kept_is_heavy(run->kept);
    return st;
}

const dms_kept *dms_run_kept(const dms_run *run)
{
    return run->kept;
}

dms_status dms_run_forward(dms_run *run, uint64_t seed, dms_error *err)
{
    dms_status loaded = dms_run_load(run, err);

    if (loaded != DMS_OK)
        return loaded;
    dms_run_watch_begin(run);
    for (size_t i = 0; i < run->graph->count; i++) {
        dms_job *job = &run->nodes[i].job;
        double began = run->forward_s ? dms_clock_now() : 0;

        /* by the position from the end: the last part of a network draws the
         * same numbers alone as within the whole */
        job->seed = run->nodes[i].back.seed =
            dms_hash_mix(seed, run->graph->count - i);
        if (job->node->op->forward) {
            dms_status st = job->node->op->forward(job, err);

            if (st != DMS_OK)
                return st;
        }
        job->weights_changed = job->mode.gradients == DMS_GRADIENTS_PARAMS;
        if (run->forward_s)
            run->forward_s[i] = dms_clock_now() - began;
        if (run->observer)
            run->observer(run->observer_user, job->node, job->y);
        dms_run_watch_node(run, job);
    }
    return DMS_OK;
}

/* Add a later reader's share of the gradient, and zero the padding again:
 * kernels that write whole vectors overwrite it, and norms and sums read it. */
static void finish_param(dms_run *run, const node_run *self, int p)
{
    const dms_params *params = run->graph->params;
    const dms_param *param = &params->items[self->job.node->param[p]];
    float *grad = params->grad + param->offset;

    if (self->add_dw[p])
        dms_value_add(grad, self->back.dw[p], param->len, DMS_TYPE_F32);
    memset(grad + param->len, 0, (param->size - param->len) * sizeof *grad);
}

static void add_gradients(dms_run *run, const node_run *self)
{
    const dms_node *node = self->job.node;

    for (int k = 0; k < node->in_count; k++)
        if (self->add_dx[k])
            dms_value_add(node_address(run, node->in[k], GRADIENT),
                          self->back.dx[k], dms_shape_len(&node->in[k]->shape),
                          node->in[k]->type);
    for (int p = 0; p < node->param_count; p++)
        if (self->back.dw[p])
            finish_param(run, self, p);
}

static dms_status go_back(dms_run *run, node_run *self, run_phase phase,
                          dms_error *err)
{
    dms_job *job = &self->back;
    const dms_op *op = job->node->op;
    dms_status st = DMS_OK;

    if (phase == AGAIN)
        return op->forward ? op->forward(job, err) : DMS_OK;
    if (!job->backward)
        return DMS_OK;
    st = op->backward(job, err);
    if (st == DMS_OK)
        add_gradients(run, self);
    return st;
}

dms_status dms_run_backward(dms_run *run, dms_error *err)
{
    const dms_graph *graph = run->graph;

    if (graph->mode.gradients == DMS_GRADIENTS_PARAMS)
        memset(graph->params->grad, 0, graph->params->trained * sizeof(float));
    for (size_t i = graph->count; i < run->step_count; i++) {
        const run_step *step = &run->steps[i];
        node_run *self = &run->nodes[step->node];
        double began = run->backward_s ? dms_clock_now() : 0;
        dms_status st = go_back(run, self, step->phase, err);

        if (st != DMS_OK)
            return st;
        if (run->backward_s && (step->phase == AGAIN || !self->again))
            run->backward_s[step->node] = 0;
        if (run->backward_s)
            run->backward_s[step->node] += dms_clock_now() - began;
    }
    return DMS_OK;
}

void dms_run_observe(dms_run *run, dms_observer *observer, void *user)
{
    run->observer = observer;
    run->observer_user = user;
}

void dms_run_profile(dms_run *run, double *forward_s, double *backward_s)
{
    run->forward_s = forward_s;
    run->backward_s = backward_s;
}

size_t dms_run_memory(const dms_run *run)
{
    return run->arena_size + run->scratch_size +
           run->spare_dw_len * sizeof(float);
}
