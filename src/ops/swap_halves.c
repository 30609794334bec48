/* [left; right] becomes [right; left] along N, and dy likewise: the two eyes'
 * maps change places. */
#include <string.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static void swap_halves(void *y, const void *x, const dms_shape *shape)
{
    size_t half = dms_shape_len(shape) / 2 * sizeof(float);

    memcpy(y, (const char *)x + half, half);
    memcpy((char *)y + half, x, half);
}

static dms_status swap_halves_forward(dms_job *t, dms_error *err)
{
    (void)err;
    swap_halves(t->y, t->x[0], &t->node->shape);
    return DMS_OK;
}

static dms_status swap_halves_backward(dms_job *t, dms_error *err)
{
    (void)err;
    swap_halves(t->dx[0], t->dy, &t->node->shape);
    return DMS_OK;
}

static void swap_halves_emit(const dms_emit *e)
{
    char left[DMS_EMIT_NAME_MAX], right[DMS_EMIT_NAME_MAX];

    dms_emit_name(left, e, "left");
    dms_emit_name(right, e, "right");
    dms_emit_split(e, e->x[0], (const char *[]){left, right}, 2);
    dms_onnx_add(e->onnx, &(dms_onnx_node){.op = "Concat",
                                           .name = e->name,
                                           .inputs = {right, left},
                                           .outputs = {e->y}});
    dms_onnx_int(e->onnx, "axis", 0);
}

static const dms_op op_swap_halves = {
    .name = "swap_halves",
    .any_layout = true,
    .forward = swap_halves_forward,
    .backward = swap_halves_backward,
    .emit = swap_halves_emit,
};

dms_node *dms_swap_halves(dms_graph *g, dms_node *x)
{
    return dms_graph_map(g, &op_swap_halves, x);
}
