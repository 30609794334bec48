/* Distillation's losses against a plain computation, cell by cell. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "train/distil.h"

enum { K = 5, N = 4, CELLS = N * K };

/* Patients' rows, then left and right eyes'. */
typedef struct cells {
    float student[3 * CELLS], teacher[3 * CELLS], gradient[3 * CELLS];
} cells;

static void fill(cells *c, uint64_t seed)
{
    dms_rng rng = dms_rng_seeded(seed);

    for (int i = 0; i < 3 * CELLS; i++) {
        c->student[i] = (float)(3 * dms_rng_normal(&rng));
        c->teacher[i] = (float)(3 * dms_rng_normal(&rng));
        c->gradient[i] = (float)dms_rng_normal(&rng);
    }
}

static double added(cells *c, double loss, const dms_distil_options *o)
{
    const dms_distil_batch batch = {.patients = N,
                                    .student_patient = c->student,
                                    .teacher_patient = c->teacher,
                                    .student_eye = c->student + CELLS,
                                    .teacher_eye = c->teacher + CELLS};
    float *scratch = dms_calloc(dms_distil_scratch(N, K), sizeof *scratch);
    double sum;

    assert_non_null(scratch);
    sum = dms_distil_add(loss, c->gradient, c->gradient + CELLS, scratch,
                         &batch, o);
    dms_free(scratch);
    return sum;
}

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

/* Mean over cells of KL(Bernoulli(teacher) || Bernoulli(student)). */
static double plain_binary(const float *s, const float *t, double temperature)
{
    double sum = 0;

    for (int i = 0; i < CELLS; i++) {
        double p = sigmoid(t[i] / temperature), q = sigmoid(s[i] / temperature);

        sum += p * log(p / q) + (1 - p) * log((1 - p) / (1 - q));
    }
    return sum / CELLS;
}

/* Mean over rows of KL(softmax(teacher) || softmax(student)). */
static double plain_softmax(const float *s, const float *t, double temperature)
{
    double sum = 0;

    for (int row = 0; row < N; row++) {
        const float *a = s + row * K, *b = t + row * K;
        double of_s = 0, of_t = 0;

        for (int k = 0; k < K; k++)
            of_s += exp(a[k] / temperature), of_t += exp(b[k] / temperature);
        for (int k = 0; k < K; k++)
            sum += exp(b[k] / temperature) / of_t *
                   ((b[k] - a[k]) / temperature - log(of_t / of_s));
    }
    return sum / N;
}

static double plain(const cells *c, const dms_distil_options *o)
{
    double (*apart)(const float *, const float *, double) =
        o->task == DMS_TASK_SINGLE_LABEL ? plain_softmax : plain_binary;
    double sum = apart(c->student, c->teacher, o->temperature);

    for (int eye = 1; eye < 3; eye++)
        sum += o->eye_weight / 2 *
               apart(c->student + eye * CELLS, c->teacher + eye * CELLS,
                     o->temperature);
    return sum * o->temperature * o->temperature;
}

static dms_distil_options random_options(uint64_t seed)
{
    dms_rng rng = dms_rng_seeded(seed + 77);

    return (dms_distil_options){.labels = K,
                                .task = seed % 2 ? DMS_TASK_SINGLE_LABEL
                                                 : DMS_TASK_MULTI_LABEL,
                                .eye_weight = dms_rng_uniform(&rng),
                                .weight = dms_rng_uniform(&rng),
                                .temperature = dms_rng_range(&rng, 0.5, 5)};
}

static void the_sum_weights_labels_and_teacher_as_stated(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        dms_distil_options o = random_options(seed);
        cells c;
        double got, want;

        fill(&c, seed);
        want = (1 - o.weight) * 0.7 + o.weight * plain(&c, &o);
        got = added(&c, 0.7, &o);
        if (fabs(got - want) > 1e-5 * (1 + fabs(want)))
            fail_msg("seed %d: got %.9g, want %.9g", (int)seed, got, want);
    }
}

static void gradients_agree_with_differences_of_the_plain_sum(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        dms_distil_options o = random_options(seed);
        cells before, c;

        fill(&before, seed);
        c = before;
        added(&c, 0, &o);
        for (int i = 0; i < 3 * CELLS; i++) {
            cells up = before, down = before;
            double step, slope, want;

            up.student[i] += 1e-2f, down.student[i] -= 1e-2f;
            step = (double)up.student[i] - down.student[i];
            slope = (plain(&up, &o) - plain(&down, &o)) / step;
            want = (1 - o.weight) * before.gradient[i] + o.weight * slope;
            if (fabs(c.gradient[i] - want) > 1e-4 * (1 + fabs(want)))
                fail_msg("seed %d, cell %d: got %.9g, want %.9g", (int)seed, i,
                         (double)c.gradient[i], want);
        }
    }
}

static void a_student_that_equals_its_teacher_keeps_the_labels_share(void **s)
{
    (void)s;
    for (uint64_t seed = 0; seed < 6; seed++) {
        dms_distil_options o = random_options(seed);
        cells before, c;

        fill(&before, seed);
        memcpy(before.student, before.teacher, sizeof before.student);
        c = before;
        assert_true(fabs(added(&c, 2, &o) - 2 * (1 - o.weight)) < 1e-6);
        for (int i = 0; i < 3 * CELLS; i++)
            assert_true(fabs(c.gradient[i] -
                             (1 - o.weight) * before.gradient[i]) < 1e-6);
    }
}

static void extreme_logits_give_finite_numbers(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2; seed++) {
        dms_distil_options o = random_options(seed);
        cells c;

        fill(&c, seed);
        for (int i = 0; i < 3 * CELLS; i++) {
            c.student[i] *= 1e4f;
            c.teacher[i] *= 1e4f;
        }
        assert_true(isfinite(added(&c, 1, &o)));
        for (int i = 0; i < 3 * CELLS; i++)
            assert_true(isfinite(c.gradient[i]));
    }
}

static void maps_cost_their_mean_squared_difference(void **state)
{
    static const float student[] = {0.5f, 0.25f, 0, 1};
    static const float teacher[] = {0.5f, 0.75f, 1, 1};
    static const float want[] = {0, -2.5f, -5, 0}; /* 2 * 10 * diff / 4 */
    float gradient[4];
    double value = dms_distil_maps(gradient, student, teacher, 4, 10);

    (void)state;
    assert_true(fabs(value - 10 * (0.25 + 1) / 4) < 1e-12);
    assert_memory_equal(gradient, want, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_weights_labels_and_teacher_as_stated),
        cmocka_unit_test(gradients_agree_with_differences_of_the_plain_sum),
        cmocka_unit_test(
            a_student_that_equals_its_teacher_keeps_the_labels_share),
        cmocka_unit_test(extreme_logits_give_finite_numbers),
        cmocka_unit_test(maps_cost_their_mean_squared_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
