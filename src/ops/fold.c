/* Bias, norm and scales of a convolution as one factor and one summand per
 * output channel. */
#include <math.h>

#include "ops/ops.h"

enum { SCALE, SHIFT, MEAN, VARIANCE, NORM };

typedef struct terms {
    const float *b; /* NULL: none */
    const float *norm[NORM];
    bool has_norm;
} terms;

static terms find_terms(const dms_node *conv, const dms_params *params)
{
    terms t = {.has_norm = conv->attr.norm};

    if (conv->attr.bias)
        t.b = dms_param_value(params, conv->param[1]);
    for (int p = 0; t.has_norm && p < NORM; p++)
        t.norm[p] =
            dms_param_value(params, conv->param[conv->param_count - NORM + p]);
    return t;
}

static float factor_of(const terms *t, int64_t o)
{
    return t->has_norm ? t->norm[SCALE][o] / sqrtf(t->norm[VARIANCE][o] +
                                                   DMS_BATCH_NORM_EPSILON)
                       : 1.0f;
}

static float bias_of(const terms *t, int64_t o, float factor)
{
    float b = t->b ? t->b[o] : 0.0f;

    return t->has_norm ? (b - t->norm[MEAN][o]) * factor + t->norm[SHIFT][o]
                       : b;
}

void dms_fold_norm(float *weight, float *bias, const dms_node *conv,
                   const dms_params *params)
{
    const dms_param *param = &params->items[conv->param[0]];
    const float *plain = dms_param_value(params, conv->param[0]);
    const float *steps =
        param->integers
            ? dms_param_value(params, param->scale[DMS_SCALE_WEIGHT])
            : NULL;
    int64_t row = (int64_t)param->len / param->shape[0];
    terms t = find_terms(conv, params);

#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < conv->shape.c; o++) {
        float factor = factor_of(&t, o);

        bias[o] = bias_of(&t, o, factor);
        factor *= steps ? steps[o] : 1.0f;
        for (int64_t i = o * row; i < (o + 1) * row; i++)
            weight[i] = factor * (param->integers ? (float)param->integers[i]
                                                  : plain[i]);
    }
}

void dms_fold_units(float *unit, float *bias, const dms_node *conv,
                    const dms_params *params)
{
    /* below this the sums are negligible and the channel is just its bias */
    const float least = 1e-12f;
    const dms_param *param = &params->items[conv->param[0]];
    const float *steps =
        dms_param_value(params, param->scale[DMS_SCALE_WEIGHT]);
    terms t = find_terms(conv, params);

    for (int64_t o = 0; o < conv->shape.c; o++) {
        float factor = factor_of(&t, o);
        float one = factor * steps[o] * conv->in[0]->scale;

        unit[o] = fabsf(one) < least ? least : one;
        bias[o] = bias_of(&t, o, factor) / unit[o];
    }
}
