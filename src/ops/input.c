/* The caller's images: no inputs, nothing to compute. */
#include "ops/ops.h"
#include "graph/op.h"

static const dms_op op_input = {.name = "input"};

dms_node *dms_input(dms_graph *g, dms_shape shape)
{
    dms_node *node =
        dms_graph_add(g, &(dms_node_spec){.op = &op_input, .shape = shape});

    if (node)
        node->layout = DMS_LAYOUT_NCHW;
    return node;
}
