/* The operation count that convolutions and linear layers share. */
#include "ops/ops.h"

double dms_weight_flops(const dms_node *node, const dms_params *params)
{
    const dms_shape *y = &node->shape;
    double positions = (double)(y->n * y->h * y->w);

    return 2 * positions * (double)params->items[node->param[0]].len;
}
