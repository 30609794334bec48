/* The losses and their slopes, per cell or per row, in double. Relies on
 * targets that are in [0, 1] or NaN (unknown: not counted). */
#include "train/loss.h"

#include <math.h>
#include <string.h>

/* A term of the loss and its derivative with respect to the logit z. */
typedef struct term {
    double value;
    double slope;
} term;

dms_loss_options dms_loss_options_default(int labels)
{
    return (dms_loss_options){.labels = labels,
                              .kind = DMS_LOSS_BCE,
                              .eye_weight = 0.3,
                              .focal_alpha = -1.0};
}

static double sigmoid(double z)
{
    double e = exp(-fabs(z));

    return z >= 0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

/* log(1 + exp(z)) without overflow: -log of the probability of sign(-z). */
static double softplus(double z)
{
    return fmax(z, 0.0) + log1p(exp(-fabs(z)));
}

/* (1-p)^g * -log p; if g = 0, the positive half of cross-entropy. */
static term positive_term(double z, double gamma)
{
    double p = sigmoid(z), q = sigmoid(-z), nll = softplus(-z);
    double focus = pow(q, gamma);

    return (term){focus * nll, focus * (-gamma * p * nll - q)};
}

/* p^g * -log(1-p): positive_term with z negated. */
static term negative_term(double z, double gamma)
{
    term mirrored = positive_term(-z, gamma);

    return (term){mirrored.value, -mirrored.slope};
}

/* m^g * -log(1-m) with m = max(p - clip, 0): Ridnik et al. 2021, eq. 5-7. */
static term shifted_term(double z, double gamma, double clip)
{
    double p = sigmoid(z);
    double m = p - clip;
    double nll, focus;

    if (clip <= 0)
        return negative_term(z, gamma);
    if (m <= 0)
        return (term){0.0, 0.0};
    nll = -log1p(-m);
    focus = pow(m, gamma);
    return (term){focus * nll,
                  p * (1 - p) * focus * (gamma * nll / m + 1 / (1 - m))};
}

/* weight * t * positive(z) + (1-t) * negative(z). This is linear in t, so soft
 * targets need no special case. */
static term cell_term(double z, double t, double weight,
                      const dms_loss_options *options)
{
    bool focal = options->kind == DMS_LOSS_FOCAL;
    bool balanced =
        focal && options->focal_alpha >= 0 && options->focal_alpha <= 1;
    double a = weight * t * (balanced ? options->focal_alpha : 1.0);
    double b = (1 - t) * (balanced ? 1 - options->focal_alpha : 1.0);
    term pos, neg;

    if (options->kind == DMS_LOSS_ASYMMETRIC) {
        pos = positive_term(z, options->gamma_pos);
        neg = shifted_term(z, options->gamma_neg, options->clip);
    } else {
        pos = positive_term(z, focal ? options->focal_gamma : 0.0);
        neg = negative_term(z, focal ? options->focal_gamma : 0.0);
    }
    return (term){a * pos.value + b * neg.value, a * pos.slope + b * neg.slope};
}

/* The mean loss over the counted cells. gradient is set to weight * its
 * slope. */
static double binary_table(float *gradient, const float *logits,
                           const float *targets, int rows, double weight,
                           const dms_loss_options *options)
{
    double sum = 0.0;
    size_t counted = 0, width = (size_t)options->labels;
    size_t cells = (size_t)rows * width;

    for (size_t i = 0; i < cells; i++)
        counted += !isnan(targets[i]);
    for (size_t i = 0; i < cells; i++) {
        double t =
            targets[i] * (1 - options->smoothing) + 0.5 * options->smoothing;
        double w = options->pos_weight ? options->pos_weight[i % width] : 1.0;
        term cell;

        if (isnan(targets[i]))
            continue;
        cell = cell_term(logits[i], t, w, options);
        sum += cell.value;
        if (gradient)
            gradient[i] = (float)(weight * cell.slope / (double)counted);
    }
    return counted ? sum / (double)counted : 0.0;
}

/* The sum of a row's labels; 0 if the row does not count. */
static double row_mass(const float *targets, int width)
{
    double mass = 0.0;

    for (int k = 0; k < width; k++)
        mass += targets[k];
    return mass > 0 ? mass : 0.0; /* NaN > 0 is false */
}

/* Loss -sum t log softmax(z), slope softmax(z) - t. */
static double softmax_row(float *gradient, const float *logits,
                          const float *targets, double scale,
                          const dms_loss_options *options)
{
    int width = options->labels;
    double mass = row_mass(targets, width);
    double top = logits[0], sum = 0.0, value = 0.0;

    for (int k = 1; k < width; k++)
        top = fmax(top, logits[k]);
    for (int k = 0; k < width; k++)
        sum += exp(logits[k] - top);
    for (int k = 0; k < width; k++) {
        double log_p = logits[k] - top - log(sum);
        double t = targets[k] / mass * (1 - options->smoothing) +
                   options->smoothing / width;

        value -= t * log_p;
        if (gradient)
            gradient[k] = (float)(scale * (exp(log_p) - t));
    }
    return value;
}

static double softmax_table(float *gradient, const float *logits,
                            const float *targets, int rows, double weight,
                            const dms_loss_options *options)
{
    int width = options->labels;
    double sum = 0.0;
    size_t counted = 0;

    for (int i = 0; i < rows; i++)
        counted += row_mass(targets + i * width, width) > 0;
    for (int i = 0; i < rows; i++)
        if (row_mass(targets + i * width, width) > 0)
            sum += softmax_row(gradient ? gradient + i * width : NULL,
                               logits + i * width, targets + i * width,
                               weight / (double)counted, options);
    return counted ? sum / (double)counted : 0.0;
}

/* weight * the mean loss of rows x K cells. Cells that do not count keep
 * gradient 0. */
static double table(float *gradient, const float *logits, const float *targets,
                    int rows, double weight, const dms_loss_options *options)
{
    if (gradient)
        memset(gradient, 0,
               (size_t)rows * (size_t)options->labels * sizeof *gradient);
    if (options->task == DMS_TASK_SINGLE_LABEL)
        return weight *
               softmax_table(gradient, logits, targets, rows, weight, options);
    return weight *
           binary_table(gradient, logits, targets, rows, weight, options);
}

double dms_loss_evaluate(float *patient_gradient, float *eye_gradient,
                         const dms_loss_batch *batch,
                         const dms_loss_options *options)
{
    int n = batch->patients, width = options->labels;
    double value = table(patient_gradient, batch->patient_logits,
                         batch->patient_targets, n, 1.0, options);

    if (!batch->eye_targets || options->eye_weight == 0) {
        if (eye_gradient)
            memset(eye_gradient, 0,
                   2 * (size_t)n * (size_t)width * sizeof *eye_gradient);
        return value;
    }
    for (int eye = 0; eye < 2; eye++) {
        int at = eye * n * width;

        value += table(eye_gradient ? eye_gradient + at : NULL,
                       batch->eye_logits + at, batch->eye_targets + at, n,
                       0.5 * options->eye_weight, options);
    }
    return value;
}
