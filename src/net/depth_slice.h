/* Convolutions that were inflated over depth to read volumes (I3D: Carreira &
 * Zisserman 2017, arXiv 1705.07750), O x I x D x H x W, converted back to
 * two-dimensional ones, O x I x H x W. */
#ifndef DMS_NET_DEPTH_SLICE_H
#define DMS_NET_DEPTH_SLICE_H

#include "dms/import.h"
#include "formats/tensor.h"
#include "graph/params.h"

/* Is the tensor the weight param, inflated over depth? */
bool dms_depth_inflated(const dms_tensor_view *view, const dms_param *param);

/* The two-dimensional convolution as a view with view's name: the central slice
 * or the sum over depth. values: room for its O x I x H x W floats, used by the
 * sum. view must be inflated. DMS_EMISMATCH if an element lies beyond its
 * bytes.
 */
dms_status dms_depth_flatten(dms_tensor_view *flat, float *values,
                             const dms_tensor_view *view, dms_depth_slice slice,
                             dms_error *err);

#endif
