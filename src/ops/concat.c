/* Concatenation along C, NHWC; backward splits dy. */
#include <string.h>

#include "graph/op.h"
#include "ops/emit.h"
#include "ops/ops.h"

static dms_status concat_forward(dms_job *t, dms_error *err)
{
    const dms_node *node = t->node;
    int64_t rows = node->shape.n * node->shape.h * node->shape.w;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        float *y = (float *)t->y + r * node->shape.c;

        for (int k = 0; k < node->in_count; k++) {
            int64_t c = node->in[k]->shape.c;

            memcpy(y, (const float *)t->x[k] + r * c, (size_t)c * sizeof *y);
            y += c;
        }
    }
    return DMS_OK;
}

static dms_status concat_backward(dms_job *t, dms_error *err)
{
    const dms_node *node = t->node;
    int64_t rows = node->shape.n * node->shape.h * node->shape.w;

    (void)err;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        const float *dy = (const float *)t->dy + r * node->shape.c;

        for (int k = 0; k < node->in_count; k++) {
            int64_t c = node->in[k]->shape.c;

            if (t->dx[k])
                memcpy((float *)t->dx[k] + r * c, dy, (size_t)c * sizeof *dy);
            dy += c;
        }
    }
    return DMS_OK;
}

static void concat_emit(const dms_emit *e)
{
    dms_emit_op(e, "Concat");
    dms_onnx_int(e->onnx, "axis", 1);
}

static const dms_op op_concat = {
    .name = "concat",
    .bounded = true,
    .forward = concat_forward,
    .backward = concat_backward,
    .emit = concat_emit,
};

dms_node *dms_concat(dms_graph *g, dms_node *const *values, int count)
{
    dms_node_spec spec = {.op = &op_concat, .in_count = count};

    for (int k = 0; k < count; k++) {
        if (!values[k])
            return NULL;
        spec.in[k] = values[k];
        spec.shape.c += values[k]->shape.c;
    }
    spec.shape.n = values[0]->shape.n;
    spec.shape.h = values[0]->shape.h;
    spec.shape.w = values[0]->shape.w;
    return dms_graph_add(g, &spec);
}
