/* Platt scaling and temperatures.
 *
 * Both minimise the log loss of p = sigmoid(a x + b) against targets t,
 *     sum of softplus(z) - t z,  z = a x + b,
 * which is convex in a and b, with Newton's method: Platt scaling over a and b
 * (Lin, Lin & Weng 2007, "A note on Platt's probabilistic outputs for support
 * vector machines"), a temperature 1 / a over a alone, b = 0 (Guo et al. 2017).
 * The softmax of one-of labels, p = softmax(a x), has one a. */
#include "eval/calibration.h"

#include <math.h>

#define SLOPE_MIN 1e-3
#define SLOPE_MAX 1e3

const char *dms_calibrate_method_name(int method)
{
    static const char *const names[] = {"platt", "temperature", "none"};

    return method >= 0 && method < 3 ? names[method] : NULL;
}

void dms_outcomes_count(size_t *known, size_t *positives,
                        const dms_outcomes *outcomes, int k)
{
    size_t width = (size_t)dms_label_set_count(outcomes->set);

    *known = *positives = 0;
    for (size_t i = 0; i < outcomes->count; i++) {
        uint8_t label = outcomes->labels[i * width + (size_t)k];

        *known += label != DMS_LABEL_UNKNOWN;
        *positives += label == 1;
    }
}

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

/* ln(1 + exp(z)) without overflow. */
static double softplus(double z)
{
    return fmax(z, 0) + log1p(exp(-fabs(z)));
}

/* One label's logits and targets. */
typedef struct column {
    const dms_outcomes *outcomes;
    int k;
    double high, low; /* the targets of patients with and without the label */
} column;

/* The known cells of a column: x, t; false: unknown. */
static bool read_cell(double *x, double *t, const column *c, size_t i)
{
    const dms_outcomes *o = c->outcomes;
    size_t at = i * (size_t)dms_label_set_count(o->set) + (size_t)c->k;

    *x = (double)o->logits[at];
    *t = o->labels[at] ? c->high : c->low;
    return o->labels[at] != DMS_LABEL_UNKNOWN;
}

static double platt_loss(const column *c, dms_calibration at)
{
    double sum = 0, x, t;

    for (size_t i = 0; i < c->outcomes->count; i++)
        if (read_cell(&x, &t, c, i)) {
            double z = at.slope * x + at.intercept;

            sum += softplus(z) - t * z;
        }
    return sum;
}

/* The direction in which Newton's method goes from there; its product with the
 * gradient, which is negative, is the return value. */
static double newton_step(dms_calibration *step, const column *c,
                          dms_calibration at)
{
    double ga = 0, gb = 0, haa = 1e-12, hab = 0, hbb = 1e-12, det, x, t;

    for (size_t i = 0; i < c->outcomes->count; i++)
        if (read_cell(&x, &t, c, i)) {
            double p = sigmoid(at.slope * x + at.intercept), w = p * (1 - p);

            ga += (p - t) * x, gb += p - t;
            haa += w * x * x, hab += w * x, hbb += w;
        }
    det = haa * hbb - hab * hab;
    if (!(det > 0)) { /* rounding, with all logits nearly equal */
        *step = (dms_calibration){0, 0};
        return 0;
    }
    step->slope = -(hbb * ga - hab * gb) / det;
    step->intercept = -(haa * gb - hab * ga) / det;
    return ga * step->slope + gb * step->intercept;
}

/* Of a step; the last one takes a ten-thousand-millionth of it. */
enum { HALVINGS = 34 };

/* A whole step may overshoot: it is halved until the loss decreases. */
static dms_calibration fit_platt(const column *c, size_t known,
                                 size_t positives)
{
    double negatives = (double)(known - positives);
    dms_calibration at = {0, log(((double)positives + 1) / (negatives + 1))};
    double loss = platt_loss(c, at);

    for (int i = 0; i < 100; i++) {
        dms_calibration step;
        double falls = newton_step(&step, c, at);
        int halvings = 0;

        if (!(falls < -1e-14 * (1 + fabs(loss))))
            break;
        for (; halvings < HALVINGS; halvings++) {
            double share = ldexp(1, -halvings);
            dms_calibration next = {at.slope + share * step.slope,
                                    at.intercept + share * step.intercept};
            double reached = platt_loss(c, next);

            if (reached < loss + 1e-4 * share * falls) {
                at = next, loss = reached;
                break;
            }
        }
        if (halvings == HALVINGS)
            break; /* rounding: no step decreases it any more */
    }
    return at;
}

/* First and second derivative of a convex loss by the slope. */
typedef void derivatives(double *first, double *second, const void *of,
                         double slope);

