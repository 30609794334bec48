/* Ops that work on one image of the batch at a time. */
#ifndef DMS_OPS_PER_IMAGE_H
#define DMS_OPS_PER_IMAGE_H

#include "graph/graph.h"

/* out and in are the floats of one image of the given shapes; n is ignored. */
typedef void (*dms_image_op)(float *out, const float *in,
                             const dms_shape *out_shape,
                             const dms_shape *in_shape);

/* Apply op to each of the out_shape->n images, in parallel. */
void dms_each_image(dms_image_op op, void *out, const void *in,
                    const dms_shape *out_shape, const dms_shape *in_shape);

#endif
