/* The same values in another layout or type, by oneDNN. dms_pass_layout inserts
 * this op. */
#include "base/alloc.h"
#include "base/fail.h"
#include "ops/dnnl_util.h"
#include "ops/ops.h"

typedef struct reorder_state {
    dms_prim forward;
    dms_prim backward;
} reorder_state;

static void reorder_release(void *state)
{
    reorder_state *s = state;

    dms_prim_release(&s->forward);
    dms_prim_release(&s->backward);
    dms_free(s);
}

/* The value that integer 1 stands for; 1 for floats. */
static float unit_of(const dms_node *value)
{
    return dms_type_is_integer(value->type) ? value->scale : 1.0f;
}

static dms_status reorder_prepare(dms_job *t, dms_needs *needs, dms_error *err)
{
    dms_status st;
    const dms_node *node = t->node;
    dnnl_memory_desc_t x = dms_desc_node(node->in[0]);
    dnnl_memory_desc_t y = dms_desc_node(node);
    reorder_state *s = dms_calloc(1, sizeof *s);

    if (!s)
        return dms_fail_memory(err, "reorder");
    t->state = s;
    TRY(dms_prim_rescale(&s->forward, t->backend, &x, &y,
                         unit_of(node->in[0]) / unit_of(node), needs, err));
    if (t->backward)
        TRY(dms_prim_rescale(&s->backward, t->backend, &y, &x, 1.0f, needs,
                             err));
done:
    return st;
}

static dms_status reorder_forward(dms_job *t, dms_error *err)
{
    const reorder_state *s = t->state;

    return dms_prim_run(&s->forward, t->backend, t->scratch,
                        (const void *[]){t->x[0], t->y}, err);
}

static dms_status reorder_backward(dms_job *t, dms_error *err)
{
    const reorder_state *s = t->state;

    return dms_prim_run(&s->backward, t->backend, t->scratch,
                        (const void *[]){t->dy, t->dx[0]}, err);
}

const dms_op dms_op_reorder = {
    .name = "reorder",
    .bounded = true,
    .prepare = reorder_prepare,
    .forward = reorder_forward,
    .backward = reorder_backward,
    .release = reorder_release,
};