static void of_column(double *first, double *second, const void *of,
                      double slope)
{
    const column *c = of;
    double x, t;

    for (size_t i = 0; i < c->outcomes->count; i++)
        if (read_cell(&x, &t, c, i)) {
            double p = sigmoid(slope * x);

            *first += (p - t) * x;
            *second += p * (1 - p) * x * x;
        }
}

static void of_all_columns(double *first, double *second, const void *of,
                           double slope)
{
    const dms_outcomes *o = of;

    for (int k = 0; k < dms_label_set_count(o->set); k++)
        of_column(first, second, &(column){o, k, 1, 0}, slope);
}

/* Of -ln softmax(slope x) at the true class: the derivatives are the mean of x
 * under the softmax, less x of the true class, and the variance. */
static void of_softmax(double *first, double *second, const void *of,
                       double slope)
{
    const dms_outcomes *o = of;
    size_t width = (size_t)dms_label_set_count(o->set);

    for (size_t i = 0; i < o->count; i++) {
        const float *x = o->logits + i * width;
        const uint8_t *labels = o->labels + i * width;
        double max = (double)x[0], sum = 0, mean = 0, square = 0, truth = 0;

        if (labels[0] == DMS_LABEL_UNKNOWN)
            continue;
        for (size_t k = 1; k < width; k++)
            max = fmax(max, (double)x[k]);
        for (size_t k = 0; k < width; k++) {
            double above = (double)x[k] - max, p = exp(slope * above);

            sum += p, mean += p * above, square += p * above * above;
            truth += labels[k] == 1 ? above : 0;
        }
        mean /= sum, square /= sum;
        *first += mean - truth;
        *second += square - mean * mean;
    }
}

static double first_at(derivatives *d, const void *of, double slope)
{
    double first = 0, second = 0;

    d(&first, &second, of, slope);
    return first;
}

/* The slope of the least loss, from SLOPE_MIN to SLOPE_MAX. Newton's method
 * within a bracket that shrinks; where it leaves the bracket, the geometric
 * middle. */
static double fit_slope(derivatives *d, const void *of)
{
    double low = SLOPE_MIN, high = SLOPE_MAX, slope = 1;

    if (first_at(d, of, low) >= 0)
        return low;
    if (first_at(d, of, high) <= 0)
        return high;
    for (int i = 0; i < 200 && high - low > 1e-15 * high; i++) {
        double first = 0, second = 0, next;

        d(&first, &second, of, slope);
        if (first == 0)
            break;
        *(first < 0 ? &low : &high) = slope;
        next = slope - first / second;
        if (fabs(next - slope) < 1e-14 * slope)
            break;
        slope = next > low && next < high ? next : sqrt(low * high);
    }
    return slope;
}

static bool is_sound(const dms_calibration *c)
{
    return c->slope > SLOPE_MIN && c->slope < SLOPE_MAX &&
           isfinite(c->intercept);
}

/* false: too few patients, or no slope within the limits. */
static bool fit_label(dms_calibration *found, const dms_outcomes *outcomes,
                      int k, dms_calibrate_method method)
{
    size_t known, positives, negatives;
    column c = {outcomes, k, 1, 0};

    dms_outcomes_count(&known, &positives, outcomes, k);
    negatives = known - positives;
    if (positives < DMS_CALIBRATE_FIT_MIN || negatives < DMS_CALIBRATE_FIT_MIN)
        return false;
    if (method == DMS_CALIBRATE_TEMPERATURE) {
        *found = (dms_calibration){fit_slope(of_column, &c), 0};
    } else {
        c.high = ((double)positives + 1) / ((double)positives + 2);
        c.low = 1 / ((double)negatives + 2);
        *found = fit_platt(&c, known, positives);
    }
    return is_sound(found);
}

void dms_calibration_fit_to(dms_calibration_fit *fit,
                            const dms_outcomes *outcomes,
                            dms_calibrate_method method)
{
    int count = dms_label_set_count(outcomes->set);
    bool one_of = dms_label_set_task(outcomes->set) == DMS_TASK_SINGLE_LABEL;
    dms_calibration common = {1, 0};

    if (method != DMS_CALIBRATE_NONE)
        common.slope =
            fit_slope(one_of ? of_softmax : of_all_columns, outcomes);
    if (!is_sound(&common))
        common.slope = 1;
    fit->temperature = 1 / common.slope;
    common.slope = 1 / fit->temperature; /* as a model file has it */
    for (int k = 0; k < count; k++) {
        dms_calibration own;

        fit->own[k] = !one_of && method != DMS_CALIBRATE_NONE &&
                      fit_label(&own, outcomes, k, method);
        fit->calibration[k] = fit->own[k] ? own : common;
    }
}
