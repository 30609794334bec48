/* Watching a run: for which images values overflowed, and at which node first.
 *
 * Checking the few watched nodes costs next to nothing, but an overflow between
 * two of them can be hidden: inf - inf is NaN, and a relu turns that into 0.
 * With values up to LOUD and weights up to DMS_RUN_HEAVY, an overflow takes
 * more than three convolutions in a row. Beyond either bound every node is
 * checked, and a node with a relu inside also by its input: that must be too
 * small for the node's sums to overflow, since the relu would hide it. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/run_parts.h"
#include "graph/value.h"

/* The values of a trained net are far below this. */
#define LOUD 0x1p40f

/* The largest allowed bound on a sum; the margin is for Winograd, whose terms
 * are larger. */
#define SUM_MOST ((double)FLT_MAX / 1024)

dms_status dms_run_watch(dms_run *run, dms_error *err)
{
    const dms_graph *graph = run->graph;

    for (size_t i = 0; i < graph->count; i++)
        if ((size_t)graph->nodes[i]->shape.n > run->images)
            run->images = (size_t)graph->nodes[i]->shape.n;
    run->flaws = dms_calloc(run->images, sizeof(dms_node *));
    return run->flaws ? DMS_OK : dms_fail_memory(err, "graph run");
}

const dms_node *dms_run_flaw(const dms_run *run, size_t image)
{
    return run->flaws ? run->flaws[image] : NULL;
}

void dms_run_keep_flaws(dms_run *run, bool kept)
{
    run->keeps_flaws = kept;
}

void dms_run_watch_begin(dms_run *run)
{
    if (run->flaws && !run->keeps_flaws)
        memset(run->flaws, 0, run->images * sizeof(dms_node *));
    run->loud = false;
}

/* The largest |value| in images first .. first + count - 1 of node's output. An
 * image is contiguous in every layout. Integers cannot be infinite: they
 * saturate. */
static float magnitude(const dms_node *node, const void *value, size_t first,
                       size_t count)
{
    size_t len = dms_shape_len(&node->shape) / (size_t)node->shape.n;
    size_t at = first * len * dms_type_size(node->type);

    if (dms_type_is_integer(node->type))
        return 0;
    return dms_value_magnitude((const char *)value + at, count * len,
                               node->type);
}

static bool is_flawed(const dms_job *job, bool closely, size_t first,
                      size_t count)
{
    const dms_node *node = job->node;
    const dms_param *weight;

    if (isinf(magnitude(node, job->y, first, count)))
        return true;
    if (!closely || !node->attr.relu || !(job->heaviest > 0))
        return false;
    weight = &job->params->items[node->param[0]]; /* products per sum */
    return (double)magnitude(node->in[0], job->x[0], first, count) *
               (double)job->heaviest *
               ((double)weight->len / (double)weight->shape[0]) >
           SUM_MOST;
}

void dms_run_watch_node(dms_run *run, const dms_job *job)
{
    const dms_node *node = job->node;
    size_t images = (size_t)node->shape.n;
    bool closely = run->careful || run->loud;

    if (!run->flaws || !(node->watched || closely))
        return;
    run->loud |= magnitude(node, job->y, 0, images) > LOUD;
    if (!is_flawed(job, closely, 0, images))
        return;
    for (size_t i = 0; i < images; i++)
        if (!run->flaws[i] && is_flawed(job, closely, i, 1))
            run->flaws[i] = node;
}
