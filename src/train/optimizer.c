/* AdamW and SGD with gradient clipping, accumulation and a moving average, as
 * in PyTorch. Relies on dms_params keeping values and gradients in flat
 * buffers, and on fixed piece sizes for results that do not depend on the
 * threads. */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* Work is divided into pieces of this size, with a separate sum for each, so
 * that no result depends on the number of threads. */
enum { PIECE = 1 << 16 };

static const double epsilon = 1e-8;

/* Up to this norm no square of a gradient overflows, and so no moment does: it
 * is a mean of squares. An infinite second moment would stop its weight for
 * ever, and no weight would show it. */
static const double moments_norm_max = 1e18;

size_t dms_optimizer_memory(const dms_params *params,
                            const dms_optimizer_options *options)
{
    size_t buffers =
        1u + (options->kind == DMS_OPTIMIZER_ADAMW) + (options->accumulate > 1);
    size_t floats = buffers * params->trained +
                    (options->ema_decay > 0 ? params->changing : 0);

    return sizeof(dms_optimizer) + params->count * sizeof(int64_t) +
           floats * sizeof(float);
}

static bool take(float **buffer, size_t len)
{
    *buffer = dms_calloc_aligned(len, sizeof **buffer);
    return *buffer != NULL;
}

dms_status dms_optimizer_create(dms_optimizer **out, dms_params *params,
                                const dms_optimizer_options *options,
                                dms_error *err)
{
    dms_optimizer *o = dms_calloc(1, sizeof *o);

    if (o)
        o->begun = dms_calloc(params->count, sizeof *o->begun);
    if (!o || !o->begun || !take(&o->moment1, params->trained) ||
        (options->kind == DMS_OPTIMIZER_ADAMW &&
         !take(&o->moment2, params->trained)) ||
        (options->accumulate > 1 && !take(&o->accumulated, params->trained)) ||
        (options->ema_decay > 0 && !take(&o->average, params->changing))) {
        dms_optimizer_destroy(o);
        return dms_fail(err, DMS_ENOMEM,
                        "out of memory (%zu MB for the optimiser)",
                        dms_optimizer_memory(params, options) >> 20);
    }
    o->options = *options;
    o->params = params;
    if (o->average)
        memcpy(o->average, params->value,
               params->changing * sizeof *o->average);
    *out = o;
    return DMS_OK;
}

void dms_optimizer_destroy(dms_optimizer *optimizer)
{
    if (!optimizer)
        return;
    dms_free(optimizer->moment1);
    dms_free(optimizer->moment2);
    dms_free(optimizer->accumulated);
    dms_free(optimizer->average);
    dms_free(optimizer->begun);
    dms_free(optimizer);
}

void dms_optimizer_thaw(dms_optimizer *o, int64_t step)
{
    for (size_t i = 0; i < o->params->count; i++) {
        dms_param *param = &o->params->items[i];

        if (!dms_param_held(o->params, param))
            continue;
        param->frozen = false;
        o->begun[i] = step;
        if (o->average)
            memcpy(o->average + param->offset, o->params->value + param->offset,
                   param->size * sizeof *o->average);
    }
}

bool dms_optimizer_add(dms_optimizer *optimizer)
{
    float *sum = optimizer->accumulated;
    const float *grad = optimizer->params->grad;
    ptrdiff_t end = (ptrdiff_t)optimizer->params->trained;

    optimizer->pending++;
    if (sum) {
#pragma omp parallel for
        for (ptrdiff_t i = 0; i < end; i++)
            sum[i] += grad[i];
    }
    return optimizer->pending >= optimizer->options.accumulate;
}

static double piece_square(const float *x, size_t len)
{
    double sum = 0.0;

    for (size_t i = 0; i < len; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

static double square_norm(const float *x, size_t len)
{
    enum { GROUP = 64 };
    double sum = 0.0;

    for (size_t at = 0; at < len; at += (size_t)GROUP * PIECE) {
        double part[GROUP] = {0};

#pragma omp parallel for
        for (int i = 0; i < GROUP; i++) {
            size_t begin = at + (size_t)i * PIECE;

            if (begin < len)
                part[i] = piece_square(
                    x + begin, len - begin < PIECE ? len - begin : PIECE);
        }
        for (int i = 0; i < GROUP; i++)
            sum += part[i];
    }
    return sum;
}

/* The constants of one tensor's step, rounded as torch rounds them: computed in
 * double, converted to float where they meet a float. */
typedef struct update {
    float lr;
    float keep;  /* AdamW: 1 - lr * decay */
    float decay; /* SGD */
    float beta1, beta1_rest, beta2, beta2_rest;
    float step_size, correction2_root;
    float momentum;
    bool nesterov;
    float scale; /* of the gradient: mean over batches, and clipping */
} update;

/* m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;
 * w = w (1 - lr decay) - lr/(1-b1^t) * m / (sqrt(v)/sqrt(1-b2^t) + eps) */
static void adamw(float *w, float *m, float *v, const float *grad, size_t len,
                  const update *u)
{
    const float eps = (float)epsilon;

    for (size_t i = 0; i < len; i++) {
        float g = grad[i] * u->scale;

        m[i] = u->beta1 * m[i] + u->beta1_rest * g;
        v[i] = u->beta2 * v[i] + u->beta2_rest * g * g;
        w[i] = u->keep * w[i] -
               u->step_size * m[i] / (sqrtf(v[i]) / u->correction2_root + eps);
    }
}

/* g += decay w;  m = momentum m + g;  w -= lr (nesterov ? g + momentum m : m)
 */
static void sgd(float *w, float *m, const float *grad, size_t len,
                const update *u)
{
    for (size_t i = 0; i < len; i++) {
        float g = grad[i] * u->scale + u->decay * w[i];

        m[i] = u->momentum * m[i] + g;
        w[i] -= u->lr * (u->nesterov ? g + u->momentum * m[i] : m[i]);
    }
}

/* The factor on the learning rate: backbone_lr for layer4 of the backbone, and
 * for each part before it stage_decay times that of the part after. */
static double rate_factor(const char *name, const dms_optimizer_options *o)
{
    static const char *const parts[] = {"backbone.layer4.", "backbone.layer3.",
                                        "backbone.layer2.", "backbone.layer1.",
                                        "backbone."};
    double factor = o->backbone_lr;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strncmp(name, parts[i], strlen(parts[i])) == 0)
            return factor;
        factor *= o->stage_decay;
    }
    return 1;
}

