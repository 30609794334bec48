/* Distillation's losses. Relies on dms_loss_evaluate, which accepts soft
 * targets: the divergence is the student's loss on the teacher's probabilities
 * less the teacher's own, which is their entropy. */
#include "train/distil.h"

#include <math.h>

/* Arrays of one batch, patients' rows before eyes'; all in scratch. */
typedef struct softened {
    float *student, *teacher; /* logits / T, 3N x K */
    float *targets;           /* the teacher's probabilities, 3N x K */
    float *gradient;          /* 3N x K */
    size_t patient_cells;     /* N * K */
} softened;

size_t dms_distil_scratch(int patients, int labels)
{
    return 4 * 3 * (size_t)patients * (size_t)labels;
}

static void divide(float *out, const float *logits, size_t count, double by)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)(logits[i] / by);
}

static void sigmoids(float *p, const float *z, size_t count)
{
    for (size_t i = 0; i < count; i++)
        p[i] = (float)(1 / (1 + exp(-(double)z[i])));
}

static void softmax_row(float *p, const float *z, int width)
{
    double top = z[0], sum = 0;

    for (int k = 1; k < width; k++)
        top = fmax(top, z[k]);
    for (int k = 0; k < width; k++)
        sum += exp(z[k] - top);
    for (int k = 0; k < width; k++)
        p[k] = (float)(exp(z[k] - top) / sum);
}

static softened soften(float *scratch, const dms_distil_batch *b,
                       const dms_distil_options *o)
{
    size_t width = (size_t)o->labels, n = (size_t)b->patients * width;
    softened s = {scratch, scratch + 3 * n, scratch + 6 * n, scratch + 9 * n,
                  n};

    divide(s.student, b->student_patient, n, o->temperature);
    divide(s.student + n, b->student_eye, 2 * n, o->temperature);
    divide(s.teacher, b->teacher_patient, n, o->temperature);
    divide(s.teacher + n, b->teacher_eye, 2 * n, o->temperature);
    if (o->task == DMS_TASK_MULTI_LABEL)
        sigmoids(s.targets, s.teacher, 3 * n);
    for (size_t at = 0; o->task == DMS_TASK_SINGLE_LABEL && at < 3 * n;
         at += width)
        softmax_row(s.targets + at, s.teacher + at, o->labels);
    return s;
}

/* The cross-entropy of these logits with the teacher's probabilities. */
static double entropy(const float *logits, float *gradient, const softened *s,
                      int patients, const dms_distil_options *o)
{
    size_t n = s->patient_cells;
    const dms_loss_batch batch = {patients, logits, logits + n, s->targets,
                                  s->targets + n};
    dms_loss_options plain = dms_loss_options_default(o->labels);

    plain.task = o->task;
    plain.eye_weight = o->eye_weight;
    return dms_loss_evaluate(gradient, gradient ? gradient + n : NULL, &batch,
                             &plain);
}

/* own = (1 - w) * own + scale * other */
static void blend(float *own, const float *other, size_t count, double w,
                  double scale)
{
    for (size_t i = 0; i < count; i++)
        own[i] = (float)((1 - w) * own[i] + scale * other[i]);
}

double dms_distil_add(double loss, float *patient_gradient, float *eye_gradient,
                      float *scratch, const dms_distil_batch *b,
                      const dms_distil_options *o)
{
    double w = o->weight, t = o->temperature;
    softened s = soften(scratch, b, o);
    double apart = entropy(s.student, s.gradient, &s, b->patients, o) -
                   entropy(s.teacher, NULL, &s, b->patients, o);

    /* T^2 dD/dz = T dD/d(z/T) */
    blend(patient_gradient, s.gradient, s.patient_cells, w, w * t);
    blend(eye_gradient, s.gradient + s.patient_cells, 2 * s.patient_cells, w,
          w * t);
    return (1 - w) * loss + w * t * t * apart;
}

double dms_distil_maps(float *gradient, const float *student,
                       const float *teacher, size_t len, double weight)
{
    double sum = 0;

    for (size_t i = 0; i < len; i++) {
        double apart = (double)student[i] - teacher[i];

        sum += apart * apart;
        gradient[i] = (float)(2 * weight * apart / (double)len);
    }
    return weight * sum / (double)len;
}
