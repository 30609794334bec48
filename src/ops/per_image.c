/* Images are independent, so the threads share them out. */
#include "ops/per_image.h"

void dms_each_image(dms_image_op op, void *out, const void *in,
                    const dms_shape *out_shape, const dms_shape *in_shape)
{
    int64_t out_len = out_shape->c * out_shape->h * out_shape->w;
    int64_t in_len = in_shape->c * in_shape->h * in_shape->w;

#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < out_shape->n; n++)
        op((float *)out + n * out_len, (const float *)in + n * in_len,
           out_shape, in_shape);
}