/* The next step of row i. */
static update update_of(const dms_optimizer *o, size_t i, double lr,
                        double scale)
{
    const dms_optimizer_options *options = &o->options;
    const dms_param *param = &o->params->items[i];
    double t = (double)(o->step + 1 - o->begun[i]);
    double decay =
        param->role == DMS_PARAM_WEIGHT ? options->weight_decay : 0.0;

    lr *= rate_factor(param->name, options);
    return (update){
        .lr = (float)lr,
        .keep = (float)(1 - lr * decay),
        .decay = (float)decay,
        .beta1 = (float)options->beta1,
        .beta1_rest = (float)(1 - options->beta1),
        .beta2 = (float)options->beta2,
        .beta2_rest = (float)(1 - options->beta2),
        .step_size = (float)(lr / (1 - pow(options->beta1, t))),
        .correction2_root = (float)sqrt(1 - pow(options->beta2, t)),
        .momentum = (float)options->momentum,
        .nesterov = options->nesterov,
        .scale = (float)scale,
    };
}

static void step_tensor(dms_optimizer *o, const dms_param *param,
                        const float *grad, const update *u)
{
    ptrdiff_t pieces = (ptrdiff_t)((param->size + PIECE - 1) / PIECE);

#pragma omp parallel for
    for (ptrdiff_t i = 0; i < pieces; i++) {
        size_t begin = (size_t)i * PIECE;
        size_t at = param->offset + begin;
        size_t len = param->size - begin < PIECE ? param->size - begin : PIECE;

        if (o->moment2)
            adamw(o->params->value + at, o->moment1 + at, o->moment2 + at,
                  grad + at, len, u);
        else
            sgd(o->params->value + at, o->moment1 + at, grad + at, len, u);
    }
}

/* average += (1 - d) (value - average). d rises with the number of steps, so
 * that a short run's average is not its first weights. */
static void follow(dms_optimizer *o)
{
    double t = (double)o->step;
    float rest = (float)(1 - fmin(o->options.ema_decay, (1 + t) / (10 + t)));
    float *average = o->average;
    const float *value = o->params->value;
    ptrdiff_t end = (ptrdiff_t)o->params->changing;

#pragma omp parallel for
    for (ptrdiff_t i = 0; i < end; i++)
        average[i] += rest * (value[i] - average[i]);
}

/* Mean over the batches, then torch's clip_grad_norm_. *norm, taken before
 * clipping, is set to infinity if AdamW cannot use the gradient. */
static double gradient_scale(const dms_optimizer *o, double *norm,
                             const float *grad)
{
    double scale = 1.0 / (o->pending > 1 ? o->pending : 1);
    double limit = o->options.clip_norm;

    *norm = scale * sqrt(square_norm(grad, o->params->trained));
    if (limit > 0 && *norm > limit)
        scale *= limit / (*norm + 1e-6);
    else if (o->moment2 && *norm > moments_norm_max)
        *norm = INFINITY;
    return scale;
}

double dms_optimizer_step(dms_optimizer *optimizer, double lr)
{
    dms_params *params = optimizer->params;
    const float *grad =
        optimizer->accumulated ? optimizer->accumulated : params->grad;
    double norm;
    double scale = gradient_scale(optimizer, &norm, grad);

    for (size_t i = 0; isfinite(norm) && i < params->count; i++) {
        const dms_param *param = &params->items[i];
        update u = update_of(optimizer, i, lr, scale);

        if (dms_param_trained(param))
            step_tensor(optimizer, param, grad, &u);
    }
    if (isfinite(norm)) {
        optimizer->step++;
        if (optimizer->average)
            follow(optimizer);
    }
    optimizer->pending = 0;
    if (optimizer->accumulated)
        memset(optimizer->accumulated, 0, params->trained * sizeof(float));
    return norm;
}

const float *dms_optimizer_weights(const dms_optimizer *optimizer, size_t i)
{
    const dms_param *param = &optimizer->params->items[i];
    bool averaged = optimizer->average && !param->frozen;

    return (averaged ? optimizer->average : optimizer->params->value) +
           param->offset;
}
