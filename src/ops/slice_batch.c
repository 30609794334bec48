/* y = images begin to begin + n of x;  dx = dy there, zero elsewhere. */
#include <assert.h>
#include <string.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static size_t slice_offset(const dms_node *node)
{
    const dms_shape *s = &node->shape;

    return (size_t)(node->attr.begin * s->c * s->h * s->w);
}

static dms_status slice_batch_forward(dms_job *t, dms_error *err)
{
    (void)err;
    memcpy(t->y, (const float *)t->x[0] + slice_offset(t->node),
           dms_shape_len(&t->node->shape) * sizeof(float));
    return DMS_OK;
}

static dms_status slice_batch_backward(dms_job *t, dms_error *err)
{
    float *dx = t->dx[0];

    (void)err;
    memset(dx, 0, dms_shape_len(&t->node->in[0]->shape) * sizeof *dx);
    memcpy(dx + slice_offset(t->node), t->dy,
           dms_shape_len(&t->node->shape) * sizeof *dx);
    return DMS_OK;
}

/* N is symbolic in ONNX: a slice is always one of two halves. */
static void slice_batch_emit(const dms_emit *e)
{
    char other[DMS_EMIT_NAME_MAX];
    bool second = e->node->attr.begin > 0;

    assert(e->node->in[0]->shape.n == 2 * e->node->shape.n);
    dms_emit_name(other, e, "other");
    dms_emit_split(
        e, e->x[0],
        (const char *[]){second ? other : e->y, second ? e->y : other}, 2);
}

static const dms_op op_slice_batch = {
    .name = "slice_batch",
    .any_layout = true,
    .forward = slice_batch_forward,
    .backward = slice_batch_backward,
    .emit = slice_batch_emit,
};

dms_node *dms_slice_batch(dms_graph *g, dms_node *x, int64_t begin,
                          int64_t count)
{
    dms_node_spec spec = {.op = &op_slice_batch, .in = {x}, .in_count = 1};

    if (!x)
        return NULL;
    spec.shape = x->shape;
    spec.shape.n = count;
    spec.attr.begin = (int)begin;
    return dms_graph_add(g, &spec);
}
